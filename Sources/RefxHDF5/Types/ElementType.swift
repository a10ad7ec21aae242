import Refx

/// What the elements of a dataset are in the file.
enum ElementType: Hashable, Sendable {
  /// Elements of a dtype, in the file's byte order.
  case number(DType, isBigEndian: Bool)
  /// Text in a fixed number of bytes.
  case fixedText(size: Int, padding: TextPadding)
  /// Text in the file's global heap.
  case heapText
  /// Anything else, by its name and why it cannot be represented.
  case unsupported(UnsupportedLeaf)

  enum TextPadding: Hashable, Sendable { case nullTerminated, nullPadded, spacePadded }
}

extension ElementType {
  static func unsupported(_ name: String, _ reason: String) -> ElementType {
    .unsupported(UnsupportedLeaf(typeName: name, reason: reason))
  }

  static let sequences = unsupported("variable-length", "its elements are sequences of differing length")
  static let references = unsupported("reference", "its elements point to places of the file")
  static let opaque = unsupported("opaque", "its elements are bytes without a meaning")
  static let bitfields = unsupported("bitfield", "its elements are bits without a number's meaning")
  static let times = unsupported("time", "its elements are points in time")
  static let arrays = unsupported("array", "its elements are arrays themselves")
  static let otherEnumeration = unsupported("enum", "its values are names, not numbers")
  static let otherCompound = unsupported("compound", "its elements have several fields")

  /// Whole numbers of `bits` bits from the lowest on; an order of nil is neither of the two.
  static func integer(isSigned: Bool, bits: Int, offset: Int, size: Int, isBigEndian: Bool?) -> ElementType {
    let name = (isSigned ? "int" : "uint") + String(bits)
    guard offset == 0, bits == 8 * size, let isBigEndian, let dtype = DType(name: name),
      dtype.itemSize == size
    else { return unsupported(name, "its integers have \(bits) bits within \(size) bytes") }
    return .number(dtype, isBigEndian: isBigEndian && size > 1)
  }

  /// Floats of `bits` bits from the lowest on; an order of nil is neither of the two.
  static func float(
    _ fields: FloatFields, bits: Int, offset: Int, size: Int, isBigEndian: Bool?
  ) -> ElementType {
    guard offset == 0, bits == 8 * size, let isBigEndian,
      let dtype = FloatFields.known.first(where: { $0.fields == fields && $0.dtype.itemSize == size })?.dtype
    else {
      return unsupported(
        "float\(8 * size)",
        "its floats have \(fields.exponentBits) exponent and \(fields.mantissaBits) mantissa bits")
    }
    return .number(dtype, isBigEndian: isBigEndian && size > 1)
  }

  /// What two equal parts, r and then i, make together.
  static func complex(of part: ElementType, size: Int) -> ElementType {
    switch part {
    case .number(.float32, let isBigEndian) where size == 8:
      .number(.complex64, isBigEndian: isBigEndian)
    case .number(.float64, let isBigEndian) where size == 16:
      .number(.complex128, isBigEndian: isBigEndian)
    default: .otherCompound
    }
  }
}
