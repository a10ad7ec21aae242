/// A prefix code for the symbols that occur, of the least cost within a limit on its lengths; in memory that is
/// used again for the next code.
struct PrefixCode: ~Copyable {
  /// How many symbols there are; the last of them need not occur.
  let capacity: Int
  /// For each symbol, the length of its code in the low six bits, above them the code, its first bit lowest, as
  /// deflate sends it; 0 for a symbol that does not occur.
  private let table: Scratch<UInt32>
  /// The symbols that occur, the rarest first: the count above nine bits, the symbol below.
  private let sorted: Scratch<UInt64>
  private let spare: Scratch<UInt64>
  /// The weights of the nodes of the tree, then their parents, then their depths.
  private let nodes: Scratch<Int>
  /// Where the numbers with each byte end while they are sorted.
  private let ends = Scratch<Int>(256, of: 0)
  /// How many codes there are of each length, then the next code of that length.
  private let lengths = Scratch<Int>(17, of: 0)

  init(capacity: Int) {
    precondition(capacity <= 512)
    self.capacity = capacity
    table = Scratch(capacity, of: 0)
    sorted = Scratch(capacity, of: 0)
    spare = Scratch(capacity, of: 0)
    nodes = Scratch(capacity, of: 0)
  }

  /// The table of codes; valid as long as this code is.
  var entries: UnsafePointer<UInt32> { UnsafePointer(table.start) }

  /// The length of the code of `symbol`.
  func length(of symbol: Int) -> Int { Int(table.start[symbol] & 63) }

  /// The number of bits that `counts` symbols take.
  func cost(of counts: UnsafePointer<UInt32>) -> Int {
    var sum = 0
    for symbol in 0..<capacity { sum &+= Int(counts[symbol]) &* Int(table.start[symbol] & 63) }
    return sum
  }

  /// Makes the code for symbols that occur as often as `counts` says.
  ///
  /// - Precondition: `counts` has ``capacity`` elements; at least two are not 0, and not more than 2^limit;
  ///   they are less than 2^40 together. `limit` is at most 15.
  func make(for counts: UnsafePointer<UInt32>, limit: Int) {
    var used = 0
    for symbol in 0..<capacity where counts[symbol] > 0 {
      sorted.start[used] = UInt64(counts[symbol]) << 9 | UInt64(symbol)
      used += 1
    }
    precondition(used >= 2 && used <= 1 << limit && limit <= 15)
    sort(used)
    findDepths(used)
    countLengths(used, limit: limit)
    assign(used, limit: limit)
  }

  /// Sorts by the counts, least first, byte by byte; the symbols are in order already.
  private func sort(_ used: Int) {
    var from = sorted.start
    var to = spare.start
    var largest: UInt64 = 0
    for place in 0..<used { largest |= from[place] }
    var shift: UInt64 = 9
    let ends = ends.start
    while largest >> shift > 0 {
      ends.update(repeating: 0, count: 256)
      for place in 0..<used { ends[Int(from[place] >> shift & 255)] += 1 }
      var sum = 0
      for digit in 0..<256 {
        let count = ends[digit]
        ends[digit] = sum
        sum += count
      }
      for place in 0..<used {
        let digit = Int(from[place] >> shift & 255)
        to[ends[digit]] = from[place]
        ends[digit] += 1
      }
      swap(&from, &to)
      shift += 8
    }
    if from != sorted.start { sorted.start.update(from: from, count: used) }
  }

  /// The depths of the leaves of a Huffman tree over ascending weights, found in place: first each inner
  /// node's parent, then its depth, then the leaves' (A. Moffat, J. Katajainen, "In-place calculation of
  /// minimum-redundancy codes", 1995).
  private func findDepths(_ n: Int) {
    let a = nodes.start
    let weights = sorted.start
    for place in 0..<n { a[place] = Int(weights[place] >> 9) }
    a[0] += a[1]
    var inner = 0
    var leaf = 2
    for next in 1..<max(n - 1, 1) where n > 2 {
      a[next] = 0
      for _ in 0..<2 {
        // Before a node is taken, its place holds its weight; afterwards its parent.
        let takesInner = leaf >= n || (inner < next && a[inner] < Int(weights[leaf] >> 9))
        if takesInner {
          a[next] += a[inner]
          a[inner] = next
          inner += 1
        } else {
          a[next] += Int(weights[leaf] >> 9)
          leaf += 1
        }
      }
    }
    a[n - 2] = 0
    for next in stride(from: n - 3, through: 0, by: -1) { a[next] = a[a[next]] + 1 }
    var available = 1
    var depth = 0
    var node = n - 2
    var next = n - 1
    while available > 0 {
      var used = 0
      while node >= 0, a[node] == depth {
        used += 1
        node -= 1
      }
      // What was read is written over: a leaf's place is never before that of an unread node.
      while available > used {
        a[next] = depth
        next -= 1
        available -= 1
      }
      available = 2 * used
      depth += 1
    }
  }

  /// How many codes there are of each length. Depths beyond the limit are cut to it; then as often as the code
  /// is too full by one place, the longest code that is shorter than the limit makes room beside itself for one
  /// of those at the limit, until it is complete again: deflate's decoders refuse others.
  private func countLengths(_ used: Int, limit: Int) {
    let lengths = lengths.start
    lengths.update(repeating: 0, count: 17)
    var filled = 0
    for place in 0..<used {
      let length = min(nodes.start[place], limit)
      lengths[length] += 1
      filled += 1 << (limit - length)
    }
    for _ in 0..<max(0, filled - 1 << limit) {
      var length = limit - 1
      while lengths[length] == 0 { length -= 1 }
      lengths[length] -= 1
      lengths[length + 1] += 2
      lengths[limit] -= 1
    }
  }

  /// Gives the longest codes to the rarest symbols, and to each symbol the next code of its length (RFC 1951,
  /// 3.2.2).
  private func assign(_ used: Int, limit: Int) {
    let lengths = lengths.start
    table.start.update(repeating: 0, count: capacity)
    var place = 0
    for length in stride(from: limit, to: 0, by: -1) {
      for _ in 0..<lengths[length] {
        table.start[Int(sorted.start[place] & 511)] = UInt32(length)
        place += 1
      }
    }
    // From numbers of codes to the first code of each length.
    var code = 0
    for length in 1...limit {
      let count = lengths[length]
      lengths[length] = code
      code = (code + count) << 1
    }
    for symbol in 0..<capacity {
      let length = Int(table.start[symbol])
      guard length > 0 else { continue }
      let sent = UInt16(truncatingIfNeeded: lengths[length]).reversedBits &>> UInt16(16 - length)
      table.start[symbol] |= UInt32(sent) << 6
      lengths[length] += 1
    }
  }
}

extension UInt16 {
  /// The bits in the opposite order.
  fileprivate var reversedBits: UInt16 {
    var bits = self
    bits = (bits >> 1 & 0x5555) | (bits & 0x5555) << 1
    bits = (bits >> 2 & 0x3333) | (bits & 0x3333) << 2
    bits = (bits >> 4 & 0x0F0F) | (bits & 0x0F0F) << 4
    return bits.byteSwapped
  }
}
