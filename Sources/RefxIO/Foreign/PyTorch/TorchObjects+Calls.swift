import Refx
import RefxStore

/// What known names give when a pickle calls them.
extension TorchObjects {
  /// - Throws: ``RefxError`` where a known name is called with what it does not take.
  mutating func made(of callee: PickleValue, with arguments: PickleValue, at place: Int) throws -> PickleValue
  {
    guard case .tuple(let row) = arguments else {
      if case .foreign = arguments { return .foreign }
      throw RefxError.pickleDamaged("it calls something with what are no arguments", at: place)
    }
    let parts = heap.rows[row]
    if case .foreign = callee { return .foreign }
    guard let name = self.name(callee) else {
      throw RefxError.pickleDamaged("it calls what is no function", at: place)
    }
    // The file is refused for it in the end.
    if parts.contains(.foreign) { return .foreign }
    let result: PickleValue?
    switch name {
    case .ordered, .dictionary, .counter: result = try dictionary(parts)
    // The first argument says what to make of keys that are not there.
    case .defaultDictionary: result = try dictionary(Array(parts.dropFirst()))
    case .list, .tuple, .set, .frozenSet, .size: result = try self.row(name, parts)
    case .bytes, .byteArray, .encode: result = try bytes(name, parts)
    case .complex:
      if parts.count == 2, let real = number(parts[0]), let imaginary = number(parts[1]) {
        result = try add(.complex(real, imaginary))
      } else {
        result = nil
      }
    case .device: result = try device(parts)
    case .layout: result = parts.count == 1 && heap.text(parts[0]) != nil ? parts[0] : nil
    case .arrayMaker: result = self.name(parts.first ?? .none) == .arrayClass ? try add(.emptyArray) : nil
    case .arrayType: result = try arrayType(parts)
    case .arrayScalar: result = try arrayScalar(parts)
    case .arrayFromBuffer: result = try arrayFromBuffer(parts)
    default: result = try tensor(name, parts, at: place)
    }
    guard let result else {
      throw RefxError.pickleDamaged("it calls a known name with other arguments than it takes", at: place)
    }
    return result
  }

  /// What is said of a value after it was made.
  mutating func completed(_ value: PickleValue, with state: PickleValue, at place: Int) throws -> PickleValue
  {
    switch value {
    case .foreign: return value
    case .dictionary:
      // `_metadata` of a state dictionary says the versions of its modules.
      if case .dictionary(let row) = state,
        heap.rows[row].count > (heap.member("_metadata", of: state) == nil ? 0 : 2)
      {
        attributed += 1
      }
      return value
    case .made(let number):
      switch made[number] {
      case .emptyArray:
        guard let array = try array(state) else { break }
        made[number] = array
        return value
      case .arrayType(let type):
        guard let ordered = type.ordered(by: heap.members(state) ?? [], heap) else { break }
        made[number] = .arrayType(ordered)
        return value
      case .tensor, .listed, .refused: return value
      default: break
      }
    default: break
    }
    throw RefxError.pickleDamaged("it says more of a value than that can have", at: place)
  }

  // MARK: Containers

  private mutating func dictionary(_ parts: [PickleValue]) throws -> PickleValue? {
    guard let first = parts.first else { return .dictionary(try heap.addRow()) }
    guard parts.count == 1 else { return nil }
    if case .dictionary(let row) = first { return .dictionary(try heap.addRow(heap.rows[row])) }
    guard let pairs = heap.members(first) else { return nil }
    try heap.budget.charge(metadataBytes: 2 * PickleHeap.valueBytes * pairs.count)
    var members: [PickleValue] = []
    members.reserveCapacity(2 * pairs.count)
    for pair in pairs {
      guard let pair = heap.members(pair), pair.count == 2 else { return nil }
      members += pair
    }
    return .dictionary(try heap.addRow(members))
  }

  private mutating func row(_ name: PythonName, _ parts: [PickleValue]) throws -> PickleValue? {
    guard parts.count <= 1, let members = parts.isEmpty ? [] : heap.members(parts[0]) else { return nil }
    let row = try heap.addRow(members)
    switch name {
    case .list: return .list(row)
    case .set, .frozenSet: return .set(row)
    default: return .tuple(row)
    }
  }

  private func number(_ value: PickleValue) -> Double? {
    switch value {
    case .float(let number): number
    case .integer(let number): Double(number)
    default: nil
    }
  }

  /// `encode(text, "latin1")` is how rows of bytes were written before there was an instruction for them.
  private mutating func bytes(_ name: PythonName, _ parts: [PickleValue]) throws -> PickleValue? {
    guard let first = parts.first else { return name == .encode ? nil : .bytes(try heap.add([UInt8]())) }
    if parts.count == 1, case .bytes = first, name != .encode { return first }
    guard parts.count == 2, let text = heap.text(first), let coding = heap.text(parts[1]),
      ["latin1", "latin-1"].contains(coding)
    else { return nil }
    let count = text.unicodeScalars.count
    try heap.budget.charge(metadataBytes: count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    for scalar in text.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return .bytes(try heap.add(bytes))
  }

  private mutating func device(_ parts: [PickleValue]) throws -> PickleValue? {
    guard let first = parts.first, let kind = heap.text(first), parts.count <= 2 else { return nil }
    guard parts.count == 2 else { return first }
    guard case .integer(let number) = parts[1] else { return nil }
    return .text(try heap.add("\(kind):\(number)"))
  }
}
