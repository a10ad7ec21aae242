import Refx

/// How the elements of a dtype are read and written.
struct CastElement {
  let read: (UnsafeRawBufferPointer, Int) -> CastNumber
  /// Says whether the dtype holds the number; sets the flag where it was too large.
  let write: (CastNumber, UnsafeMutableRawBufferPointer, Int, inout Bool) -> Bool

  init?(_ dtype: DType) {
    switch dtype {
    case .bool:
      read = { .integer($0[$1] == 0 ? 0 : 1) }
      write = { number, target, position, _ in
        guard let value = number.integer, value == 0 || value == 1 else { return false }
        target[position] = value == 0 ? 0 : 1
        return true
      }
    case .int8: self = .integer(Int8.self)
    case .int4: self = .integer(Int8.self, in: -8...7)
    case .uint4: self = .integer(UInt8.self, in: 0...15)
    case .int16: self = .integer(Int16.self)
    case .int32: self = .integer(Int32.self)
    case .int64: self = .integer(Int64.self)
    case .uint8: self = .integer(UInt8.self)
    case .uint16: self = .integer(UInt16.self)
    case .uint32: self = .integer(UInt32.self)
    case .uint64: self = .integer(UInt64.self)
    case .float16:
      self = .float({ Double(Float16(bitPattern: $0)) }) { Float16($0).bitPattern }
    case .bfloat16: self = .float({ Double(BFloat16(bits: $0).float) }) { BFloat16(oddFloat($0)).bits }
    case .float32: self = .float({ Double(Float(bitPattern: $0)) }) { Float($0).bitPattern }
    case .float64:
      self = .float(
        { Double(bitPattern: $0) },
        exactly: { if case .integer(let value) = $0 { Double(value) } else { nil } }
      ) {
        $0.bitPattern
      }
    case .float8E4M3FN:
      self = .float({ (bits: UInt8) in Double(Float8E4M3FN(bits: bits).float) }) {
        Float8E4M3FN(oddFloat($0)).bits
      }
    case .float8E5M2:
      self = .float({ (bits: UInt8) in Double(Float8E5M2(bits: bits).float) }) {
        Float8E5M2(oddFloat($0)).bits
      }
    case .complex64: self = .complex({ Double(Float(bitPattern: $0)) }) { Float($0).bitPattern }
    case .complex128: self = .complex({ Double(bitPattern: $0) }) { $0.bitPattern }
    case .string, .unsupported: return nil
    }
  }

  private init(
    read: @escaping (UnsafeRawBufferPointer, Int) -> CastNumber,
    write: @escaping (CastNumber, UnsafeMutableRawBufferPointer, Int, inout Bool) -> Bool
  ) {
    self.read = read
    self.write = write
  }

  static func load<Bits: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> Bits {
    Bits(littleEndian: bytes.loadUnaligned(fromByteOffset: position * MemoryLayout<Bits>.size, as: Bits.self))
  }

  private static func store<Bits: FixedWidthInteger>(
    _ bits: Bits, _ bytes: UnsafeMutableRawBufferPointer, _ position: Int
  ) {
    bytes.storeBytes(of: bits.littleEndian, toByteOffset: position * MemoryLayout<Bits>.size, as: Bits.self)
  }

  private static func integer<I: FixedWidthInteger>(_ type: I.Type) -> CastElement {
    integer(type, in: I.min...I.max)
  }

  private static func integer<I: FixedWidthInteger>(
    _ type: I.Type, in range: ClosedRange<I>
  ) -> CastElement {
    CastElement(
      read: { .integer(Int128(load($0, $1) as I)) },
      write: { number, target, position, _ in
        guard let value = number.integer, let narrow = I(exactly: value), range.contains(narrow) else {
          return false
        }
        store(narrow, target, position)
        return true
      })
  }

  private static func float<Bits: FixedWidthInteger>(
    _ value: @escaping (Bits) -> Double, exactly: @escaping (CastNumber) -> Double? = { _ in nil },
    _ bits: @escaping (Double) -> Bits
  ) -> CastElement {
    CastElement(
      read: { .real(value(load($0, $1))) },
      write: { number, target, position, overflowed in
        let wide = exactly(number) ?? number.oddDouble
        let narrow = bits(wide)
        if loses(wide, value(narrow)) { overflowed = true }
        store(narrow, target, position)
        return true
      })
  }

  /// Whether a number was too large: a finite one became infinite, or one that was none became NaN.
  private static func loses(_ wide: Double, _ narrow: Double) -> Bool {
    wide.isFinite ? !narrow.isFinite : narrow.isNaN && !wide.isNaN
  }

  private static func complex<Bits: FixedWidthInteger>(
    _ value: @escaping (Bits) -> Double, _ bits: @escaping (Double) -> Bits
  ) -> CastElement {
    CastElement(
      read: { .complex(value(load($0, 2 * $1)), value(load($0, 2 * $1 + 1))) },
      write: { number, target, position, overflowed in
        let (re, im) = if case .complex(let re, let im) = number { (re, im) } else { (number.oddDouble, 0.0) }
        for (place, part) in [re, im].enumerated() {
          let narrow = bits(part)
          if loses(part, value(narrow)) { overflowed = true }
          store(narrow, target, 2 * position + place)
        }
        return true
      })
  }
}

/// An element's value, held exactly.
enum CastNumber {
  case real(Double)
  case integer(Int128)
  case complex(Double, Double)

  var text: String {
    switch self {
    case .real(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .complex(let re, let im): "\(re)+\(im)i"
    }
  }

  /// The value in Double; where it does not fit, cut and marked in the last bit (rounding to odd), so that
  /// rounding once more to a narrower float is as if it were done once.
  var oddDouble: Double {
    switch self {
    case .real(let value), .complex(let value, _): return value
    case .integer(let whole):
      let near = Double(whole)
      guard let back = Int128(exactly: near), back != whole else { return near }
      let cut = back.magnitude > whole.magnitude ? near.bitPattern - 1 : near.bitPattern
      return Double(bitPattern: cut | 1)
    }
  }

  var integer: Int128? {
    switch self {
    case .integer(let value): value
    case .real(let value): Int128(exactly: value)
    case .complex: nil
    }
  }
}

/// Rounds to odd; see ``CastNumber/oddDouble``.
private func oddFloat(_ value: Double) -> Float {
  let near = Float(value)
  if value.isNaN || Double(near) == value { return near }
  let cut =
    near.magnitude > Float(0) && Double(near.magnitude) > value.magnitude
    ? near.bitPattern - 1 : near.bitPattern
  return Float(bitPattern: cut | 1)
}
