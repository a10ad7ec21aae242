import RefxTestSupport
import Testing

@testable import RefxStore

@Suite struct PrefixCodeTests {
  /// The cost of an optimal code: what Huffman's merging of the two lightest adds up.
  private func optimalCost(_ counts: [UInt32]) -> Int {
    var weights = counts.filter { $0 > 0 }.map(Int.init)
    var cost = 0
    while weights.count > 1 {
      weights.sort(by: >)
      let merged = weights.removeLast() + weights.removeLast()
      cost += merged
      weights.append(merged)
    }
    return cost
  }

  private func check(_ counts: [UInt32], limit: Int) {
    let code = PrefixCode(capacity: counts.count)
    code.make(for: counts, limit: limit)
    let lengths = counts.indices.map { code.length(of: $0) }
    var filled = 0
    for (symbol, length) in lengths.enumerated() {
      #expect((length > 0) == (counts[symbol] > 0) && length <= limit)
      if length > 0 { filled += 1 << (limit - length) }
    }
    // Complete: no string of bits is without a meaning.
    #expect(filled == 1 << limit)
    let optimum = optimalCost(counts)
    let cost = code.cost(of: counts)
    #expect(cost >= optimum)
    if lengths.allSatisfy({ $0 < limit }) { #expect(cost == optimum) }
    // No code begins another: sent bits are lowest first.
    let sent = counts.indices.filter { counts[$0] > 0 }.map { (code.entries[$0] >> 6, lengths[$0]) }
    for (place, one) in sent.enumerated() {
      for other in sent[(place + 1)...] {
        let shared = UInt32(1) << UInt32(min(one.1, other.1)) - 1
        #expect(one.0 & shared != other.0 & shared)
      }
    }
  }

  @Test func codesAreCompleteAndOptimal() {
    var random = SeededRandom(seed: 11)
    for symbols in [2, 3, 4, 5, 17, 100, 257] {
      for _ in 0..<8 {
        var counts = (0..<symbols).map { _ in UInt32(random.oneIn(4) ? 0 : 1 + random.below(1000)) }
        counts[0] = 1
        counts[1] = UInt32(1 + random.below(60_000))
        check(counts, limit: 12)
      }
    }
  }

  @Test func theLimitHoldsForTheWorstWeights() {
    var counts: [UInt32] = [1, 1]
    while counts.count < 24 { counts.append(counts[counts.count - 1] + counts[counts.count - 2]) }
    for symbols in 2...24 {
      for limit in [5, 7, 12, 15] where symbols <= 1 << limit {
        check(Array(counts[..<symbols]), limit: limit)
      }
    }
    check((0..<257).map { UInt32(1) << UInt32($0 % 20) }, limit: 12)
    check([UInt32](repeating: 1, count: 19), limit: 7)
  }
}

/// The stream, against zlib's own inflate, which shares no line with what wrote it.
@Suite struct DeflateEncoderTests {
  private func stream(_ bytes: [UInt8], planeBytes: Int) throws -> [UInt8] {
    var encoder = DeflateEncoder(isThorough: false)
    let bound = DeflateEncoder.bound(count: bytes.count)
    var output = [UInt8](repeating: 0, count: bound + 8)
    let count = try bytes.withUnsafeBytes { source in
      try output.withUnsafeMutableBytes {
        try encoder.encode(source, planeBytes: planeBytes, contentBytes: planeBytes, into: $0)
      }
    }
    #expect(count <= bound)
    return Array(output[..<count])
  }

  private enum Content: CaseIterable {
    case noise, exponents, zeros, fewValues, text, rows, ramp, oneValueWithNoise, fibonacci
  }

  private func make(_ content: Content, count: Int, _ random: inout SeededRandom) -> [UInt8] {
    switch content {
    case .noise: return random.bytes(count)
    case .exponents:
      return (0..<count).map { _ in
        UInt8(truncatingIfNeeded: 120 - (random.next() | 1 << 20).trailingZeroBitCount)
      }
    case .zeros: return [UInt8](repeating: 0, count: count)
    case .fewValues: return (0..<count).map { _ in UInt8(random.below(3)) }
    case .text:
      let words = ["layers", "weight", "bias", "attention", " ", ".", "0", "12"].map { Array($0.utf8) }
      var bytes: [UInt8] = []
      while bytes.count < count { bytes += words[random.below(words.count)] }
      return Array(bytes[..<count])
    case .rows:
      let row = random.bytes(1000)
      return (0..<count).map { row[$0 % row.count] }
    case .ramp: return (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    case .oneValueWithNoise:
      return (0..<count).map { _ in random.oneIn(30) ? UInt8(truncatingIfNeeded: random.next()) : 7 }
    case .fibonacci:
      var bytes: [UInt8] = []
      var (a, b, symbol) = (1, 1, UInt8(0))
      while bytes.count < count {
        bytes += [UInt8](repeating: symbol, count: min(a, count - bytes.count))
        (a, b) = (b, a + b)
        symbol &+= 1
      }
      return bytes.shuffled(using: &random)
    }
  }

  @Test(arguments: 0..<6) func everyStreamIsReadByZlib(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var sizes = [1, 2, 3, 63, 64, 65, 255, 1023, 1024, 1025, 4096, 32_767, 32_768, 32_769, 70_001]
    for _ in 0..<6 { sizes.append(1 + random.below(100_000)) }
    for size in sizes {
      // One kind of content, or several in a row, so that blocks of all kinds follow each other.
      var bytes: [UInt8] = []
      for _ in 0..<(1 + random.below(4)) {
        let content = Content.allCases[random.below(Content.allCases.count)]
        bytes += make(content, count: size, &random)
      }
      for planeBytes in [bytes.count, max(1, bytes.count / 4), 5000] {
        let stream = try stream(bytes, planeBytes: planeBytes)
        #expect(
          ZlibStream.inflated(stream, count: bytes.count) == bytes,
          "seed \(seed), \(bytes.count) in \(planeBytes)")
        let again = try stream.withUnsafeBytes { try ChunkCodec.inflate($0, exactly: bytes.count) }
        #expect(again == bytes, "seed \(seed), \(bytes.count) in \(planeBytes)")
      }
    }
  }

  @Test func eachKindOfContentPays() throws {
    var random = SeededRandom(seed: 5)
    func ratio(_ content: Content) throws -> Double {
      let bytes = make(content, count: 1 << 18, &random)
      return Double(bytes.count) / Double(try stream(bytes, planeBytes: bytes.count).count)
    }
    #expect(try ratio(.noise) > 0.999)
    #expect(try ratio(.exponents) > 3)
    #expect(try ratio(.zeros) > 200)
    #expect(try ratio(.rows) > 50)
    #expect(try ratio(.text) > 3)
    #expect(try ratio(.oneValueWithNoise) > 3)
  }
}
