/// The value of a leaf that is a single number in memory.
enum SingleNumber {
  case integer(Int64)
  case natural(UInt64)
  case real(Double)
}

extension Leaf {
  /// The number at a leaf with the empty shape whose bytes lie in memory; nil elsewhere.
  var number: SingleNumber? {
    guard shape.isEmpty, let bytes = source.bytesInMemory, bytes.byteCount == dtype.itemSize else {
      return nil
    }
    return bytes.withBytes { raw -> SingleNumber? in
      switch dtype {
      case .bool: .natural(raw[0] == 0 ? 0 : 1)
      case .int8, .int4: .integer(Int64(raw.loadUnaligned(as: Int8.self)))
      case .int16: .integer(Int64(raw.loadUnaligned(as: Int16.self)))
      case .int32: .integer(Int64(raw.loadUnaligned(as: Int32.self)))
      case .int64: .integer(raw.loadUnaligned(as: Int64.self))
      case .uint8, .uint4: .natural(UInt64(raw[0]))
      case .uint16: .natural(UInt64(raw.loadUnaligned(as: UInt16.self)))
      case .uint32: .natural(UInt64(raw.loadUnaligned(as: UInt32.self)))
      case .uint64: .natural(raw.loadUnaligned(as: UInt64.self))
      case .float16: .real(Double(raw.loadUnaligned(as: Float16.self)))
      case .float32: .real(Double(raw.loadUnaligned(as: Float.self)))
      case .float64: .real(raw.loadUnaligned(as: Double.self))
      default: nil
      }
    }
  }

  /// The number as a dictionary's key: integers in decimal, floats in their shortest form.
  var numberInDecimal: String? {
    switch number {
    case .integer(let number): String(number)
    case .natural(let number): dtype == .bool ? (number == 0 ? "false" : "true") : String(number)
    case .real(let number): number.description
    case nil: nil
    }
  }
}
