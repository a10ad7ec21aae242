extension DeflateEncoder {
  /// The bytes that are counted at once.
  private static let unitBytes = 16 << 10

  /// Chooses for a group of bytes of one plane.
  mutating func choose(
    _ group: Range<Int>, of bytes: UnsafeRawBufferPointer, _ target: inout BitWriter
  ) throws {
    let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
    let isNoise = !isThorough && sampleIsNoise(start + group.lowerBound, count: group.count)
    var comesAgain = repeats.find(in: start + group.lowerBound, count: group.count)
    if isNoise, comesAgain == .nothing {
      return try extend(group, .stored, seed: 8, entropy: 0, of: bytes, &target)
    }
    var place = group.lowerBound
    while place < group.upperBound {
      let part = place..<min(group.upperBound, place + DeflateEncoder.unitBytes)
      let constant = unit.add(start + part.lowerBound, count: part.count)
      unit.finish()
      let entropy = cost.entropy(unit.counts, symbols: 256, total: part.count)
      let isEven = constant * 8 * 64 <= part.count && entropy >> 16 > UInt64(part.count * 7 / 2)
      if place == group.lowerBound, comesAgain == .nothing, isEven,
        repeats.findShort(in: start + part.lowerBound, count: part.count)
      {
        comesAgain = .some
      }
      let (kind, seed) = kind(
        of: part.count, bits: Int(entropy >> 16), constantWords: constant, comesAgain: comesAgain)
      try extend(part, kind, seed: seed, entropy: entropy, of: bytes, &target)
      place = part.upperBound
    }
  }

  /// What pays for `count` bytes that a code for single bytes makes `bits` bits of.
  ///
  /// - Parameters:
  ///   - constantWords: how many words of eight bytes are one byte eight times.
  ///   - comesAgain: which strings were seen twice.
  private func kind(
    of count: Int, bits: Int, constantWords: Int, comesAgain: Repeats.Found
  ) -> (kind: Kind, seed: Int) {
    if constantWords * 8 >= count - count / 16 { return (.runs, 8) }
    let hasRuns = constantWords * 8 * 64 > count
    if isThorough {
      let isNoise = bits / 8 + 40 > count - count / 512
      if count < 1024 || (comesAgain > .nothing && bits > count * 3 / 2) { return (.matched, 8) }
      return (isNoise && !hasRuns ? .stored : .any, 8)
    }
    // Planes of one random bit: what comes again does so by chance and hardly pays, but takes most of the time.
    if bits > count, bits < count * 5 / 4, !hasRuns, comesAgain < .long { return (.literals, 8) }
    // Where so few values come, the end of the block alone costs other codes half a bit.
    if bits < count * 5 / 4 { return (.patterns, 14) }
    if bits < count * 3 / 2 { return (.patterns, 8) }
    if hasRuns { return (comesAgain > .nothing ? .patterns : .runs, 8) }
    if comesAgain > .nothing { return (bits > 6 * count ? .patterns : .matched, 8) }
    if count < 1024 { return (.matched, 8) }
    return (bits / 8 + 40 < count - count / 64 ? .literals : .stored, 8)
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
      constant += sample.add(bytes + place, count: piece)
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
}
