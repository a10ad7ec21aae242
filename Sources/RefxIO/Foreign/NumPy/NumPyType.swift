import Refx

/// What the elements of an array are.
enum NumPyType {
  case number(DType, isBigEndian: Bool)
  /// Text in a fixed number of bytes, ended by zeros.
  case bytes(count: Int)
  /// Text of a fixed number of characters, each of four bytes.
  case characters(count: Int, isBigEndian: Bool)
  /// Bytes without a meaning, unless something beside the array says what they are.
  case raw(name: String, itemSize: Int)
  /// Python's own objects, which only running a program would bring back.
  case object
  /// Anything else, with the bytes of an element.
  case other(UnsupportedLeaf, itemSize: Int)

  var itemSize: Int {
    switch self {
    case .number(let dtype, _): dtype.itemSize ?? 1
    case .bytes(let count): count
    case .characters(let count, _): 4 * count
    case .raw(_, let itemSize): itemSize
    case .object: 0
    case .other(_, let itemSize): itemSize
    }
  }

  /// - Throws: ``RefxError`` where it is no type.
  init(_ literal: PythonLiteral, at place: Int) throws {
    switch literal {
    case .text(let text): self = try NumPyType.simple(text, at: place)
    case .list(let fields): self = try NumPyType.compound(fields, at: place)
    default: throw RefxError.numpyDamaged("a type as descr", at: place)
    }
  }

  private static func simple(_ text: String, at place: Int) throws -> NumPyType {
    let bytes = Array(text.utf8)
    func damaged() -> RefxError { .numpyDamaged("a type such as '<f4'", found: "'\(text)'", at: place) }
    guard bytes.count >= 2, let order = Order(rawValue: bytes[0]) else { throw damaged() }
    let kind = bytes[1]
    let tail = bytes[2...]
    // Times have a unit behind their size.
    let digits = tail.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let size = digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self)) ?? -1
    guard size >= 0, size <= 1 << 30 else { throw damaged() }
    let isPlain = digits.count == tail.count
    func number(_ names: [Int: DType]) throws -> NumPyType {
      guard isPlain, let dtype = names[size] else {
        guard isPlain, size > 0 else { throw damaged() }
        return .other(
          UnsupportedLeaf(
            typeName: text, reason: "its elements of \(size) bytes stand for no dtype of this library"),
          itemSize: size)
      }
      return .number(dtype, isBigEndian: order == .big && size > 1)
    }
    switch kind {
    case UInt8(ascii: "b"): return try number([1: .bool])
    case UInt8(ascii: "i"): return try number([1: .int8, 2: .int16, 4: .int32, 8: .int64])
    case UInt8(ascii: "u"): return try number([1: .uint8, 2: .uint16, 4: .uint32, 8: .uint64])
    case UInt8(ascii: "f"): return try number([2: .float16, 4: .float32, 8: .float64])
    case UInt8(ascii: "c"): return try number([8: .complex64, 16: .complex128])
    case UInt8(ascii: "S") where isPlain: return .bytes(count: size)
    case UInt8(ascii: "U") where isPlain && size <= 1 << 28:
      return .characters(count: size, isBigEndian: order == .big)
    case UInt8(ascii: "O"): return .object
    case UInt8(ascii: "V") where isPlain: return .raw(name: text, itemSize: size)
    case UInt8(ascii: "M") where size == 8, UInt8(ascii: "m") where size == 8:
      return other(text, "its elements are points or lengths of time", size)
    default: throw damaged()
    }
  }

  private static func other(_ name: String, _ reason: String, _ size: Int) -> NumPyType {
    .other(UnsupportedLeaf(typeName: name, reason: reason), itemSize: size)
  }

  private enum Order: UInt8 {
    case little = 0x3C
    case big = 0x3E
    case none = 0x7C
    case native = 0x3D
  }

  /// A structure: its fields' names and types, of which it has the sum of the sizes.
  private static func compound(_ fields: [PythonLiteral], at place: Int) throws -> NumPyType {
    var size = 0
    for field in fields {
      guard case .tuple(let parts) = field, (2...3).contains(parts.count) else {
        throw RefxError.numpyDamaged("fields with a name and a type", at: place)
      }
      switch parts[0] {
      case .text: break
      case .tuple(let names) where names.count == 2: break
      default: throw RefxError.numpyDamaged("a field's name", at: place)
      }
      let type = try NumPyType(parts[1], at: place)
      if case .object = type {
        throw RefxError.numpyDamaged(
          "numbers", found: "a structure that holds Python's own objects", at: place)
      }
      var count = 1
      if parts.count == 3 {
        let axes: [PythonLiteral] = if case .tuple(let axes) = parts[2] { axes } else { [parts[2]] }
        for axis in axes {
          guard case .integer(let extent) = axis, extent >= 0 else {
            throw RefxError.numpyDamaged("a field's extents", at: place)
          }
          count = count.multipliedReportingOverflow(by: extent).overflow ? -1 : count * extent
          guard count >= 0 else { throw RefxError.numpyDamaged("smaller fields", at: place) }
        }
      }
      let (bytes, overflow) = type.itemSize.multipliedReportingOverflow(by: count)
      let (sum, overflowed) = size.addingReportingOverflow(bytes)
      guard !overflow, !overflowed, sum <= 1 << 30 else {
        throw RefxError.numpyDamaged("smaller fields", at: place)
      }
      size = sum
    }
    return other("compound", "its elements have several fields", size)
  }
}
