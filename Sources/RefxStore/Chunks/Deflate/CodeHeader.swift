/// The head of a block with codes of its own: the lengths of the codes, themselves run-length and Huffman
/// encoded (RFC 1951, 3.2.7).
struct CodeHeader: ~Copyable {
  /// The order in which the lengths of these symbols' codes are sent.
  private static let order: [Int] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  /// Symbols 0 ... 18 in the low byte, above it the bits that follow each.
  private let symbols: Scratch<UInt16>
  private let lengths: Scratch<UInt8>
  private let counts: Scratch<UInt32>
  private let code: PrefixCode
  private var symbolCount = 0
  private var literalCount = 0
  private var distanceCount = 0
  private var sent = 0

  init() {
    symbols = Scratch(288 + 32, of: 0)
    lengths = Scratch(288 + 32, of: 0)
    counts = Scratch(19, of: 0)
    code = PrefixCode(capacity: 19)
  }

  /// Makes the head for a code of bytes and lengths, and one of distances.
  mutating func make(literals: borrowing PrefixCode, distances: borrowing PrefixCode) {
    literalCount = CodeHeader.used(literals, atLeast: 257)
    distanceCount = CodeHeader.used(distances, atLeast: 1)
    for symbol in 0..<literalCount { lengths.start[symbol] = UInt8(literals.length(of: symbol)) }
    for symbol in 0..<distanceCount {
      lengths.start[literalCount + symbol] = UInt8(distances.length(of: symbol))
    }
    findRuns(literalCount + distanceCount)
    // A code has two symbols at least.
    let kinds = counts.buffer.reduce(0) { $0 + ($1 > 0 ? 1 : 0) }
    if kinds < 2 { counts.start[counts.start[0] == 0 ? 0 : 1] += 1 }
    code.make(for: counts.start, limit: 7)
    sent = CodeHeader.order.count
    while sent > 4, code.length(of: CodeHeader.order[sent - 1]) == 0 { sent -= 1 }
  }

  private static func used(_ code: borrowing PrefixCode, atLeast least: Int) -> Int {
    var count = code.capacity
    while count > least, code.length(of: count - 1) == 0 { count -= 1 }
    return count
  }

  private mutating func findRuns(_ count: Int) {
    symbolCount = 0
    counts.start.update(repeating: 0, count: 19)
    var place = 0
    while place < count {
      let length = lengths.start[place]
      var run = 1
      while place + run < count, lengths.start[place + run] == length { run += 1 }
      place += run
      if length == 0 {
        while run >= 11 {
          let part = min(run, 138)
          add(18, part - 11)
          run -= part
        }
        if run >= 3 {
          add(17, run - 3)
          run = 0
        }
      } else {
        add(Int(length), 0)
        run -= 1
        while run >= 3 {
          let part = min(run, 6)
          add(16, part - 3)
          run -= part
        }
      }
      for _ in 0..<run { add(Int(length), 0) }
    }
  }

  private mutating func add(_ symbol: Int, _ extra: Int) {
    symbols.start[symbolCount] = UInt16(symbol | extra << 8)
    symbolCount += 1
    counts.start[symbol] += 1
  }

  private static func extraBits(_ symbol: Int) -> Int {
    switch symbol {
    case 16: 2
    case 17: 3
    case 18: 7
    default: 0
    }
  }

  /// The number of bits that ``append(to:)`` appends.
  var bitCount: Int {
    var sum = 14 + 3 * sent
    for place in 0..<symbolCount {
      let symbol = Int(symbols.start[place] & 255)
      sum += code.length(of: symbol) + CodeHeader.extraBits(symbol)
    }
    return sum
  }

  func append(to writer: inout BitWriter) {
    writer.append(UInt64(literalCount - 257), count: 5)
    writer.append(UInt64(distanceCount - 1), count: 5)
    writer.append(UInt64(sent - 4), count: 4)
    for place in 0..<sent {
      writer.append(UInt64(code.length(of: CodeHeader.order[place])), count: 3)
    }
    for place in 0..<symbolCount {
      let symbol = Int(symbols.start[place] & 255)
      writer.append(code: code.entries[symbol])
      writer.append(UInt64(symbols.start[place] >> 8), count: UInt64(CodeHeader.extraBits(symbol)))
    }
  }
}
