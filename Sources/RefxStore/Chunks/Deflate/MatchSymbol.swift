/// How deflate says a length or a distance: a symbol, and some bits (RFC 1951, 3.2.5).
struct MatchSymbol {
  let symbol: Int
  let extra: Int
  let extraCount: Int

  /// - Precondition: 3 ... 258.
  @inline(__always)
  init(length: Int) {
    let rest = length &- 3
    if length == 258 {
      symbol = 285
      extra = 0
      extraCount = 0
    } else if rest < 8 {
      symbol = 257 &+ rest
      extra = 0
      extraCount = 0
    } else {
      // Four symbols for each power of two.
      let bits = Int.bitWidth &- 3 &- rest.leadingZeroBitCount
      symbol = 257 &+ 4 &* bits &+ rest &>> bits
      extra = rest & (1 &<< bits &- 1)
      extraCount = bits
    }
  }

  /// - Precondition: 1 ... 32,768.
  @inline(__always)
  init(distance: Int) {
    let rest = distance &- 1
    if rest < 4 {
      symbol = rest
      extra = 0
      extraCount = 0
    } else {
      // Two symbols for each power of two.
      let bits = Int.bitWidth &- 2 &- rest.leadingZeroBitCount
      symbol = 2 &* bits &+ rest &>> bits
      extra = rest & (1 &<< bits &- 1)
      extraCount = bits
    }
  }
}
