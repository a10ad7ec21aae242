/// Chunks for the codec: random and adversarial ones, each made from its seed alone.
public struct ChunkCase: Sendable {
  public let seed: UInt64
  public let kind: Kind
  public let itemSize: Int
  /// The size of the full chunk; what `content` leaves of it is padding.
  public let chunkBytes: Int
  public let content: [UInt8]

  public enum Kind: CaseIterable, Sendable {
    case zeros, oneByte, oneElement, notANumber, noise, nearlyNoise, floats, floatsOfFewBits, ramp, counters
    case smallIntegers, booleans, twoValues, sparse, sparseRows, repeatedRows, text, skewed, runsInNoise
    case farCopies, pieces
  }

  /// - Parameter largest: the most bytes of the full chunk.
  public init(seed: UInt64, largest: Int = 3 << 20) {
    var random = SeededRandom(seed: seed)
    self.seed = seed
    kind = Kind.allCases[random.below(Kind.allCases.count)]
    itemSize =
      random.oneIn(12) ? [3, 5, 6, 7, 12, 24, 32][random.below(7)] : [1, 2, 4, 8, 16][random.below(5)]
    let limit = max(itemSize, min(largest, ChunkCase.limit(&random)))
    let elements = 1 + random.below(limit / itemSize)
    // Sizes at which blocks end, and their neighbours, more often than by chance.
    let edges = [1 << 12, 1 << 14, 1 << 15, 0xFFFF, 1 << 16, 1 << 17, 1 << 18]
    let edge = edges[random.below(edges.count)] + random.below(3) - 1
    let nearEdge = random.oneIn(4) && edge * itemSize <= limit
    let count = nearEdge ? edge : elements
    chunkBytes = count * itemSize
    let kept = random.oneIn(3) ? random.below(count + 1) : count
    content = ChunkCase.make(kind, count: kept * itemSize, itemSize: itemSize, &random)
  }

  /// Whether the seed gives a chunk of `kind` above 250,000 bytes and of four-byte elements, without making it.
  public static func isLarge(seed: UInt64, kind: Kind) -> Bool {
    var random = SeededRandom(seed: seed)
    guard Kind.allCases[random.below(Kind.allCases.count)] == kind, !random.oneIn(12),
      [1, 2, 4, 8, 16][random.below(5)] == 4
    else { return false }
    let limit = ChunkCase.limit(&random)
    return limit <= 1 << 20 && random.below(limit / 4) * 4 > 250_000
  }

  private static func limit(_ random: inout SeededRandom) -> Int {
    switch random.below(100) {
    case 0..<30: 300
    case 30..<60: 5000
    case 60..<87: 100_000
    case 87..<97: 1 << 20
    default: 3 << 20
    }
  }

