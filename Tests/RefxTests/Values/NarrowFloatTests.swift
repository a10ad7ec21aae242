import Refx
import Testing

/// The narrow floats against the definitions of their formats, written down here a second time: as sums of
/// powers of two over the bits, and by looking for the nearest of all values.
@Suite struct NarrowFloatTests {
  /// The value of a float whose bits are sign, exponent, mantissa, as IEEE 754 defines it.
  private func defined(_ bits: Int, exponentBits: Int, mantissaBits: Int) -> Double {
    let bias = (1 << (exponentBits - 1)) - 1
    let exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1)
    var power = 1.0
    for _ in 0..<abs(max(exponent, 1) - bias) { power *= max(exponent, 1) > bias ? 2 : 0.5 }
    var sum = exponent == 0 ? 0.0 : 1.0
    var part = 0.5
    for bit in stride(from: mantissaBits - 1, through: 0, by: -1) {
      if (bits >> bit) & 1 == 1 { sum += part }
      part /= 2
    }
    let isNegative = (bits >> (exponentBits + mantissaBits)) & 1 == 1
    return (isNegative ? -1 : 1) * sum * power
  }

  @Test func allValuesOfE4M3FN() {
    for bits in 0...255 {
      let value = Float8E4M3FN(bits: UInt8(bits))
      if bits & 0x7F == 0x7F {
        #expect(value.float.isNaN)
      } else {
        let expected = defined(bits, exponentBits: 4, mantissaBits: 3)
        #expect(Double(value.float) == expected && value.float.sign == expected.sign)
        #expect(Float8E4M3FN(value.float).bits == UInt8(bits))
      }
    }
    #expect(Float8E4M3FN(bits: 0x7E).float == 448)
    #expect(Float8E4M3FN(bits: 0x01).float == 0.001953125)
  }

  @Test func allValuesOfE5M2() {
    for bits in 0...255 {
      let value = Float8E5M2(bits: UInt8(bits))
      switch (bits & 0x7C, bits & 3) {
      case (0x7C, 0): #expect(value.float == (bits & 0x80 == 0 ? .infinity : -.infinity))
      case (0x7C, _): #expect(value.float.isNaN)
      default:
        let expected = defined(bits, exponentBits: 5, mantissaBits: 2)
        #expect(Double(value.float) == expected && value.float.sign == expected.sign)
        // It is the upper byte of a Float16.
        #expect(value.float == Float(Float16(bitPattern: UInt16(bits) << 8)))
      }
      if !value.float.isNaN { #expect(Float8E5M2(value.float).bits == UInt8(bits)) }
    }
    #expect(Float8E5M2(bits: 0x7B).float == 57344)
  }

  /// The bits of the nearest value, ties to the even one, found by looking at all of them.
  private func nearest(_ value: Double, among values: [Double], stepBeyond: Double) -> Int {
    let all = values + [values.last! + stepBeyond]
    var best = 0
    for (bits, candidate) in all.enumerated() {
      let distance = abs(candidate - value)
      let least = abs(all[best] - value)
      if distance < least || (distance == least && bits % 2 == 0) { best = bits }
    }
    return best
  }

  @Test func roundingToE4M3FN() {
    let values = (0...0x7E).map { defined($0, exponentBits: 4, mantissaBits: 3) }
    for (low, high) in zip(values, values.dropFirst()) {
      for value in [low, (3 * low + high) / 4, (low + high) / 2, (low + 3 * high) / 4] {
        let expected = nearest(value, among: values, stepBeyond: 32)
        #expect(Float8E4M3FN(Float(value)).bits == UInt8(expected), "\(value)")
        #expect(Float8E4M3FN(Float(-value)).bits == UInt8(expected) | 0x80)
      }
    }
    #expect(Float8E4M3FN(464).bits == 0x7E)
    for beyond: Float in [465, 480, 1e30, .infinity, .nan] { #expect(Float8E4M3FN(beyond).float.isNaN) }
    #expect(Float8E4M3FN(-.infinity).float.isNaN)
    #expect(Float8E4M3FN(1e-30).bits == 0 && Float8E4M3FN(-1e-30).bits == 0x80)
    #expect(Float8E4M3FN(-0.0).bits == 0x80)
  }

  @Test func roundingToE5M2() {
    let values = (0...0x7B).map { defined($0, exponentBits: 5, mantissaBits: 2) }
    for (low, high) in zip(values, values.dropFirst()) {
      for value in [low, (3 * low + high) / 4, (low + high) / 2, (low + 3 * high) / 4] {
        let expected = nearest(value, among: values, stepBeyond: 8192)
        #expect(Float8E5M2(Float(value)).bits == UInt8(expected), "\(value)")
      }
    }
    #expect(Float8E5M2(61439).bits == 0x7B)
    #expect(Float8E5M2(61440).float == .infinity && Float8E5M2(-1e30).float == -.infinity)
    #expect(Float8E5M2(.infinity).bits == 0x7C && Float8E5M2(-.infinity).bits == 0xFC)
    #expect(Float8E5M2(.nan).float.isNaN)
  }

  @Test func roundingToBFloat16() {
    // Published pairs: float32 bits and the bfloat16 that rounds to nearest even gives.
    let facts: [(UInt32, UInt16)] = [
      (0x3F80_0000, 0x3F80), (0x3F80_8000, 0x3F80), (0x3F81_8000, 0x3F82), (0x3F80_8001, 0x3F81),
      (0x3F80_7FFF, 0x3F80), (0xBF81_8000, 0xBF82), (0x7F7F_FFFF, 0x7F80), (0x7F7F_7FFF, 0x7F7F),
      (0x0000_8000, 0x0000), (0x0000_8001, 0x0001), (0x0001_8000, 0x0002), (0x8000_0000, 0x8000),
      (0x7F80_0000, 0x7F80), (0xFF80_0000, 0xFF80), (0x4049_0FDB, 0x4049),
    ]
    for (wide, narrow) in facts { #expect(BFloat16(Float(bitPattern: wide)).bits == narrow) }
    for nan: UInt32 in [0x7F80_0001, 0x7FC0_0000, 0xFFFF_FFFF, 0x7F80_FFFF] {
      #expect(BFloat16(Float(bitPattern: nan)).float.isNaN)
    }
    for bits in UInt16.min...UInt16.max {
      let value = BFloat16(bits: bits).float
      #expect(value.bitPattern == UInt32(bits) << 16)
      if !value.isNaN && BFloat16(value).bits != bits { Issue.record("\(bits) does not come back") }
    }
  }
}
