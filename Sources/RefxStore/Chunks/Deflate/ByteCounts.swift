/// How often each byte occurs.
struct ByteCounts: ~Copyable {
  /// Four counters for each byte take turns, so that a byte that follows itself does not wait for its own.
  private let turns: Scratch<UInt32>
  /// One count for each byte, and room for the symbols that are not bytes.
  private let sums: Scratch<UInt32>

  init() {
    turns = Scratch(4 * 256, of: 0)
    sums = Scratch(PrefixCode.literalsAndLengths, of: 0)
  }

  /// The counts as ``finish()`` left them; valid as long as this is.
  var counts: UnsafeMutablePointer<UInt32> { sums.start }

  /// Counts `count` bytes from `bytes` on.
  ///
  /// - Returns: how many words of eight bytes are one byte eight times.
  @discardableResult
  func add(_ bytes: UnsafePointer<UInt8>, count: Int) -> Int {
    let a = turns.start
    let b = a + 256
    let c = a + 512
    let d = a + 768
    var constantWords = 0
    var place = 0
    while place &+ 8 <= count {
      let word = UnsafeRawPointer(bytes + place).loadUnaligned(as: UInt64.self)
      a[Int(word & 255)] &+= 1
      b[Int(word &>> 8 & 255)] &+= 1
      c[Int(word &>> 16 & 255)] &+= 1
      d[Int(word &>> 24 & 255)] &+= 1
      a[Int(word &>> 32 & 255)] &+= 1
      b[Int(word &>> 40 & 255)] &+= 1
      c[Int(word &>> 48 & 255)] &+= 1
      d[Int(word &>> 56)] &+= 1
      constantWords &+= word == (word &<< 8 | word &>> 56) ? 1 : 0
      place &+= 8
    }
    while place < count {
      a[Int(bytes[place])] &+= 1
      place &+= 1
    }
    return constantWords
  }

  /// Puts the counts together and begins anew.
  func finish() {
    let turn = turns.start
    for byte in 0..<256 {
      sums.start[byte] = turn[byte] &+ turn[byte &+ 256] &+ turn[byte &+ 512] &+ turn[byte &+ 768]
    }
    turn.update(repeating: 0, count: 4 * 256)
  }
}