  private static func make(
    _ kind: Kind, count: Int, itemSize: Int, _ random: inout SeededRandom
  ) -> [UInt8] {
    switch kind {
    case .zeros: return [UInt8](repeating: 0, count: count)
    case .oneByte: return [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: count)
    case .oneElement: return repeating(random.bytes(itemSize), count)
    case .notANumber:
      // Quiet, signalling, and with what someone hid in them.
      let patterns: [[UInt8]] = [[0, 0, 0xC0, 0x7F], [1, 0, 0x80, 0x7F], [0xEF, 0xBE, 0xED, 0xFF]]
      return repeating(patterns[random.below(3)], count)
    case .noise: return random.bytes(count)
    case .nearlyNoise: return random.bytes(count).map { $0 >= 252 ? $0 & 0x7F : $0 }
    case .floats: return floats(count, itemSize, dropping: 0, &random)
    case .floatsOfFewBits: return floats(count, itemSize, dropping: 1 + random.below(22), &random)
    case .ramp: return (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    case .counters:
      let step = random.below(1000)
      return elements(count, itemSize) { UInt64($0 * step) }
    case .smallIntegers:
      let limit = UInt64(1 + random.below(3000))
      return elements(count, itemSize) { _ in random.next() % limit }
    case .booleans:
      let rarity = 1 + random.below(60)
      return bytes(count) { _ in random.oneIn(rarity) ? 1 : 0 }
    case .twoValues:
      let (one, other) = (UInt8(truncatingIfNeeded: random.next()), UInt8(truncatingIfNeeded: random.next()))
      return random.bytes(count).map { $0 & 1 == 0 ? one : other }
    case .sparse:
      let rarity = 2 + random.below(2000)
      return bytes(count) { _ in random.oneIn(rarity) ? UInt8(truncatingIfNeeded: random.next()) : 0 }
    case .sparseRows:
      let row = itemSize * (1 + random.below(800))
      var made = floats(count, itemSize, dropping: 0, &random)
      for start in stride(from: 0, to: count, by: row) where random.oneIn(2) {
        for place in start..<min(count, start + row) { made[place] = 0 }
      }
      return made
    case .repeatedRows: return repeating(random.bytes(1 + random.below(40_000)), count)
    case .text:
      let words = ["layers.", "weight", "bias", "attention.", " ", "query", "0", "12", "\n"].map {
        Array($0.utf8)
      }
      var made: [UInt8] = []
      made.reserveCapacity(count + 16)
      while made.count < count { made += words[random.below(words.count)] }
      return Array(made[..<count])
    case .skewed:
      // Each value half as often as the one before, or by the golden ratio: the longest codes.
      return bytes(count) { _ in
        var value: UInt8 = 0
        while value < 60, random.next() % 8 < 5 { value += 1 }
        return value
      }
    case .runsInNoise:
      var made = random.bytes(count)
      var place = 0
      while place < count {
        let run = random.below(600)
        for byte in place..<min(count, place + run) { made[byte] = made[place] }
        place += run + random.below(2000)
      }
      return made
    case .farCopies:
      // Strings of the longest and of odd lengths, near the longest distance.
      var made = random.bytes(count)
      var place = 33_000
      while place < count {
        let length = [3, 8, 257, 258, 259, 516, 1000][random.below(7)]
        let distance = 32_766 + random.below(4)
        for byte in place..<min(count, place + length) { made[byte] = made[byte - distance] }
        place += length + random.below(300)
      }
      return made
    case .pieces:
      var made: [UInt8] = []
      while made.count < count {
        let kind = Kind.allCases[random.below(Kind.allCases.count - 1)]
        let part = min(count - made.count, (1 + random.below(40_000)) * itemSize)
        made += make(kind, count: part, itemSize: itemSize, &random)
      }
      return made
    }
  }

  private static func bytes(_ count: Int, _ byte: (Int) -> UInt8) -> [UInt8] { (0..<count).map(byte) }

  private static func repeating(_ row: [UInt8], _ count: Int) -> [UInt8] {
    var made: [UInt8] = []
    made.reserveCapacity(count + row.count)
    while made.count < count { made += row }
    made.removeLast(made.count - count)
    return made
  }

  /// Little-endian whole numbers.
  private static func elements(_ count: Int, _ itemSize: Int, _ value: (Int) -> UInt64) -> [UInt8] {
    var made = [UInt8](repeating: 0, count: count)
    for element in 0..<(count / itemSize) {
      var rest = value(element)
      for byte in 0..<min(itemSize, 8) {
        made[element * itemSize + byte] = UInt8(truncatingIfNeeded: rest)
        rest >>= 8
      }
    }
    return made
  }

  /// What weights look like: the upper bytes crowd together, the lower are noise but for `dropping` bits of them.
  private static func floats(
    _ count: Int, _ itemSize: Int, dropping bits: Int, _ random: inout SeededRandom
  ) -> [UInt8] {
    var made = random.bytes(count)
    let scale = Float(1 + random.below(100)) / 1e3
    let size = min(itemSize, 4)
    for start in stride(from: itemSize - size, to: count - size + 1, by: itemSize) {
      let word = random.next()
      let sum = (word & 0xFFFF) + (word >> 16 & 0xFFFF) + (word >> 32 & 0xFFFF) + word >> 48
      let value = (Float(sum) - 131_070) / 37_837 * scale
      let pattern = ((value.bitPattern >> UInt32(bits)) << UInt32(bits)) | (bits == 0 ? UInt32(word & 7) : 0)
      for byte in 0..<size {
        made[start + byte] = UInt8(truncatingIfNeeded: pattern >> UInt32(8 * (4 - size + byte)))
      }
    }
    return made
  }
}
