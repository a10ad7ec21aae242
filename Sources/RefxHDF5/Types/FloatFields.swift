import Refx

/// Where the parts of a floating-point number lie, in bits from the lowest.
struct FloatFields: Hashable {
  var sign = 0
  var exponent = 0
  var exponentBits = 0
  var mantissa = 0
  var mantissaBits = 0
  var bias = 0
  var impliesLeadingBit = true

  static let known: [(dtype: DType, fields: FloatFields)] = [
    (.float16, FloatFields(exponentBits: 5, mantissaBits: 10)),
    (.bfloat16, FloatFields(exponentBits: 8, mantissaBits: 7)),
    (.float32, FloatFields(exponentBits: 8, mantissaBits: 23)),
    (.float64, FloatFields(exponentBits: 11, mantissaBits: 52)),
    (.float8E5M2, FloatFields(exponentBits: 5, mantissaBits: 2)),
  ]

  init() {}

  /// Sign, exponent, mantissa from the highest bit down, with the bias of IEEE 754.
  init(exponentBits: Int, mantissaBits: Int) {
    sign = exponentBits + mantissaBits
    exponent = mantissaBits
    self.exponentBits = exponentBits
    self.mantissaBits = mantissaBits
    bias = (1 << (exponentBits - 1)) - 1
  }
}
