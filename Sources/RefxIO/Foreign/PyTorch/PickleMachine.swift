import Refx
import RefxStore

/// Reads one pickle, of any protocol from 0 to 5, as a program for a machine with a stack that can build texts,
/// numbers and containers and nothing else. What a name stands for is ``TorchObjects``' to say; nothing is imported
/// and nothing called.
///
/// One step for each instruction of the file, and no recursion: how deep containers lie in each other matters to
/// whoever looks at the result.
struct PickleMachine {
  var input: PickleInput
  var objects: TorchObjects
  var stack: [PickleValue] = []
  private var marks: [Int] = []
  /// What was noted under a number, nearly always one after the other.
  private var memo: [PickleValue?] = []
  private var scatteredMemo: [Int: PickleValue] = [:]
  /// The most that was on the stack so far, which is charged.
  private var highWater = 0

  init(_ input: PickleInput, _ objects: TorchObjects) {
    self.input = input
    self.objects = objects
  }

  // Arrays that grow are there twice while they are moved.
  private static let markBytes = 16
  private static let memoBytes = 2 * PickleHeap.valueBytes
  private static let scatteredMemoBytes = 96

  /// - Returns: the value that the pickle describes.
  /// - Throws: ``RefxError`` where it is malformed, cut, or beyond a limit.
  mutating func run() throws -> PickleValue {
    while true {
      let start = input.place
      let code = try input.byte()
      if code == UInt8(ascii: ".") {
        guard stack.count == 1, marks.isEmpty, let value = stack.popLast() else {
          throw RefxError.pickleDamaged("it ends with \(stack.count) values in the place of one", at: start)
        }
        try input.charge()
        return value
      }
      try step(code, start)
      if stack.count > highWater {
        try objects.heap.budget.charge(metadataBytes: PickleHeap.valueBytes * (stack.count - highWater))
        highWater = stack.count
      }
    }
  }

