import CISAL
import Refx

/// Encodes the shuffled bytes of a chunk as one ordinary zlib stream (RFC 1950, 1951) whose blocks are chosen
/// by what pays: stored for the noise of mantissas, a Huffman code for single bytes where exponents crowd
/// together, matches where bytes repeat. The choice is made from cheap statistics, of a sample where that
/// shows noise; neighbours that are alike become one block.
///
/// Every inflate reads the stream. It is at most ``bound(count:)`` bytes long.
struct DeflateEncoder: ~Copyable {
  /// The most bytes that are sampled, and of which matches are looked for, at once.
  private static let groupBytes = 64 << 10
  /// The bytes that are counted at once.
  private static let unitBytes = 16 << 10
  /// The most bytes of a block that is not stored.
  private static let blockBytes = 1 << 20
  /// What a block with a code of its own takes beside the bytes, about, in units of ``BitCost``.
  private static let headerCost = UInt64(80 * 8 * BitCost.unitsPerBit)

  private enum Kind { case stored, literals, runs, patterns, matched }

  private let level: Int32
  private let cost = BitCost()
  private let sample = ByteCounts()
  private let unit = ByteCounts()
  private let repeats = Repeats()
  private var writer = BlockWriter()
  private var patterns = PatternFinder()
  private var matches: MatchEncoder?

  // The block that is being put together.
  private var kind = Kind.stored
  private var start = 0
  private var end = 0
  /// From here to its start, bytes wait to be stored.
  private var stored = 0
  private var seed = 8
  /// Where the finder of patterns stopped, and with which seed.
  private var patternsEnd = 0
  private var patternsSeed = 8
  /// How often the bytes occur in it, unless it is stored, and what they take.
  private let counts = Scratch<UInt32>(256, of: 0)
  private let together = Scratch<UInt32>(256, of: 0)
  private var entropy: UInt64 = 0

  /// - Parameter level: zlib's, for the blocks with matches.
  init(level: Int32) {
    self.level = level
  }

  /// The most bytes a stream of `count` bytes takes: five for each stored block of 65,535, and eleven for the
  /// stream.
  static func bound(count: Int) -> Int { count + 5 * (count / 0xFFFF) + 11 }

