import CISAL

/// Encodes the shuffled bytes of a chunk as one ordinary zlib stream (RFC 1950, 1951) whose blocks are chosen
/// by what pays: stored for the noise of mantissas, a Huffman code for single bytes where exponents crowd
/// together, matches where bytes repeat. The choice is made from cheap statistics, of a sample where that
/// shows noise; neighbours that are alike become one block. The thorough encoder looks at all bytes and tries for
/// each block what may be shortest.
///
/// Every inflate reads the stream. It is at most ``bound(count:)`` bytes long.
struct DeflateEncoder: ~Copyable {
  /// The most bytes that are sampled at once.
  private static let groupBytes = 64 << 10
  /// The most bytes of a block that is not stored.
  private static let blockBytes = 1 << 20
  /// What a block with a code of its own takes beside the bytes, about, in units of ``BitCost``.
  private static let headerCost = UInt64(80 * 8 * BitCost.unitsPerBit)

  enum Kind { case stored, literals, runs, patterns, matched, any }

  let isThorough: Bool
  let cost = BitCost()
  let sample = ByteCounts()
  let unit = ByteCounts()
  let repeats = Repeats()
  private var writer = BlockWriter()
  private var patterns: PatternFinder
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

  init(isThorough: Bool) {
    self.isThorough = isThorough
    patterns = PatternFinder(segmentBytes: isThorough ? DeflateEncoder.blockBytes : 128 << 10)
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
        let part = end..<min(planeEnd, end + patterns.segmentBytes)
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

  // MARK: Putting blocks together

  /// Makes `part`, whose bytes ``unit`` has counted unless it is stored, the end of the block, or begins another.
  mutating func extend(
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
      let limit = kind == .patterns || kind == .runs ? patterns.segmentBytes : DeflateEncoder.blockBytes
      if seed == self.seed, part.upperBound - start <= limit {
        for byte in 0..<256 { together.start[byte] = counts.start[byte] &+ unit.counts[byte] }
        let joint = cost.entropy(together.start, symbols: 256, total: part.upperBound - start)
        if (kind != .literals && kind != .any) || joint <= self.entropy + entropy + DeflateEncoder.headerCost
        {
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
    if isThorough {
      return try appendShortest(of: bytes, literalBits: literalBits, limit: limit, isFinal, &target)
    }
    if kind == .patterns || kind == .runs {
      find(bytes, kind, seed: seed, bitsPerByte: literalBits * 16 / content.count)
      if writer.prepareMatched(content, patterns) < min(limit, literalBits) {
        appendFound(bytes, isFinal, &target)
        return true
      }
      _ = writer.prepareLiterals(counts.start)
    }
    if kind == .matched, let count = try zlibMatches(bytes, atMost: min(literalBits, limit) / 8, isFinal) {
      appendStored(bytes, isFinal: false, &target)
      matches!.append(count, to: &target)
      return true
    }
    guard literalBits < limit else { return false }
    appendStored(bytes, isFinal: false, &target)
    writer.appendLiterals(content, isFinal: isFinal, to: &target)
    return true
  }

  /// What the thorough encoder looks for.
  private static let attempts: [(kind: Kind, seed: Int)] = [
    (.runs, 8), (.patterns, 8), (.patterns, 10), (.patterns, 13), (.patterns, 16),
  ]

  /// Tries everything; zlib, which takes long, where strings come again.
  private mutating func appendShortest(
    of bytes: UnsafeRawBufferPointer, literalBits: Int, limit: Int, _ isFinal: Bool,
    _ target: inout BitWriter
  ) throws -> Bool {
    let content = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    let bitsPerByte = literalBits * 16 / content.count
    let zlibBytes =
      try kind == .matched ? zlibMatches(bytes, atMost: min(literalBits, limit) / 8, isFinal) : nil
    var shortest = min(literalBits, limit, zlibBytes.map { $0 * 8 } ?? Int.max)
    var found: (kind: Kind, seed: Int)?
    for (kind, seed) in kind == .runs ? [(Kind.runs, 8)] : DeflateEncoder.attempts {
      find(bytes, kind, seed: seed, bitsPerByte: bitsPerByte)
      let bits = writer.prepareMatched(content, patterns)
      if bits < shortest { (shortest, found) = (bits, (kind, seed)) }
    }
    if let found {
      find(bytes, found.kind, seed: found.seed, bitsPerByte: bitsPerByte)
      _ = writer.prepareMatched(content, patterns)
      appendFound(bytes, isFinal, &target)
    } else if let zlibBytes {
      appendStored(bytes, isFinal: false, &target)
      matches!.append(zlibBytes, to: &target)
    } else if literalBits < limit {
      _ = writer.prepareLiterals(counts.start)
      appendStored(bytes, isFinal: false, &target)
      writer.appendLiterals(content, isFinal: isFinal, to: &target)
    } else {
      return false
    }
    return true
  }

  /// Appends the block with the matches that ``patterns`` found.
  private mutating func appendFound(
    _ bytes: UnsafeRawBufferPointer, _ isFinal: Bool, _ target: inout BitWriter
  ) {
    appendStored(bytes, isFinal: false, &target)
    let content = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    writer.appendMatched(content, patterns, isFinal: isFinal, to: &target)
  }

  /// Lets ``patterns`` find what it can in the block.
  private mutating func find(
    _ bytes: UnsafeRawBufferPointer, _ kind: Kind, seed: Int, bitsPerByte: Int
  ) {
    let all = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    if kind == .runs { return patterns.findRuns(in: all, range: start..<end) }
    // What it remembers of the bytes just before is of use, with the same seed.
    if patternsEnd != start || patternsSeed != seed { patterns.forget() }
    (patternsEnd, patternsSeed) = (end, seed)
    patterns.find(in: all, range: start..<end, seed: seed, bitsPerByte: bitsPerByte)
  }

  /// Encodes the block with zlib's matches.
  ///
  /// - Returns: how many bytes that takes; nil where it would not be less than `limit`.
  private mutating func zlibMatches(
    _ bytes: UnsafeRawBufferPointer, atMost limit: Int, _ isFinal: Bool
  ) throws -> Int? {
    // An empty block before it, and one after it, may take five each.
    guard limit > 11 else { return nil }
    if matches == nil { matches = try MatchEncoder(level: isThorough ? 7 : 1) }
    let before = isThorough ? max(0, start - PatternFinder.window)..<start : start..<start
    return try matches!.encode(
      UnsafeRawBufferPointer(rebasing: bytes[start..<end]),
      after: UnsafeRawBufferPointer(rebasing: bytes[before]), atMost: limit - 6, isFinal: isFinal)
  }
}