  private mutating func step(_ code: UInt8, _ start: Int) throws {
    switch code {
    // The protocol, which says nothing that the instructions do not, and the frame's length.
    case 0x80:
      let version = try input.byte()
      guard version <= 5 else { throw RefxError.pickleVersion(Int(version), at: start) }
    case 0x95: _ = try input.length(8)
    case UInt8(ascii: "("):
      try objects.heap.budget.charge(metadataBytes: PickleMachine.markBytes)
      marks.append(stack.count)
    case UInt8(ascii: "0"):
      if marks.last == stack.count { marks.removeLast() } else { _ = try pop(start) }
    case UInt8(ascii: "1"): _ = try popToMark(start)
    case UInt8(ascii: "2"): stack.append(try top(start))
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.boolean(true))
    case 0x89: stack.append(.boolean(false))
    case UInt8(ascii: "F"), UInt8(ascii: "G"), UInt8(ascii: "I"), UInt8(ascii: "J"), UInt8(ascii: "K"),
      UInt8(ascii: "L"), UInt8(ascii: "M"), 0x8A, 0x8B:
      stack.append(try number(code, start))
    case UInt8(ascii: "S"), UInt8(ascii: "T"), UInt8(ascii: "U"), UInt8(ascii: "V"), UInt8(ascii: "X"), 0x8C,
      0x8D, UInt8(ascii: "B"), UInt8(ascii: "C"), 0x8E, 0x96:
      stack.append(try text(code, start))
    case UInt8(ascii: "]"): stack.append(.list(try objects.heap.addRow()))
    case UInt8(ascii: ")"): stack.append(.tuple(try objects.heap.addRow()))
    case UInt8(ascii: "}"): stack.append(.dictionary(try objects.heap.addRow()))
    case 0x8F: stack.append(.set(try objects.heap.addRow()))
    case 0x85, 0x86, 0x87:
      stack.append(.tuple(try objects.heap.addRow(try pop(Int(code) - 0x84, start))))
    case UInt8(ascii: "t"): try gather(start) { .tuple($0) }
    case UInt8(ascii: "l"): try gather(start) { .list($0) }
    case 0x91: try gather(start) { .set($0) }
    case UInt8(ascii: "d"):
      guard ((marks.last ?? 0) - stack.count).isMultiple(of: 2) else { throw odd(start) }
      try gather(start) { .dictionary($0) }
    case UInt8(ascii: "a"):
      let value = try pop(start)
      try append([value], to: top(start), start)
    case UInt8(ascii: "e"):
      let values = try popToMark(start)
      try append(values, to: top(start), start)
    case UInt8(ascii: "s"):
      let pair = try pop(2, start)
      try set(pair, of: top(start), start)
    case UInt8(ascii: "u"):
      let pairs = try popToMark(start)
      guard pairs.count.isMultiple(of: 2) else { throw odd(start) }
      try set(pairs, of: top(start), start)
    case 0x90:
      let values = try popToMark(start)
      switch try top(start) {
      case .set(let row): try objects.heap.append(values, toRow: row)
      case .foreign: break
      default: throw RefxError.pickleDamaged("it adds members to what is no set", at: start)
      }
    case UInt8(ascii: "g"), UInt8(ascii: "h"), UInt8(ascii: "j"): stack.append(try noted(code, start))
    case UInt8(ascii: "p"), UInt8(ascii: "q"), UInt8(ascii: "r"), 0x94: try note(code, start)
    default: try call(code, start)
    }
  }

  /// Names, calls, and what a call leaves to be said.
  private mutating func call(_ code: UInt8, _ start: Int) throws {
    switch code {
    case UInt8(ascii: "c"):
      let module = try input.nameLine()
      stack.append(try objects.named(module, try input.nameLine(), at: start))
    case 0x93:
      let parts = try pop(2, start)
      guard let module = objects.heap.text(parts[0]), let name = objects.heap.text(parts[1]) else {
        throw RefxError.pickleDamaged("a name in it is no text", at: start)
      }
      stack.append(try objects.named(Array(module.utf8), Array(name.utf8), at: start))
    case UInt8(ascii: "R"), 0x81:
      let parts = try pop(2, start)
      stack.append(try objects.made(of: parts[0], with: parts[1], at: start))
    case 0x92:
      let parts = try pop(3, start)
      if case .foreign = parts[0] {
        stack.append(.foreign)
      } else if case .dictionary(let row) = parts[2], objects.heap.rows[row].isEmpty {
        stack.append(try objects.made(of: parts[0], with: parts[1], at: start))
      } else {
        throw RefxError.pickleDamaged("it calls a known class with arguments by name", at: start)
      }
    case UInt8(ascii: "i"):
      let module = try input.nameLine()
      let name = try objects.named(module, try input.nameLine(), at: start)
      let arguments = PickleValue.tuple(try objects.heap.addRow(try popToMark(start)))
      stack.append(try objects.made(of: name, with: arguments, at: start))
    case UInt8(ascii: "o"):
      let parts = try popToMark(start)
      guard let name = parts.first else { throw underflow(start) }
      let arguments = PickleValue.tuple(try objects.heap.addRow(parts.dropFirst()))
      stack.append(try objects.made(of: name, with: arguments, at: start))
    case UInt8(ascii: "b"):
      let state = try pop(start)
      let value = try pop(start)
      stack.append(try objects.completed(value, with: state, at: start))
    case UInt8(ascii: "Q"):
      let identifier = try pop(start)
      stack.append(try objects.persistent(identifier, at: start))
    case UInt8(ascii: "P"):
      let name = try input.nameLine()
      if objects.hasStorages, name.starts(with: "('storage', ".utf8) {
        throw RefxError.torchTextStorage(at: start)
      }
      throw RefxError.pickleUnsupported("an object that stands elsewhere under a name of its own", at: start)
    case 0x82, 0x83, 0x84:
      throw RefxError.pickleUnsupported("an entry of a registry that only its writer has", at: start)
    case 0x97, 0x98: throw RefxError.pickleUnsupported("a buffer that was stored elsewhere", at: start)
    default:
      throw RefxError.pickleDamaged("0x\(hexadecimal([code])) is no instruction of a pickle", at: start)
    }
  }

  // MARK: The stack

  private func underflow(_ place: Int) -> RefxError {
    .pickleDamaged("it takes more from its stack than it has put there", at: place)
  }

  private func odd(_ place: Int) -> RefxError { .pickleDamaged("it has a key without a value", at: place) }

  private func top(_ place: Int) throws -> PickleValue {
    guard let value = stack.last, stack.count > marks.last ?? 0 else { throw underflow(place) }
    return value
  }

  private mutating func pop(_ place: Int) throws -> PickleValue {
    let value = try top(place)
    stack.removeLast()
    return value
  }

  private mutating func pop(_ count: Int, _ place: Int) throws -> [PickleValue] {
    guard stack.count - (marks.last ?? 0) >= count else { throw underflow(place) }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark(_ place: Int) throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw underflow(place) }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func gather(_ place: Int, _ make: (Int) -> PickleValue) throws {
    stack.append(make(try objects.heap.addRow(try popToMark(place))))
  }

  // MARK: Containers

  private mutating func append(_ values: [PickleValue], to target: PickleValue, _ place: Int) throws {
    switch target {
    case .list(let row): try objects.heap.append(values, toRow: row)
    case .foreign: break
    default: throw RefxError.pickleDamaged("it appends to what is no list", at: place)
    }
  }

  private mutating func set(_ pairs: [PickleValue], of target: PickleValue, _ place: Int) throws {
    switch target {
    case .dictionary(let row): try objects.heap.append(pairs, toRow: row)
    case .foreign: break
    default: throw RefxError.pickleDamaged("it sets members of what is no dictionary", at: place)
    }
  }

  // MARK: The memo

  private mutating func noted(_ code: UInt8, _ start: Int) throws -> PickleValue {
    let number: Int
    switch code {
    case UInt8(ascii: "h"): number = Int(try input.byte())
    case UInt8(ascii: "j"): number = Int(try input.number(4))
    default: number = try lineNumber(start)
    }
    guard let value = number < memo.count ? memo[number] : scatteredMemo[number] else {
      throw RefxError.pickleDamaged("it takes up number \(number), which it has not noted", at: start)
    }
    return value
  }

  private mutating func note(_ code: UInt8, _ start: Int) throws {
    let number: Int
    switch code {
    case UInt8(ascii: "q"): number = Int(try input.byte())
    case UInt8(ascii: "r"): number = Int(try input.number(4))
    case UInt8(ascii: "p"): number = try lineNumber(start)
    default: number = memo.count + scatteredMemo.count
    }
    let value = try top(start)
    if number < memo.count {
      memo[number] = value
      return
    }
    let isNext = number == memo.count
    try objects.heap.budget.charge(
      metadataBytes: isNext ? PickleMachine.memoBytes : PickleMachine.scatteredMemoBytes)
    if isNext { memo.append(value) } else { scatteredMemo[number] = value }
  }

  private mutating func lineNumber(_ start: Int) throws -> Int {
    guard let number = Int(String(decoding: try input.numberLine(), as: UTF8.self)), number >= 0 else {
      throw RefxError.pickleDamaged("the number of a note is none", at: start)
    }
    return number
  }
}