  /// Encodes `bytes`, whose statistics change every `planeBytes`, into `output`.
  ///
  /// - Parameter contentBytes: how many bytes of a plane say something; the others are 0.
  /// - Precondition: `output` has room for ``bound(count:)`` bytes and eight more.
  /// - Returns: the number of bytes of the stream.
  mutating func encode(
    _ bytes: UnsafeRawBufferPointer, planeBytes: Int, contentBytes: Int,
    into output: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    precondition(output.count >= DeflateEncoder.bound(count: bytes.count) + 8 && planeBytes > 0)
    let first = output.baseAddress!.assumingMemoryBound(to: UInt8.self)
    first[0] = 0x78
    first[1] = 0x01
    var target = BitWriter(first + 2)
    (kind, start, end, stored, entropy) = (.stored, 0, 0, 0, 0)
    patterns.forget()
    patternsEnd = 0
    var plane = 0
    while plane < bytes.count {
      let planeEnd = min(bytes.count, plane + planeBytes)
      // A short tail is not worth a block.
      let content = planeBytes - contentBytes < 256 ? planeEnd : min(planeEnd, plane + contentBytes)
      while end < content {
        try choose(end..<min(content, end + DeflateEncoder.groupBytes), of: bytes, &target)
      }
      while end < planeEnd {
        unit.counts.update(repeating: 0, count: 256)
        let part = end..<min(planeEnd, end + PatternFinder.segmentBytes)
        unit.counts[0] = UInt32(part.count)
        try extend(part, .runs, seed: 8, entropy: 0, of: bytes, &target)
      }
      plane = planeEnd
    }
    try flush(bytes, isFinal: true, &target)
    target.align()
    let sum = isal_adler32(1, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
    withUnsafeBytes(of: sum.bigEndian) { target.append($0) }
    return target.bytes - first
  }

  // MARK: The choice

  /// Chooses for a group of bytes of one plane.
  private mutating func choose(
    _ group: Range<Int>, of bytes: UnsafeRawBufferPointer, _ target: inout BitWriter
  ) throws {
    let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    let isNoise = sampleIsNoise(start + group.lowerBound, count: group.count)
    let comesAgain = repeats.find(in: start + group.lowerBound, count: group.count)
    if isNoise, !comesAgain { return try extend(group, .stored, seed: 8, entropy: 0, of: bytes, &target) }
    var place = group.lowerBound
    while place < group.upperBound {
      let part = place..<min(group.upperBound, place + DeflateEncoder.unitBytes)
      unit.add(start + part.lowerBound, count: part.count)
      unit.finish()
      let entropy = cost.entropy(unit.counts, symbols: 256, total: part.count)
      let bits = Int(entropy >> 16)
      let constant = DeflateEncoder.constantWords(start + part.lowerBound, count: part.count)
      var kind = Kind.stored
      var seed = 8
      let isRun = constant * 8 >= part.count - part.count / 16
      if isRun || (constant * 8 * 64 > part.count && !comesAgain && bits > part.count * 3 / 2) {
        kind = .runs
      } else if bits < part.count * 3 / 2 {
        kind = .patterns
        seed = bits < part.count / 4 * 5 ? 14 : 8
      } else if comesAgain, bits > 6 * part.count || constant * 8 * 64 > part.count {
        kind = .patterns
      } else if comesAgain || part.count < 1024 {
        kind = .matched
      } else if bits / 8 + 40 < part.count - part.count / 64 {
        kind = .literals
      }
      try extend(part, kind, seed: seed, entropy: entropy, of: bytes, &target)
      place = part.upperBound
    }
  }

  /// Whether a sixteenth of the bytes, taken here and there, shows neither a code that pays nor runs.
  private func sampleIsNoise(_ bytes: UnsafePointer<UInt8>, count: Int) -> Bool {
    let piece = 64
    let step = 1024
    guard count >= 16 * step else { return false }
    var place = 0
    var pieces = 0
    var constant = 0
    while place + piece <= count {
      sample.add(bytes + place, count: piece)
      constant += DeflateEncoder.constantWords(bytes + place, count: piece)
      pieces += 1
      place += step
    }
    sample.finish()
    let entropy = cost.entropy(sample.counts, symbols: 256, total: pieces * piece)
    // So few bytes look a little more ordered than they are.
    let ordered = UInt64(pieces * piece) * UInt64(BitCost.unitsPerBit) * 8 * 63 / 64
    let bias = 184 * UInt64(BitCost.unitsPerBit)
    return entropy + bias > ordered && constant * 64 < pieces * 8
  }

  /// How many words of eight bytes are one byte eight times.
  private static func constantWords(_ bytes: UnsafePointer<UInt8>, count: Int) -> Int {
    var found = 0
    var place = 0
    while place &+ 8 <= count {
      let word = UnsafeRawPointer(bytes + place).loadUnaligned(as: UInt64.self)
      found &+= word == (word &<< 8 | word &>> 56) ? 1 : 0
      place &+= 8
    }
    return found
  }

  // MARK: Putting blocks together

  /// Makes `part`, whose bytes ``unit`` has counted unless it is stored, the end of the block, or begins another.
  private mutating func extend(
    _ part: Range<Int>, _ kind: Kind, seed: Int, entropy: UInt64, of bytes: UnsafeRawBufferPointer,
    _ target: inout BitWriter
  ) throws {
    if kind == .stored {
      if self.kind != .stored {
        try flush(bytes, isFinal: false, &target)
        self.kind = .stored
      }
      end = part.upperBound
      return
    }
    if kind == self.kind, end > start {
      let limit = kind == .patterns || kind == .runs ? PatternFinder.segmentBytes : DeflateEncoder.blockBytes
      if seed == self.seed, part.upperBound - start <= limit {
        for byte in 0..<256 { together.start[byte] = counts.start[byte] &+ unit.counts[byte] }
        let joint = cost.entropy(together.start, symbols: 256, total: part.upperBound - start)
        if kind != .literals || joint <= self.entropy + entropy + DeflateEncoder.headerCost {
          counts.start.update(from: together.start, count: 256)
          self.entropy = joint
          end = part.upperBound
          return
        }
      }
    }
    try flush(bytes, isFinal: false, &target)
    self.kind = kind
    self.seed = seed
    self.entropy = entropy
    counts.start.update(from: unit.counts, count: 256)
    end = part.upperBound
  }

  /// Appends the block that was put together; what is stored waits for more of its kind.
  private mutating func flush(
    _ bytes: UnsafeRawBufferPointer, isFinal: Bool, _ target: inout BitWriter
  ) throws {
    if kind != .stored, end > start, try appendBlock(of: bytes, isFinal: isFinal, &target) { stored = end }
    start = end
    if isFinal, stored < end { appendStored(bytes, isFinal: true, &target) }
  }

  /// Appends what waits to be stored.
  private mutating func appendStored(
    _ bytes: UnsafeRawBufferPointer, isFinal: Bool, _ target: inout BitWriter
  ) {
    guard stored < start else { return }
    writer.appendStored(
      UnsafeRawBufferPointer(rebasing: bytes[stored..<start]), isFinal: isFinal, to: &target)
    stored = start
  }

  /// Appends the block that was put together, after what waits to be stored, where that is shorter than to store
  /// it as well.
  private mutating func appendBlock(
    of bytes: UnsafeRawBufferPointer, isFinal: Bool, _ target: inout BitWriter
  ) throws -> Bool {
    let content = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    // Eight bytes less than stored pay for the beginning of a stored block that may follow.
    let limit = (content.count - 8) * 8
    let literalBits = writer.prepareLiterals(counts.start)
    if kind == .patterns || kind == .runs {
      find(bytes, bitsPerByte: literalBits * 16 / content.count)
      if writer.prepareMatched(content, patterns) < min(limit, literalBits) {
        appendStored(bytes, isFinal: false, &target)
        writer.appendMatched(content, patterns, isFinal: isFinal, to: &target)
        return true
      }
      _ = writer.prepareLiterals(counts.start)
    }
    if kind == .matched, try appendMatches(bytes, atMost: min(literalBits, limit) / 8, isFinal, &target) {
      return true
    }
    guard literalBits < limit else { return false }
    appendStored(bytes, isFinal: false, &target)
    writer.appendLiterals(content, isFinal: isFinal, to: &target)
    return true
  }

  /// Lets ``patterns`` find what it can in the block.
  private mutating func find(_ bytes: UnsafeRawBufferPointer, bitsPerByte: Int) {
    let all = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    if kind == .runs { return patterns.findRuns(in: all, range: start..<end) }
    // What it remembers of the bytes just before is of use, with the same seed.
    if patternsEnd != start || patternsSeed != seed { patterns.forget() }
    (patternsEnd, patternsSeed) = (end, seed)
    patterns.find(in: all, range: start..<end, seed: seed, bitsPerByte: bitsPerByte)
  }

  /// Appends the block with zlib's matches, where that takes less than `limit` bytes.
  private mutating func appendMatches(
    _ bytes: UnsafeRawBufferPointer, atMost limit: Int, _ isFinal: Bool, _ target: inout BitWriter
  ) throws -> Bool {
    // An empty block before it, and one after it, may take five each.
    guard limit > 11 else { return false }
    if matches == nil { matches = try MatchEncoder(level: level) }
    let content = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    guard let found = try matches!.encode(content, atMost: limit - 6, isFinal: isFinal) else { return false }
    appendStored(bytes, isFinal: false, &target)
    matches!.append(found, to: &target)
    return true
  }
}
