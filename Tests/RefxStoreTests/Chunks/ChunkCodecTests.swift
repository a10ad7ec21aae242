import Refx
import RefxTestSupport
import Testing

@testable import RefxStore

@Suite struct ShuffleTests {
  @Test(arguments: [1, 2, 3, 4, 8, 16]) func isHDF5sShuffle(itemSize: Int) {
    var random = SeededRandom(seed: 1)
    for count in [0, 1, 2, 3, 7, 8, 31, 32, 33, 64, 100, 1000, 1023] {
      let bytes = random.bytes(count * itemSize)
      var planes = [UInt8](repeating: 0, count: bytes.count)
      bytes.withUnsafeBytes { source in
        planes.withUnsafeMutableBytes { Shuffle.shuffle(source, into: $0, itemSize: itemSize) }
      }
      let expected = (0..<itemSize).flatMap { plane in (0..<count).map { bytes[$0 * itemSize + plane] } }
      #expect(planes == expected, "\(count) elements of \(itemSize)")
      // Whole, and the first elements alone.
      for kept in Set([count, count / 2, min(count, 1), 0]) {
        var back = [UInt8](repeating: 0xAA, count: kept * itemSize)
        planes.withUnsafeBytes { source in
          back.withUnsafeMutableBytes { Shuffle.unshuffle(source, into: $0, itemSize: itemSize) }
        }
        #expect(back == Array(bytes[..<back.count]), "\(kept) of \(count) elements of \(itemSize)")
      }
    }
  }
}

/// Every encoder's chunk is what HDF5's filters would read, and nothing but a whole stream decodes.
@Suite struct ChunkCodecTests {
  private func encode(_ bytes: [UInt8], _ compression: Compression, itemSize: Int, chunkBytes: Int) throws
    -> [UInt8]
  {
    try bytes.withUnsafeBytes {
      try ChunkCodec(compression: compression).encode($0, itemSize: itemSize, chunkBytes: chunkBytes)
    }
  }

