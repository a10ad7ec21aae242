import Refx
import RefxStore

/// The collections of a file in which text of any length lies, read by our own code within its bounds.
///
/// A collection: "GCOL", version 1, three zero bytes, its size; then objects, each a number, a count, four
/// zero bytes, its size, and its bytes filled up to a multiple of eight. Number 0 ends them.
struct GlobalHeap {
  private let input: HDF5Input
  private let name: String
  private var collections: [Int: [Int: Range<Int>]] = [:]
  /// What may still be looked through: collections that overlap would make it quadratic.
  private var bytesLeft: Int

  init(_ input: HDF5Input, name: String) {
    self.input = input
    self.name = name
    bytesLeft = input.bytes.byteCount.multipliedClamping(by: 2)
  }

  /// The first `count` bytes of the object with that number in the collection at `address`.
  mutating func object(_ number: Int, at address: Int, count: Int) throws -> [UInt8] {
    if collections[address] == nil { collections[address] = try objects(at: address) }
    guard let range = collections[address]?[number], range.count >= count else {
      throw nowhere()
    }
    return try input.bytes.bytes(at: range.lowerBound, count: count)
  }

  func nowhere() -> RefxError { input.damaged("text that lies nowhere in the file", at: name) }

  private mutating func objects(at address: Int) throws -> [Int: Range<Int>] {
    let (start, overflow) = address.addingReportingOverflow(input.userBlock)
    let lengthSize = input.lengthSize
    guard !overflow else { throw input.damaged("text beyond the end of the file", at: name) }
    let head = try input.bytes.bytes(at: start, count: 8 + lengthSize)
    guard head.starts(with: Array("GCOL".utf8)), let size = number(head, 8, lengthSize),
      size <= bytesLeft, size >= head.count
    else { throw input.damaged("text in a heap that is none", at: name) }
    bytesLeft -= size
    let all = try input.bytes.bytes(at: start, count: size)
    var objects: [Int: Range<Int>] = [:]
    var place = 8 + lengthSize
    while size - place >= 8 + lengthSize {
      guard let index = number(all, place, 2), let length = number(all, place + 8, lengthSize) else { break }
      if index == 0 { break }
      let body = place + 8 + lengthSize
      guard length <= size - body else { throw input.damaged("text beyond the end of its heap", at: name) }
      objects[index] = (start + body)..<(start + body + length)
      place = body + (length + 7) / 8 * 8
    }
    return objects
  }

  private func number(_ bytes: [UInt8], _ place: Int, _ size: Int) -> Int? {
    littleEndian(bytes[place..<(place + size)])
  }
}

/// An unsigned little-endian number of up to eight bytes; nil where it exceeds Int.
func littleEndian(_ bytes: ArraySlice<UInt8>) -> Int? {
  var value: UInt64 = 0
  for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
  return Int(exactly: value)
}
