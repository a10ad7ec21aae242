/// Which bytes are elements. Of most dtypes all are; a boolean is 0 or 1, and a number of four bits is within its
/// range. Readers of files look, so that no other byte gets out.
extension DType {
  /// Whether any bytes are elements of this dtype.
  package var takesAnyBytes: Bool { elementBytes == nil }

  /// The position of the first byte that is no element; nil where there is none. Looks at every byte, and at none
  /// where the dtype takes any.
  package func firstOtherByte(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard let (shift, most) = elementBytes else { return nil }
    // Without a way out of the loop, so that many bytes are looked at at once.
    var greatest: UInt8 = 0
    for byte in bytes { greatest = max(greatest, byte &+ shift) }
    return greatest <= most ? nil : bytes.firstIndex { $0 &+ shift > most }
  }

  /// A byte is an element where it is at most `most` when `shift` is added.
  private var elementBytes: (shift: UInt8, most: UInt8)? {
    switch self {
    case .bool: (0, 1)
    case .int4: (8, 15)
    case .uint4: (0, 15)
    case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .bfloat16, .float32,
      .float64,
      .complex64, .complex128, .float8E4M3FN, .float8E5M2, .string, .unsupported:
      nil
    }
  }

  /// Whether elements are real numbers in floating point, of any width.
  package var isRealFloat: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64, .float8E4M3FN, .float8E5M2: true
    case .bool, .int4, .int8, .int16, .int32, .int64, .uint4, .uint8, .uint16, .uint32, .uint64, .complex64,
      .complex128, .string, .unsupported:
      false
    }
  }

  /// Which elements there are, for a sentence.
  package var elementInWords: String {
    switch self {
    case .bool: "a bool of 0 or 1"
    case .int4: "an int4 of -8 to 7"
    case .uint4: "a uint4 of 0 to 15"
    default: "any \(name)"
    }
  }
}
