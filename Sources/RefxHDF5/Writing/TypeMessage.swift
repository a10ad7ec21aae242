import Refx

/// The message that describes the elements of a dataset.
enum TypeMessage {
  /// - Returns: nil where HDF5 has no type for it.
  static func number(_ dtype: DType) -> [UInt8]? {
    switch dtype {
    case .int8, .int16, .int32, .int64: dtype.itemSize.map { integer(size: $0, isSigned: true) }
    case .uint8, .uint16, .uint32, .uint64: dtype.itemSize.map { integer(size: $0, isSigned: false) }
    // An attribute says what the bytes are.
    case .float8E4M3FN, .int4, .uint4: number(dtype.inHDF5)
    case .float16, .bfloat16, .float32, .float64, .float8E5M2: float(dtype)
    case .bool: boolean
    case .complex64: float(.float32).map { complex(of: $0, size: 8) }
    case .complex128: float(.float64).map { complex(of: $0, size: 16) }
    case .string, .unsupported: nil
    }
  }

  static let uint8 = integer(size: 1, isSigned: false)
  static let uint32 = integer(size: 4, isSigned: false)
  static let uint64 = integer(size: 8, isSigned: false)
  static let int64 = integer(size: 8, isSigned: true)

  /// UTF-8 in `size` bytes.
  static func fixedText(size: Int, padding: ElementType.TextPadding = .nullPadded) -> [UInt8] {
    let pad: UInt32 =
      switch padding {
      case .nullTerminated: 0
      case .nullPadded: 1
      case .spacePadded: 2
      }
    // The 1 in the next four bits says UTF-8.
    return head(.text, bits: pad | 1 << 4, size: size)
  }

  /// UTF-8 of any length: its length, and where it lies in the heap.
  static let heapText: [UInt8] =
    // A sequence that is text, ended by NUL in memory, UTF-8, of single bytes.
    head(.sequence, bits: 1 | 1 << 8, size: heapTextSize) + integer(size: 1, isSigned: false)

  static let heapTextSize = 16

  private enum Class: UInt8 {
    case integer = 0
    case float = 1
    case text = 3
    case compound = 6
    case enumeration = 8
    case sequence = 9
  }

  private static func head(_ kind: Class, version: UInt8 = 1, bits: UInt32, size: Int) -> [UInt8] {
    var message = MetadataBuffer()
    message.add(UInt32(version << 4 | kind.rawValue) | bits << 8)
    message.add(UInt32(size))
    return message.bytes
  }

  private static func integer(size: Int, isSigned: Bool) -> [UInt8] {
    var message = MetadataBuffer()
    message.add(head(.integer, bits: isSigned ? 8 : 0, size: size))
    message.add(0 as UInt16)
    message.add(UInt16(8 * size))
    return message.bytes
  }

  private static func float(_ dtype: DType) -> [UInt8]? {
    guard let fields = FloatFields.known.first(where: { $0.dtype == dtype })?.fields,
      let size = dtype.itemSize
    else { return nil }
    var message = MetadataBuffer()
    // The mantissa's first bit is implied (2 in bits 4 and 5); the place of the sign is in bits 8 to 15.
    message.add(head(.float, bits: 2 << 4 | UInt32(fields.sign) << 8, size: size))
    message.add(0 as UInt16)
    message.add(UInt16(8 * size))
    for field in [fields.exponent, fields.exponentBits, fields.mantissa, fields.mantissaBits] {
      message.add(UInt8(field))
    }
    message.add(UInt32(fields.bias))
    return message.bytes
  }

  private static let boolean: [UInt8] = {
    let names: [StaticString] = ["FALSE\0\0\0", "TRUE\0\0\0\0"]
    var message = MetadataBuffer()
    message.add(head(.enumeration, bits: UInt32(names.count), size: 1))
    message.add(integer(size: 1, isSigned: true))
    for name in names { message.add(name) }
    for value in 0..<UInt8(names.count) { message.add(value) }
    return message.bytes
  }()

  private static func complex(of part: [UInt8], size: Int) -> [UInt8] {
    var message = MetadataBuffer()
    // Version 3: each member is its name, its offset in one byte, its type.
    message.add(head(.compound, version: 3, bits: 2, size: size))
    for (name, offset) in [("r\0" as StaticString, 0), ("i\0", size / 2)] {
      message.add(name)
      message.add(UInt8(offset))
      message.add(part)
    }
    return message.bytes
  }
}
