import Refx

/// A dtype by its name in a safetensors header.
enum SafetensorsDType: Equatable {
  case known(DType)
  /// One that stands for no dtype here: its name, and the bits of an element.
  case foreign(name: String, bits: Int)

  init?(_ name: String) {
    switch name {
    case "BOOL": self = .known(.bool)
    case "U8": self = .known(.uint8)
    case "I8": self = .known(.int8)
    case "U16": self = .known(.uint16)
    case "I16": self = .known(.int16)
    case "U32": self = .known(.uint32)
    case "I32": self = .known(.int32)
    case "U64": self = .known(.uint64)
    case "I64": self = .known(.int64)
    case "F16": self = .known(.float16)
    case "BF16": self = .known(.bfloat16)
    case "F32": self = .known(.float32)
    case "F64": self = .known(.float64)
    case "C64": self = .known(.complex64)
    case "F8_E4M3": self = .known(.float8E4M3FN)
    case "F8_E5M2": self = .known(.float8E5M2)
    case "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ": self = .foreign(name: name, bits: 8)
    case "F6_E2M3", "F6_E3M2": self = .foreign(name: name, bits: 6)
    case "F4": self = .foreign(name: name, bits: 4)
    default: return nil
    }
  }

  /// The number of bytes of `shape` elements.
  ///
  /// - Returns: nil where the product overflows or is no whole number of bytes.
  func byteCount(of shape: [Int]) -> Int? {
    switch self {
    case .known(let dtype): return dtype.byteCount(of: shape)
    case .foreign(_, let bits):
      guard let count = DType.elementCount(of: shape) else { return nil }
      let (all, overflow) = count.multipliedReportingOverflow(by: bits)
      return overflow || all % 8 != 0 ? nil : all / 8
    }
  }
}

extension DType {
  /// The name in a safetensors header; nil where the format has none.
  var safetensorsName: String? {
    switch self {
    case .bool: "BOOL"
    case .uint8: "U8"
    case .int8: "I8"
    case .uint16: "U16"
    case .int16: "I16"
    case .uint32: "U32"
    case .int32: "I32"
    case .uint64: "U64"
    case .int64: "I64"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .float32: "F32"
    case .float64: "F64"
    case .complex64: "C64"
    case .float8E4M3FN: "F8_E4M3"
    case .float8E5M2: "F8_E5M2"
    case .complex128, .int4, .uint4, .string, .unsupported: nil
    }
  }
}
