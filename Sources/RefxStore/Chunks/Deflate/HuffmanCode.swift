/// A prefix code for the symbols that occur, of the least cost within a limit on its lengths.
struct HuffmanCode {
  /// The length of each symbol's code; 0 for a symbol that does not occur.
  private(set) var lengths: [UInt8]
  /// Each symbol's code, its first bit lowest, as deflate sends it.
  private(set) var codes: [UInt16]

  /// - Parameters:
  ///   - counts: how often each symbol occurs; at least two do, and together less than 2^31 times.
  ///   - limit: the longest code, at most 15.
  init(counts: [UInt32], limit: Int) {
    var symbols: [UInt64] = []
    symbols.reserveCapacity(counts.count)
    for (symbol, count) in counts.enumerated() where count > 0 {
      symbols.append(UInt64(count) << 16 | UInt64(symbol))
    }
    precondition(symbols.count >= 2 && symbols.count <= 1 << limit)
    symbols.sort()
    var depths = HuffmanCode.depths(ofAscending: symbols.map { Int($0 >> 16) })
    HuffmanCode.limit(&depths, to: limit)
    lengths = [UInt8](repeating: 0, count: counts.count)
    for (symbol, depth) in zip(symbols, depths) { lengths[Int(symbol & 0xFFFF)] = UInt8(depth) }
    codes = HuffmanCode.codes(for: lengths)
  }

  /// The number of bits that `counts` symbols take.
  func cost(of counts: [UInt32]) -> Int {
    zip(counts, lengths).reduce(0) { $0 + Int($1.0) * Int($1.1) }
  }

  /// The depths of the leaves of a Huffman tree over ascending weights, found in place: first each inner
  /// node's parent, then its depth, then the leaves' (A. Moffat, J. Katajainen, "In-place calculation of
  /// minimum-redundancy codes", 1995).
  private static func depths(ofAscending weights: [Int]) -> [Int] {
    var a = weights
    let n = a.count
    a[0] += a[1]
    var inner = 0
    var leaf = 2
    for next in 1..<max(n - 1, 1) where n > 2 {
      a[next] = 0
      for _ in 0..<2 {
        // Before a node is taken, its place holds its weight; afterwards its parent.
        let takesInner = leaf >= n || (inner < next && a[inner] < weights[leaf])
        if takesInner {
          a[next] += a[inner]
          a[inner] = next
          inner += 1
        } else {
          a[next] += weights[leaf]
          leaf += 1
        }
      }
    }
    a[n - 2] = 0
    for next in stride(from: n - 3, through: 0, by: -1) { a[next] = a[a[next]] + 1 }
    var depths = [Int](repeating: 0, count: n)
    var available = 1
    var used = 0
    var depth = 0
    var node = n - 2
    var next = n - 1
    while available > 0 {
      while node >= 0, a[node] == depth {
        used += 1
        node -= 1
      }
      while available > used {
        depths[next] = depth
        next -= 1
        available -= 1
      }
      available = 2 * used
      depth += 1
      used = 0
    }
    return depths
  }

  /// Shortens what is longer than `limit` and lengthens others, the rarest first, until the code is complete
  /// again: deflate's decoders refuse codes that leave a gap.
  private static func limit(_ depths: inout [Int], to limit: Int) {
    guard let deepest = depths.first, deepest > limit else { return }
    var room = 1 << limit
    for place in depths.indices {
      depths[place] = min(depths[place], limit)
      room -= 1 << (limit - depths[place])
    }
    while room < 0 {
      // The longest code that can still grow costs the least.
      let place = depths.indices.filter { depths[$0] < limit }.max { depths[$0] < depths[$1] }!
      depths[place] += 1
      room += 1 << (limit - depths[place])
    }
    while room > 0 {
      let place = depths.indices.last { depths[$0] > 1 && 1 << (limit - depths[$0]) <= room }!
      room -= 1 << (limit - depths[place])
      depths[place] -= 1
    }
  }

  /// The canonical codes of `lengths` (RFC 1951, 3.2.2), with their bits in the order of sending.
  private static func codes(for lengths: [UInt8]) -> [UInt16] {
    var next = [UInt16](repeating: 0, count: 17)
    for length in lengths where length > 0 { next[Int(length) + 1] += 1 }
    for length in 1...15 { next[length] = (next[length] + next[length - 1]) << 1 }
    // `next[length]` is now the first code of that length.
    return lengths.map { length in
      guard length > 0 else { return 0 }
      let code = next[Int(length)]
      next[Int(length)] += 1
      return code.reversedBits &>> (16 - UInt16(length))
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
