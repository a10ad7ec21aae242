/// The head of a block with a code of its own: the lengths of its codes, themselves run-length and Huffman
/// encoded (RFC 1951, 3.2.7).
struct CodeLengths {
  private let literalCount: Int
  /// Symbols 0 ... 18, each with the bits that follow it.
  private var symbols: [(symbol: Int, extra: UInt64, extraCount: UInt64)] = []
  /// The code of those symbols.
  private var code: HuffmanCode
  /// How many of the lengths of that code are sent.
  private var sent: Int

  /// The order in which the lengths of these symbols' codes are sent.
  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
  /// Two distance codes of one bit, which no block of ours uses: some decoders refuse fewer.
  private static let distances: [UInt8] = [1, 1]

  /// - Parameter literals: the lengths of the codes of the bytes and of the end of the block.
  init(literals: [UInt8]) {
    literalCount = literals.count
    var symbols: [(symbol: Int, extra: UInt64, extraCount: UInt64)] = []
    let lengths = literals + CodeLengths.distances
    var place = 0
    while place < lengths.count {
      let length = lengths[place]
      var run = 1
      while place + run < lengths.count, lengths[place + run] == length { run += 1 }
      place += run
      if length == 0 {
        while run >= 11 {
          let part = min(run, 138)
          symbols.append((18, UInt64(part - 11), 7))
          run -= part
        }
        if run >= 3 {
          symbols.append((17, UInt64(run - 3), 3))
          run = 0
        }
      } else {
        symbols.append((Int(length), 0, 0))
        run -= 1
        while run >= 3 {
          let part = min(run, 6)
          symbols.append((16, UInt64(part - 3), 2))
          run -= part
        }
      }
      for _ in 0..<run { symbols.append((Int(length), 0, 0)) }
    }
    var counts = [UInt32](repeating: 0, count: 19)
    for symbol in symbols { counts[symbol.symbol] += 1 }
    // A code has two symbols at least.
    if counts.lazy.filter({ $0 > 0 }).count < 2 { counts[counts[0] == 0 ? 0 : 1] += 1 }
    self.symbols = symbols
    code = HuffmanCode(counts: counts, limit: 7)
    sent = CodeLengths.order.count
    while sent > 4, code.lengths[CodeLengths.order[sent - 1]] == 0 { sent -= 1 }
  }

  /// The number of bits that ``append(to:)`` appends.
  var bitCount: Int {
    symbols.reduce(14 + 3 * sent) { $0 + Int(code.lengths[$1.symbol]) + Int($1.extraCount) }
  }

  func append(to writer: inout BitWriter) {
    writer.append(UInt64(literalCount - 257), count: 5)
    writer.append(UInt64(CodeLengths.distances.count - 1), count: 5)
    writer.append(UInt64(sent - 4), count: 4)
    for symbol in CodeLengths.order[..<sent] { writer.append(UInt64(code.lengths[symbol]), count: 3) }
    for (symbol, extra, extraCount) in symbols {
      writer.append(UInt64(code.codes[symbol]), count: UInt64(code.lengths[symbol]))
      if extraCount > 0 { writer.append(extra, count: extraCount) }
    }
  }
}
