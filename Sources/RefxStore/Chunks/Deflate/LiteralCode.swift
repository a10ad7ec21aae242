/// A block with a code of its own and no matches (RFC 1951, 3.2.7).
struct LiteralCode {
  /// Codes of at most this many bits let four be appended at once.
  private static let limit = 12

  private let code: HuffmanCode
  private let head: CodeLengths
  /// What the block takes, rounded up.
  let byteCount: Int

  /// - Parameter counts: how often each byte occurs in the block.
  init(of counts: [UInt32]) {
    let withEnd = counts + [1]
    code = HuffmanCode(counts: withEnd, limit: LiteralCode.limit)
    head = CodeLengths(literals: code.lengths)
    byteCount = (3 + head.bitCount + code.cost(of: withEnd) + 7) / 8
  }

  /// Appends the block of `content`, whose bytes were counted.
  func append(_ content: UnsafeRawBufferPointer, isFinal: Bool, to writer: inout BitWriter) {
    writer.append((isFinal ? 1 : 0) | 2 << 1, count: 3)
    head.append(to: &writer)
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 256) { table in
      for symbol in 0..<256 {
        table[symbol] = UInt32(code.codes[symbol]) | UInt32(code.lengths[symbol]) << 16
      }
      let codes = table.baseAddress!
      let bytes = content.baseAddress!.assumingMemoryBound(to: UInt8.self)
      var place = 0
      while place &+ 4 <= content.count {
        let a = codes[Int(bytes[place])]
        let b = codes[Int(bytes[place &+ 1])]
        let c = codes[Int(bytes[place &+ 2])]
        let d = codes[Int(bytes[place &+ 3])]
        let countAB = UInt64(a &>> 16) &+ UInt64(b &>> 16)
        let countCD = UInt64(c &>> 16) &+ UInt64(d &>> 16)
        let bitsAB = UInt64(a & 0xFFFF) | UInt64(b & 0xFFFF) &<< UInt64(a &>> 16)
        let bitsCD = UInt64(c & 0xFFFF) | UInt64(d & 0xFFFF) &<< UInt64(c &>> 16)
        writer.append(bitsAB | bitsCD &<< countAB, count: countAB &+ countCD)
        place &+= 4
      }
      while place < content.count {
        let one = codes[Int(bytes[place])]
        writer.append(UInt64(one & 0xFFFF), count: UInt64(one &>> 16))
        place &+= 1
      }
    }
    writer.append(UInt64(code.codes[256]), count: UInt64(code.lengths[256]))
  }
}
