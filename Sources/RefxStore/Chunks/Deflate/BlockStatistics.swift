import Glibc

/// What is known of a block of bytes before it is encoded, from one pass and a few samples.
struct BlockStatistics {
  /// How often each byte occurs.
  let counts: [UInt32]
  /// What an ideal code for single bytes would take, in bits.
  let entropyBits: Double
  /// Whether strings of it come again within the block, so that matches pay.
  let repeats: Bool

  /// - Precondition: the block has 1 ... 65,536 bytes.
  init(of block: UnsafeRawBufferPointer) {
    counts = BlockStatistics.count(block)
    let total = Double(block.count)
    entropyBits = counts.reduce(0) { sum, count in
      count == 0 ? sum : sum + Double(count) * log2(total / Double(count))
    }
    // A byte that nearly always comes: one bit each is then a waste, and runs are long.
    repeats = entropyBits < 1.25 * total || BlockStatistics.sampleFindsRepeats(in: block)
  }

  /// Four counters take turns, so that a byte that follows itself does not wait for its own counter.
  private static func count(_ block: UnsafeRawBufferPointer) -> [UInt32] {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 1024) { four in
      four.initialize(repeating: 0)
      let bytes = block.baseAddress!.assumingMemoryBound(to: UInt8.self)
      let table = four.baseAddress!
      var place = 0
      while place + 4 <= block.count {
        table[Int(bytes[place])] &+= 1
        table[256 &+ Int(bytes[place &+ 1])] &+= 1
        table[512 &+ Int(bytes[place &+ 2])] &+= 1
        table[768 &+ Int(bytes[place &+ 3])] &+= 1
        place &+= 4
      }
      while place < block.count {
        table[Int(bytes[place])] &+= 1
        place &+= 1
      }
      return (0..<256).map { table[$0] + table[256 + $0] + table[512 + $0] + table[768 + $0] }
    }
  }

  /// Remembers every sixteenth place by the eight bytes there, then looks at sixteen places in a row, here
  /// and there: a string of 23 bytes that came before is found wherever it stands.
  private static func sampleFindsRepeats(in block: UnsafeRawBufferPointer) -> Bool {
    let stride = 16
    let probes = 32
    guard block.count >= 1024 else { return block.count >= 64 }
    func word(_ place: Int) -> UInt64 { block.loadUnaligned(fromByteOffset: place, as: UInt64.self) }
    func slot(_ word: UInt64) -> Int { Int(truncatingIfNeeded: (word &* 0x9E37_79B9_7F4A_7C15) &>> 52) }
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 4096) { table in
      table.initialize(repeating: 0)
      for place in Swift.stride(from: 0, through: block.count - 8, by: stride) {
        table[slot(word(place))] = UInt32(place + 1)
      }
      var found = 0
      let step = (block.count - 8 - stride) / probes
      for probe in 0..<probes {
        let start = probe * step
        for place in start..<(start + stride) {
          let here = word(place)
          let other = Int(table[slot(here)]) - 1
          if other >= 0, other != place, word(other) == here {
            found += 1
            break
          }
        }
      }
      return found * 4 >= probes
    }
  }
}
