/// A 16-bit float with the exponent range of Float: its upper half. Sign 1, exponent 8, mantissa 7 bits.
public struct BFloat16: Hashable, Sendable, BitwiseCopyable {
  /// The sixteen bits: sign, eight of exponent, seven of fraction.
  public var bits: UInt16

  /// The number with these bits.
  public init(bits: UInt16) {
    self.bits = bits
  }

  /// Rounds to nearest, ties to even. A NaN stays a NaN (quieted).
  public init(_ value: Float) {
    let wide = value.bitPattern
    if value.isNaN {
      bits = UInt16(truncatingIfNeeded: wide >> 16) | 0x40
    } else {
      bits = UInt16(truncatingIfNeeded: (wide &+ 0x7FFF &+ ((wide >> 16) & 1)) >> 16)
    }
  }

  /// The value; exact.
  public var float: Float { Float(bitPattern: UInt32(bits) << 16) }
}

extension BFloat16: TensorElement, CustomStringConvertible {
  public static var dtype: DType { .bfloat16 }
  public var description: String { float.description }
}

/// An 8-bit float without infinities: sign 1, exponent 4 (bias 7), mantissa 3 bits; only S.1111.111 is NaN,
/// and the largest value is 448. (OCP 8-bit floating point specification, E4M3.)
public struct Float8E4M3FN: Hashable, Sendable, BitwiseCopyable {
  /// The eight bits: sign, four of exponent, three of fraction.
  public var bits: UInt8

  /// The number with these bits.
  public init(bits: UInt8) {
    self.bits = bits
  }

  /// The value; exact.
  public var float: Float {
    bits & 0x7F == 0x7F ? .nan : widened(bits, exponentBias: 7, mantissaBits: 3)
  }

  /// Rounds to nearest, ties to even. What rounds beyond 448, and the infinities, becomes NaN, as in
  /// PyTorch and ml_dtypes.
  public init(_ value: Float) {
    let sign: UInt8 = value.sign == .minus ? 0x80 : 0
    bits =
      sign | nearestNarrow(value.magnitude, exponentBias: 7, mantissaBits: 3, overflow: 0x7F, largest: 0x7E)
  }
}

extension Float8E4M3FN: TensorElement, CustomStringConvertible {
  public static var dtype: DType { .float8E4M3FN }
  public var description: String { float.description }
}

/// An 8-bit float of IEEE form: sign 1, exponent 5 (bias 15), mantissa 2 bits: the upper half of Float16.
public struct Float8E5M2: Hashable, Sendable, BitwiseCopyable {
  /// The eight bits: sign, five of exponent, two of fraction.
  public var bits: UInt8

  /// The number with these bits.
  public init(bits: UInt8) {
    self.bits = bits
  }

  /// The value; exact.
  public var float: Float {
    let magnitude = bits & 0x7F
    if magnitude > 0x7C { return .nan }
    if magnitude == 0x7C { return bits & 0x80 == 0 ? .infinity : -.infinity }
    return widened(bits, exponentBias: 15, mantissaBits: 2)
  }

  /// Rounds to nearest, ties to even; what rounds beyond 57344 becomes infinity.
  public init(_ value: Float) {
    let sign: UInt8 = value.sign == .minus ? 0x80 : 0
    bits =
      value.isNaN
      ? sign | 0x7E
      : sign
        | nearestNarrow(value.magnitude, exponentBias: 15, mantissaBits: 2, overflow: 0x7C, largest: 0x7B)
  }
}

extension Float8E5M2: TensorElement, CustomStringConvertible {
  public static var dtype: DType { .float8E5M2 }
  public var description: String { float.description }
}

/// The value of eight bits that are a finite number; exact.
@inline(__always)
private func widened(_ bits: UInt8, exponentBias: Int, mantissaBits: Int) -> Float {
  let sign: Float = bits & 0x80 == 0 ? 1 : -1
  let exponent = Int(bits & 0x7F) >> mantissaBits
  let implicit = 1 << mantissaBits
  let mantissa = Int(bits) & (implicit - 1)
  // Subnormals have no implicit bit, and the exponent of the smallest normal numbers.
  let significand = Float(exponent == 0 ? mantissa : implicit + mantissa)
  return sign
    * Float(sign: .plus, exponent: max(exponent, 1) - exponentBias - mantissaBits, significand: significand)
}

/// The bits of the 7-bit magnitude nearest to `value`, ties to even; `overflow` beyond `largest` and for NaN.
private func nearestNarrow(
  _ value: Float, exponentBias: Int, mantissaBits: Int, overflow: UInt8, largest: UInt8
) -> UInt8 {
  if value.isNaN || value.isInfinite { return overflow }
  if value == 0 { return 0 }
  // The step between neighbours at this magnitude, at least that of the subnormals.
  let exponent = max(Int(value.exponent), 1 - exponentBias)
  let steps = value / Float(sign: .plus, exponent: exponent - mantissaBits, significand: 1)
  let whole = Int(steps.rounded(.toNearestOrEven))
  // Subnormals have no implicit bit; a carry moves into the exponent by itself.
  let bits = whole + ((exponent + exponentBias - 1) << mantissaBits)
  return bits > Int(largest) ? overflow : UInt8(bits)
}
