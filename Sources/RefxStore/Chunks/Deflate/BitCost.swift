/// What symbols cost under an ideal code, in whole numbers, so that a choice made from it is the same on every
/// machine.
struct BitCost: ~Copyable {
  /// How many units make a bit.
  static let unitsPerBit = 1 << 16
  private static let tableBits = 12

  /// log2 of 0 ..< 4096 in units; that of 0 is 0.
  private let logarithms: Scratch<UInt32>

  init() {
    logarithms = Scratch(1 << BitCost.tableBits, of: 0)
    for number in 2..<(1 << BitCost.tableBits) {
      logarithms.start[number] = BitCost.computedLog2(UInt64(number))
    }
  }

  /// log2 of `number`, by squaring: a squared number has twice the logarithm.
  private static func computedLog2(_ number: UInt64) -> UInt32 {
    let whole = UInt64(63 - number.leadingZeroBitCount)
    // The number over its highest power of two, with 31 bits after the point.
    var rest = number << (31 - whole)
    var fraction: UInt32 = 0
    for _ in 0..<16 {
      rest = (rest * rest) >> 31
      let isTwo = rest >= 1 << 32
      fraction = fraction << 1 | (isTwo ? 1 : 0)
      if isTwo { rest >>= 1 }
    }
    return UInt32(whole) << 16 | fraction
  }

  /// log2 of `number`, 0 for 0; of large numbers by their first twelve bits.
  @inline(__always)
  func log2(_ number: UInt32) -> UInt64 {
    let excess = UInt64(max(0, 32 - BitCost.tableBits - number.leadingZeroBitCount))
    return UInt64(logarithms.start[Int(number &>> UInt32(truncatingIfNeeded: excess))]) &+ excess &<< 16
  }

  /// What all the symbols take that occur as often as `counts` says, `total` together.
  func entropy(_ counts: UnsafePointer<UInt32>, symbols: Int, total: Int) -> UInt64 {
    let whole = log2(UInt32(total))
    var sum: UInt64 = 0
    for symbol in 0..<symbols {
      let count = counts[symbol]
      sum &+= UInt64(count) &* (whole &- min(whole, log2(count)))
    }
    return sum
  }
}
