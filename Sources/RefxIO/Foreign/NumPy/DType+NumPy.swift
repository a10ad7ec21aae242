import Refx

extension DType {
  /// How NumPy's format calls the type of the elements; nil for text, whose type has the longest one's length.
  ///
  /// NumPy has no bfloat16, no float8 and no numbers of four bits: they are the bytes of an element without a meaning, as ml_dtypes
  /// writes them.
  var numPyName: String? {
    switch self {
    case .bool: "|b1"
    case .int8: "|i1"
    case .uint8: "|u1"
    case .int16: "<i2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .uint16: "<u2"
    case .uint32: "<u4"
    case .uint64: "<u8"
    case .float16: "<f2"
    case .float32: "<f4"
    case .float64: "<f8"
    case .complex64: "<c8"
    case .complex128: "<c16"
    case .bfloat16: "<V2"
    case .float8E4M3FN, .float8E5M2, .int4, .uint4: "|V1"
    case .string, .unsupported: nil
    }
  }

  /// Whether ``numPyName`` says what the type is.
  var hasNumPyType: Bool {
    self != .unsupported && numPyName?.contains("V") != true
  }
}
