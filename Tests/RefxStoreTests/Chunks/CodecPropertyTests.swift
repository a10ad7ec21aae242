import RefxTestSupport
import Testing

@testable import RefxStore

/// Whatever a chunk holds, its stream decodes to it, in our decoder and in zlib's, which shares no line with it.
///
/// `Tools/check-codec` does the same with any number of chunks, through two more readers.
@Suite struct CodecPropertyTests {
  private let fast = ChunkEncoder(compression: .fast)
  private let best = ChunkEncoder(compression: .best)
  private let decoder = ChunkDecoder()

  private func encode(_ encoder: ChunkEncoder, _ content: [UInt8], _ itemSize: Int, _ chunkBytes: Int) throws
    -> [UInt8]
  {
    try content.withUnsafeBytes {
      try encoder.encode($0, itemSize: itemSize, chunkBytes: chunkBytes) { Array($0) }
    }
  }

  /// - Returns: the size of the stream.
  @discardableResult
  private func check(
    _ encoder: ChunkEncoder, _ content: [UInt8], itemSize: Int, chunkBytes: Int, _ comment: Comment
  ) throws -> Int {
    let stream = try encode(encoder, content, itemSize, chunkBytes)
    #expect(stream.count <= DeflateEncoder.bound(count: chunkBytes), comment)
    var back = [UInt8](repeating: 0xCC, count: content.count)
    var whole = [UInt8](repeating: 0xCC, count: chunkBytes)
    try stream.withUnsafeBytes { stored in
      try back.withUnsafeMutableBytes {
        try decoder.decode(stored, into: $0, itemSize: itemSize, chunkBytes: chunkBytes)
      }
      try whole.withUnsafeMutableBytes {
        try decoder.decode(stored, into: $0, itemSize: itemSize, chunkBytes: chunkBytes)
      }
    }
    #expect(back == content, comment)
    let padded = content + [UInt8](repeating: 0, count: chunkBytes - content.count)
    #expect(whole == padded, comment)
    var planes = [UInt8](repeating: 0, count: chunkBytes)
    padded.withUnsafeBytes { padded in
      planes.withUnsafeMutableBytes { Shuffle.shuffle(padded, into: $0, itemSize: itemSize) }
    }
    #expect(ZlibStream.inflated(stream, count: chunkBytes) == planes, comment)
    return stream.count
  }

  @Test(arguments: 0..<8) func chunksOfAllKinds(part: UInt64) throws {
    for number in 0..<300 {
      let seed = part * 1_000_000 + UInt64(number)
      let one = ChunkCase(seed: seed, largest: number % 30 == 0 ? 200_000 : 12_000)
      let comment: Comment =
        "seed \(seed): \(one.kind), \(one.content.count) of \(one.chunkBytes), items of \(one.itemSize)"
      let quick = try check(fast, one.content, itemSize: one.itemSize, chunkBytes: one.chunkBytes, comment)
      let small = try check(best, one.content, itemSize: one.itemSize, chunkBytes: one.chunkBytes, comment)
      #expect(small <= quick, comment)
      // What the encoder held before leaves no trace.
      if number % 20 == 0 {
        let fresh = ChunkEncoder(compression: .fast)
        #expect(
          try encode(fresh, one.content, one.itemSize, one.chunkBytes)
            == encode(fast, one.content, one.itemSize, one.chunkBytes), comment)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 8, 16]) func everySmallSize(itemSize: Int) throws {
    var random = SeededRandom(seed: UInt64(itemSize))
    for elements in 1...140 {
      let chunkBytes = elements * itemSize
      for content in [
        random.bytes(chunkBytes), [UInt8](repeating: 0, count: chunkBytes),
        random.bytes(chunkBytes).map { $0 & 1 }, [],
        random.bytes(itemSize * random.below(elements + 1)),
      ] {
        try check(
          fast, content, itemSize: itemSize, chunkBytes: chunkBytes,
          "\(content.count) of \(chunkBytes), items of \(itemSize)")
      }
    }
  }

  @Test(arguments: ChunkCase.Kind.allCases) func aLargeChunk(_ kind: ChunkCase.Kind) throws {
    // The first seed that gives the kind and a large chunk of four-byte elements.
    for seed in UInt64(50_000_000)... {
      guard ChunkCase.isLarge(seed: seed, kind: kind) else { continue }
      let one = ChunkCase(seed: seed)
      try check(
        fast, one.content, itemSize: one.itemSize, chunkBytes: one.chunkBytes, "seed \(seed): \(one.kind)")
      return
    }
  }

  /// The bound of the documentation: 0.1 % from 11,000 bytes on.
  @Test func noiseIsNeverExpandedByAThousandth() throws {
    var random = SeededRandom(seed: 4)
    for size in [4096, 11_000, 65_535, 65_536, 131_070, 131_071, 1 << 20] {
      let noise = random.bytes(size)
      for encoder in [fast, best] {
        let count = try check(encoder, noise, itemSize: 1, chunkBytes: size, "\(size) bytes")
        #expect(count <= size + max(11, size / 1000), "\(size) bytes")
        #expect(count >= size, "\(size) bytes")
      }
    }
  }
}
