import Refx
import RefxStore

/// The values that a GGUF file keeps under keys, as JSON from which each can be made again to the bit.
///
/// A text is a string and a truth value is true or false. A number says its type, `{"type": "uint32", "value": 7}`,
/// and so does an array, `{"type": "array", "of": "int16", "value": [1, 2]}`, whose elements need not say it again.
/// What JSON has no number for is a string: an integer beyond 64 bits with sign in decimal, a float that is not
/// finite as the hexadecimal digits of its bits. A text that is not UTF-8 has its bytes in hexadecimal under `hex`.
struct GGUFValues {
  private let lengthBytes: Int
  private let budget: Budget

  /// The types of values, by the number that stands for each.
  enum Kind: UInt32 {
    case uint8 = 0
    case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64
  }

  /// How deep arrays may stand in one another. Writers nest none.
  private static let mostDepth = 16

  /// - Parameter version: of the file; the first one had lengths of four bytes.
  init(version: UInt32, _ budget: Budget) {
    lengthBytes = version == 1 ? 4 : 8
    self.budget = budget
  }

  // MARK: What stands everywhere

  /// A length or a count, of which not more can be than `most`.
  func count(_ reader: inout ForwardReader, of what: String, most: (Int) -> Int) throws -> Int {
    let place = reader.place
    let count: UInt64 = lengthBytes == 4 ? UInt64(try reader.number(as: UInt32.self)) : try reader.number()
    let limit = most(reader.left)
    guard count <= UInt64(limit) else { throw RefxError.ggufCut(what, count, most: limit, at: place) }
    return Int(count)
  }

  /// A name.
  func name(_ reader: inout ForwardReader, of what: String) throws -> Key {
    let place = reader.place
    let length = try count(&reader, of: "bytes of a name") { $0 }
    try budget.check(nameBytes: length, at: place)
    try budget.charge(metadataBytes: length, at: place)
    guard let text = try reader.text(length) else {
      throw RefxError.ggufDamaged("UTF-8 as the name of a \(what)", found: "other bytes", at: place)
    }
    return Key(text)
  }

  // MARK: Values

  /// A value of any type as it stands under a key, with that type.
  func value(_ reader: inout ForwardReader) throws -> (kind: Kind, json: JSON) {
    let kind = try self.kind(&reader)
    let value = try element(kind, &reader, depth: 0)
    switch (kind, value) {
    case (.string, .object(let object)): return (kind, ["type": "string", "hex": object["hex"] ?? .null])
    case (.string, _), (.bool, _): return (kind, value)
    case (.array, .object(let object)):
      return (kind, .object(JSONObject([.init("type", "array")] + object.members)))
    default: return (kind, ["type": .string("\(kind)"), "value": value])
    }
  }

  private func kind(_ reader: inout ForwardReader) throws -> Kind {
    let place = reader.place
    let number: UInt32 = try reader.number()
    guard let kind = Kind(rawValue: number) else {
      throw RefxError.ggufDamaged("a value's type from 0 to 12", found: "\(number)", at: place)
    }
    return kind
  }

  private func element(_ kind: Kind, _ reader: inout ForwardReader, depth: Int) throws -> JSON {
    switch kind {
    case .string: return try string(&reader)
    case .array: return try array(&reader, depth: depth)
    case .uint8: return .integer(Int64(try reader.number(as: UInt8.self)))
    case .int8: return .integer(Int64(try reader.number(as: Int8.self)))
    case .uint16: return .integer(Int64(try reader.number(as: UInt16.self)))
    case .int16: return .integer(Int64(try reader.number(as: Int16.self)))
    case .uint32: return .integer(Int64(try reader.number(as: UInt32.self)))
    case .int32: return .integer(Int64(try reader.number(as: Int32.self)))
    case .int64: return .integer(try reader.number())
    case .uint64:
      let number: UInt64 = try reader.number()
      return Int64(exactly: number).map { .integer($0) } ?? .string(String(number))
    case .float32:
      let number = Float(bitPattern: try reader.number())
      return number.isFinite
        ? .number(Double(number)) : .string(hexadecimal(bigEndianBytes(of: number.bitPattern)))
    case .float64:
      let number = Double(bitPattern: try reader.number())
      return number.isFinite
        ? .number(number) : .string(hexadecimal(bigEndianBytes(of: number.bitPattern)))
    case .bool:
      let place = reader.place
      let byte = try reader.byte()
      guard byte <= 1 else { throw RefxError.boolOfAnotherByte(at: place) }
      return .bool(byte == 1)
    }
  }

  private func bigEndianBytes(of bits: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: bits.bigEndian) { Array($0) }
  }

  private func string(_ reader: inout ForwardReader) throws -> JSON {
    let place = reader.place
    let length = try count(&reader, of: "bytes of a text") { $0 }
    try budget.charge(metadataBytes: length, at: place)
    let start = reader
    if let text = try reader.text(length) { return .string(text) }
    reader = start
    return ["hex": .string(hexadecimal(try reader.bytes(length)))]
  }

  private func array(_ reader: inout ForwardReader, depth: Int) throws -> JSON {
    let place = reader.place
    guard depth < GGUFValues.mostDepth else {
      throw RefxError.overLimit(
        "arrays stand too deep in one another", limit: GGUFValues.mostDepth, at: place)
    }
    let kind = try self.kind(&reader)
    let least = leastBytes(of: kind)
    let count = try count(&reader, of: "elements of an array") { $0 / least }
    // What they take in memory, which for small numbers is more than in the file.
    try budget.charge(
      metadataBytes: count.multipliedReportingOverflow(by: MemoryLayout<JSON>.stride).overflow
        ? .max : count * MemoryLayout<JSON>.stride, at: place)
    var elements: [JSON] = []
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try element(kind, &reader, depth: depth + 1)) }
    return ["of": .string("\(kind)"), "value": .array(elements)]
  }

  /// The bytes that an element takes at least.
  private func leastBytes(of kind: Kind) -> Int {
    switch kind {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string: lengthBytes
    case .array: 4 + lengthBytes
    }
  }
}
