import Refx

/// The type of a tensor's elements, by torch's own name.
enum TorchElement: String, Hashable {
  case float32, float64, float16, bfloat16, uint8, int8, int16, int32, int64, bool
  case complex32, complex64, complex128, uint16, uint32, uint64
  case float8E4M3FN = "float8_e4m3fn"
  case float8E5M2 = "float8_e5m2"
  case float8E4M3FNUZ = "float8_e4m3fnuz"
  case float8E5M2FNUZ = "float8_e5m2fnuz"
  case float8E8M0FNU = "float8_e8m0fnu"
  case float4E2M1FNx2 = "float4_e2m1fn_x2"
  case qint8, quint8, qint32, quint4x2, quint2x4
  case bits8, bits16, bits1x8, bits2x4, bits4x2

  /// The dtype with that name in the module `torch`, other spellings included.
  init?(name: String) {
    if let found = TorchElement(rawValue: name) {
      self = found
      return
    }
    switch name {
    case "float": self = .float32
    case "double": self = .float64
    case "half": self = .float16
    case "short": self = .int16
    case "int": self = .int32
    case "long": self = .int64
    case "chalf": self = .complex32
    case "cfloat": self = .complex64
    case "cdouble": self = .complex128
    default: return nil
    }
  }

  /// The elements of the class of storages with that name.
  init?(storageClass name: String) {
    switch name {
    case "FloatStorage": self = .float32
    case "DoubleStorage": self = .float64
    case "HalfStorage": self = .float16
    case "BFloat16Storage": self = .bfloat16
    case "ByteStorage": self = .uint8
    case "CharStorage": self = .int8
    case "ShortStorage": self = .int16
    case "IntStorage": self = .int32
    case "LongStorage": self = .int64
    case "BoolStorage": self = .bool
    case "ComplexFloatStorage": self = .complex64
    case "ComplexDoubleStorage": self = .complex128
    case "QInt8Storage": self = .qint8
    case "QUInt8Storage": self = .quint8
    case "QInt32Storage": self = .qint32
    case "QUInt4x2Storage": self = .quint4x2
    case "QUInt2x4Storage": self = .quint2x4
    default: return nil
    }
  }

  /// The same type here; nil where there is none.
  var dtype: DType? {
    switch self {
    case .float32: .float32
    case .float64: .float64
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .uint8: .uint8
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .uint16: .uint16
    case .uint32: .uint32
    case .uint64: .uint64
    case .bool: .bool
    case .complex64: .complex64
    case .complex128: .complex128
    case .float8E4M3FN: .float8E4M3FN
    case .float8E5M2: .float8E5M2
    default: nil
    }
  }

  /// Bytes per element.
  var itemSize: Int {
    switch self {
    case .uint8, .int8, .bool, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU,
      .float4E2M1FNx2, .qint8, .quint8, .quint4x2, .quint2x4, .bits8, .bits1x8, .bits2x4, .bits4x2:
      1
    case .float16, .bfloat16, .int16, .uint16, .bits16: 2
    case .float32, .int32, .uint32, .complex32, .qint32: 4
    case .float64, .int64, .uint64, .complex64: 8
    case .complex128: 16
    }
  }
}