  private func decode(_ stored: [UInt8], count: Int, itemSize: Int, chunkBytes: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xCC, count: count)
    try stored.withUnsafeBytes { source in
      try bytes.withUnsafeMutableBytes {
        try ChunkCodec.decode(source, into: $0, itemSize: itemSize, chunkBytes: chunkBytes)
      }
    }
    return bytes
  }

  /// Noise, zeros, runs, structure in one plane alone, repeated rows.
  private func contents(_ count: Int, _ kind: Int, _ random: inout SeededRandom) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    switch kind {
    case 0: return random.bytes(count)
    case 1: return bytes
    case 2: for place in bytes.indices { bytes[place] = UInt8(truncatingIfNeeded: place / 97) }
    case 3:
      for place in bytes.indices where place % 4 != 3 {
        bytes[place] = UInt8(truncatingIfNeeded: random.next())
      }
    case 4:
      let row = random.bytes(331)
      for place in bytes.indices { bytes[place] = row[place % row.count] }
    case 5: for place in bytes.indices { bytes[place] = random.oneIn(50) ? 1 : 0 }
    case 6:
      for place in bytes.indices {
        bytes[place] = place < count / 2 ? 0xFF : UInt8(truncatingIfNeeded: random.next())
      }
    default: for place in bytes.indices { bytes[place] = UInt8(truncatingIfNeeded: random.next() & 15) }
    }
    return bytes
  }

  @Test(arguments: [Compression.fast, .best], 0..<8) func whatIsEncodedDecodes(
    _ compression: Compression, _ kind: Int
  ) throws {
    var random = SeededRandom(seed: UInt64(kind))
    var sizes = [16, 32, 4096, 4112, 32_752, 32_768, 32_784, 65_536, 65_552, 98_304, 1 << 20, 1 << 20 - 16]
    for _ in 0..<8 { sizes.append(16 * (1 + random.below(10_000))) }
    for chunkBytes in sizes {
      for itemSize in [1, 2, 4, 8, 16] {
        // Large chunks with one item size each, to save time.
        if chunkBytes > 90_000, itemSize != 4 { continue }
        let full = random.oneIn(2)
        let count = full ? chunkBytes : itemSize * (1 + random.below(chunkBytes / itemSize))
        let bytes = contents(count, kind, &random)
        let stored = try encode(bytes, compression, itemSize: itemSize, chunkBytes: chunkBytes)
        let back = try decode(stored, count: count, itemSize: itemSize, chunkBytes: chunkBytes)
        #expect(back == bytes, "\(count) of \(chunkBytes) bytes, items of \(itemSize)")
        // What fills the chunk up is zero.
        let whole = try decode(stored, count: chunkBytes, itemSize: itemSize, chunkBytes: chunkBytes)
        #expect(whole[count...].allSatisfy { $0 == 0 })
      }
    }
  }

  @Test func theSameBytesGiveTheSameStream() throws {
    var random = SeededRandom(seed: 3)
    let bytes = contents(1 << 20, 3, &random)
    for compression in [Compression.fast, .best] {
      let one = try encode(bytes, compression, itemSize: 4, chunkBytes: 1 << 20)
      let other = try encode(bytes, compression, itemSize: 4, chunkBytes: 1 << 20)
      #expect(one == other)
    }
  }

  @Test(arguments: [Compression.fast, .best]) func streamsOfAnotherLengthAreRefused(
    _ compression: Compression
  ) throws {
    var random = SeededRandom(seed: 9)
    for kind in [0, 1, 2] {
      let stored = try encode(contents(8192, kind, &random), compression, itemSize: 4, chunkBytes: 8192)
      for wrong in [4, 4096, 8188, 8196, 16_384, 1 << 20] {
        #expect(throws: RefxError.self, "as \(wrong) bytes") {
          try decode(stored, count: 4, itemSize: 4, chunkBytes: wrong)
        }
      }
      for cut in [0, 1, 2, 3, stored.count / 2, stored.count - 4, stored.count - 1] {
        #expect(throws: RefxError.self, "cut to \(cut)") {
          try decode(Array(stored[..<cut]), count: 8192, itemSize: 4, chunkBytes: 8192)
        }
      }
      for tail in [[0], [0, 0, 0, 0], stored] {
        #expect(throws: RefxError.self, "with \(tail.count) bytes after it") {
          try decode(stored + tail, count: 8192, itemSize: 4, chunkBytes: 8192)
        }
      }
    }
  }

  @Test func damagedStreamsAreRefusedOrDecodeToTheSame() throws {
    var random = SeededRandom(seed: 10)
    let bytes = contents(6000, 5, &random)
    let stored = try encode(bytes, .fast, itemSize: 4, chunkBytes: 6000)
    for bit in 0..<(stored.count * 8) {
      var damaged = stored
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      // The header of a stream has bits that change nothing; everything else is under its Adler-32.
      let back = try? decode(damaged, count: 6000, itemSize: 4, chunkBytes: 6000)
      #expect(back == nil || back == bytes, "bit \(bit)")
    }
  }

  @Test func aBombStopsAtWhatWasDeclared() throws {
    let stored = try encode([UInt8](repeating: 0, count: 64 << 20), .best, itemSize: 1, chunkBytes: 64 << 20)
    #expect(stored.count < 100_000)
    let error = #expect(throws: RefxError.self) {
      try decode(stored, count: 4096, itemSize: 4, chunkBytes: 4096)
    }
    #expect(error?.code == .damaged)
  }

  @Test func identitiesReadBack() {
    for compression in Compression.allCases {
      let identity = ChunkCodec(compression: compression).identity
      #expect(ChunkCodec.Identity(text: identity.text) == identity)
    }
    for wrong in [
      "", "shuffle-deflate", "shuffle-deflate/1", "shuffle-deflate/0 fast", "shuffle-deflate/x fast",
      "gzip/1 fast", "shuffle-deflate/1 fast ", "shuffle-deflate/1 faster",
    ] {
      #expect(ChunkCodec.Identity(text: wrong) == nil, "\(wrong)")
    }
  }
}
