extension PrefixCode {
  /// The bytes, the end of the block, and 29 lengths of matches.
  static let literalsAndLengths = 286
  static let distances = 30
  static let endOfBlock = 256
}

/// Writes the blocks of a deflate stream (RFC 1951, 3.2) but for the choice among them.
struct BlockWriter: ~Copyable {
  /// Codes of at most this many bits let four be appended at once.
  private static let limit = 12

  private let literals = PrefixCode(capacity: PrefixCode.literalsAndLengths)
  private let distances = PrefixCode(capacity: PrefixCode.distances)
  private let counts = Scratch<UInt32>(PrefixCode.literalsAndLengths, of: 0)
  private let distanceCounts = Scratch<UInt32>(PrefixCode.distances, of: 0)
  private let literalCounts = ByteCounts()
  private var header = CodeHeader()
  /// For each length of a match the code and its extra bits: the number of bits in the low six bits.
  private let lengthEntries = Scratch<UInt32>(PatternFinder.longest + 1, of: 0)

  /// A stored block for each 65,535 bytes.
  func appendStored(_ content: UnsafeRawBufferPointer, isFinal: Bool, to writer: inout BitWriter) {
    var start = 0
    repeat {
      let end = min(content.count, start + 0xFFFF)
      writer.append(isFinal && end == content.count ? 1 : 0, count: 3)
      writer.align()
      let length = UInt64(end - start)
      writer.append(length | (~length & 0xFFFF) << 16, count: 32)
      writer.append(UnsafeRawBufferPointer(rebasing: content[start..<end]))
      start = end
    } while start < content.count
  }

  // MARK: Bytes alone

  /// Makes a code for bytes that occur as often as `byteCounts` says.
  ///
  /// - Returns: the number of bits of the block that ``appendLiterals(_:isFinal:to:)`` then appends.
  mutating func prepareLiterals(_ byteCounts: UnsafePointer<UInt32>) -> Int {
    counts.start.update(repeating: 0, count: counts.count)
    counts.start.update(from: byteCounts, count: 256)
    counts.start[PrefixCode.endOfBlock] = 1
    literals.make(for: counts.start, limit: BlockWriter.limit)
    // Two distance codes of one bit, which the block does not use: some decoders refuse fewer.
    distanceCounts.start.update(repeating: 0, count: distanceCounts.count)
    distanceCounts.start[0] = 1
    distanceCounts.start[1] = 1
    distances.make(for: distanceCounts.start, limit: BlockWriter.limit)
    header.make(literals: literals, distances: distances)
    return 3 + header.bitCount + literals.cost(of: counts.start)
  }

  /// Appends a block of the bytes that ``prepareLiterals(_:)`` was told of.
  func appendLiterals(_ content: UnsafeRawBufferPointer, isFinal: Bool, to writer: inout BitWriter) {
    writer.append((isFinal ? 1 : 0) | 2 << 1, count: 3)
    header.append(to: &writer)
    append(content.baseAddress!.assumingMemoryBound(to: UInt8.self), count: content.count, to: &writer)
    writer.append(code: literals.entries[PrefixCode.endOfBlock])
  }

  @inline(__always)
  private func append(_ bytes: UnsafePointer<UInt8>, count: Int, to target: inout BitWriter) {
    let codes = literals.entries
    var writer = target
    var place = 0
    while place &+ 4 <= count {
      let a = UInt64(codes[Int(bytes[place])])
      let b = UInt64(codes[Int(bytes[place &+ 1])])
      let c = UInt64(codes[Int(bytes[place &+ 2])])
      let d = UInt64(codes[Int(bytes[place &+ 3])])
      // A shift looks at its low six bits alone, which are the length of the code.
      let ab = a &>> 6 | (b &>> 6) &<< a
      let cd = c &>> 6 | (d &>> 6) &<< c
      let countAB = a &+ b
      writer.append(ab | cd &<< countAB, count: (countAB &+ c &+ d) & 63)
      place &+= 4
    }
    while place < count {
      writer.append(code: codes[Int(bytes[place])])
      place &+= 1
    }
    target = writer
  }

  // MARK: Bytes and matches

  /// Makes codes for `bytes` with the matches that were found in them.
  ///
  /// - Returns: the number of bits of the block that ``appendMatched(_:_:isFinal:to:)`` then appends.
  mutating func prepareMatched(_ bytes: UnsafeRawBufferPointer, _ found: borrowing PatternFinder) -> Int {
    counts.start.update(repeating: 0, count: counts.count)
    distanceCounts.start.update(repeating: 0, count: distanceCounts.count)
    // By names of their own: the compiler cannot count in a member here when it looks for races.
    let symbols = counts.start
    let distanceSymbols = distanceCounts.start
    let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    var extra = 0
    var place = 0
    for match in 0..<found.count {
      let match = found.matches[match]
      literalCounts.add(start + place, count: Int(match.literals))
      let length = MatchSymbol(length: Int(match.length))
      let distance = MatchSymbol(distance: Int(match.distance))
      symbols[length.symbol] &+= 1
      distanceSymbols[distance.symbol] &+= 1
      extra &+= length.extraCount &+ distance.extraCount
      place &+= Int(match.literals) &+ Int(match.length)
    }
    literalCounts.add(start + place, count: bytes.count - place)
    literalCounts.finish()
    counts.start.update(from: literalCounts.counts, count: 256)
    counts.start[PrefixCode.endOfBlock] = 1
    // At least two codes, each complete.
    for symbol in 0..<2 where distanceCounts.start[symbol] == 0 {
      if distanceCounts.buffer.reduce(0, { $0 + ($1 > 0 ? 1 : 0) }) < 2 { distanceCounts.start[symbol] = 1 }
    }
    literals.make(for: counts.start, limit: BlockWriter.limit)
    distances.make(for: distanceCounts.start, limit: BlockWriter.limit)
    header.make(literals: literals, distances: distances)
    return 3 + header.bitCount + literals.cost(of: counts.start) + distances.cost(of: distanceCounts.start)
      + extra
  }

  /// Appends a block of the bytes and matches that ``prepareMatched(_:_:)`` was told of.
  func appendMatched(
    _ bytes: UnsafeRawBufferPointer, _ found: borrowing PatternFinder, isFinal: Bool,
    to writer: inout BitWriter
  ) {
    writer.append((isFinal ? 1 : 0) | 2 << 1, count: 3)
    header.append(to: &writer)
    for length in 3...PatternFinder.longest {
      let symbol = MatchSymbol(length: length)
      let entry = literals.entries[symbol.symbol]
      let count = entry & 63
      lengthEntries.start[length] =
        (entry >> 6 | UInt32(symbol.extra) << count) << 6 | (count + UInt32(symbol.extraCount))
    }
    var start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    let end = start + bytes.count
    for match in 0..<found.count {
      let match = found.matches[match]
      append(start, count: Int(match.literals), to: &writer)
      let length = lengthEntries.start[Int(match.length)]
      let distance = MatchSymbol(distance: Int(match.distance))
      let entry = distances.entries[distance.symbol]
      let lengthBits = UInt64(length & 63)
      let distanceBits = UInt64(entry & 63)
      let codes = UInt64(length &>> 6) | UInt64(entry &>> 6) &<< lengthBits
      writer.append(
        codes | UInt64(distance.extra) &<< (lengthBits &+ distanceBits),
        count: lengthBits &+ distanceBits &+ UInt64(distance.extraCount))
      start += Int(match.literals) &+ Int(match.length)
    }
    append(start, count: end - start, to: &writer)
    writer.append(code: literals.entries[PrefixCode.endOfBlock])
  }
}
