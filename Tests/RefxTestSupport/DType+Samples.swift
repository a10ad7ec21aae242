import Refx

extension DType {
  /// Those of the golden files that were written first: what came later has files of its own.
  public static let ofFirstGoldens = allCases.filter { $0 != .int4 && $0 != .uint4 }

  /// `bytes`, each that is no element of this dtype replaced by one that is.
  public func elements(from bytes: [UInt8]) -> [UInt8] {
    switch self {
    case .bool: bytes.map { $0 & 1 }
    case .int4: bytes.map { UInt8(bitPattern: Int8(bitPattern: $0 << 4) >> 4) }
    case .uint4: bytes.map { $0 & 15 }
    default: bytes
    }
  }
}
