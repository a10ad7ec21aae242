/// The type of a leaf's elements. Names are NumPy's, plus those that NumPy lacks.
public enum DType: Sendable, Hashable, CaseIterable {
  /// A byte that is 0 or 1.
  case bool
  /// Signed integers in two's complement.
  case int8, int16, int32, int64
  /// Unsigned integers.
  case uint8, uint16, uint32, uint64
  /// Floats of IEEE 754, and the upper half of a float32.
  case float16, bfloat16, float32, float64
  /// Two floats: the real part, then the imaginary one.
  case complex64, complex128
  /// Floats of one byte, with four and five bits of exponent; the first has no infinities.
  case float8E4M3FN, float8E5M2
  /// Whole numbers of four bits, each in a byte of its own: −8 to 7 as an int8, 0 to 15 as a uint8.
  case int4, uint4
  /// Text: each element a UTF-8 string. The logical bytes are, element by element in C order, the length
  /// as a little-endian UInt64 and then that many bytes of UTF-8.
  case string
  /// What a foreign file holds and this library cannot represent; see ``LeafSource/unsupported``.
  case unsupported

  /// The name in listings and JSON.
  public var name: String {
    switch self {
    case .bool: "bool"
    case .int8: "int8"
    case .int16: "int16"
    case .int32: "int32"
    case .int64: "int64"
    case .uint8: "uint8"
    case .uint16: "uint16"
    case .uint32: "uint32"
    case .uint64: "uint64"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float32: "float32"
    case .float64: "float64"
    case .complex64: "complex64"
    case .complex128: "complex128"
    case .float8E4M3FN: "float8_e4m3fn"
    case .float8E5M2: "float8_e5m2"
    case .int4: "int4"
    case .uint4: "uint4"
    case .string: "string"
    case .unsupported: "unsupported"
    }
  }

  /// The dtype with that name; nil for names that are none and for `unsupported`.
  public init?(name: String) {
    guard let found = DType.allCases.first(where: { $0.name == name && $0 != .unsupported }) else {
      return nil
    }
    self = found
  }

  /// Bytes per element; nil where elements have no fixed size (`string`, `unsupported`).
  public var itemSize: Int? {
    switch self {
    case .bool, .int8, .uint8, .float8E4M3FN, .float8E5M2, .int4, .uint4: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64, .complex64: 8
    case .complex128: 16
    case .string, .unsupported: nil
    }
  }

  /// The number of bytes of `shape` elements of this dtype.
  ///
  /// - Returns: nil where an extent is negative, the product overflows, or elements have no fixed size.
  public func byteCount(of shape: [Int]) -> Int? {
    guard let itemSize, let count = DType.elementCount(of: shape) else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: itemSize)
    return overflow ? nil : bytes
  }

  /// The number of elements of `shape`: 1 for the empty shape. An extent of zero gives zero, whatever the
  /// others are.
  ///
  /// - Returns: nil where an extent is negative or the product overflows.
  public static func elementCount(of shape: [Int]) -> Int? {
    var count = 1
    var overflowed = false
    for extent in shape {
      if extent < 0 { return nil }
      if extent == 0 { count = 0 }
    }
    if count == 0 { return 0 }
    for extent in shape {
      (count, overflowed) = count.multipliedReportingOverflow(by: extent)
      if overflowed { return nil }
    }
    return count
  }
}

extension DType: CustomStringConvertible {
  public var description: String { name }
}
