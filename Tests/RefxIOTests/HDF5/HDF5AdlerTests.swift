import Refx
import RefxHDF5
import RefxStore
import RefxTestSupport
import Testing

/// A part of a compressed leaf is vouched for by the streams of its chunks: a stream that decodes to the
/// right number of wrong bytes is refused by the checksum at its end.
@Suite struct HDF5AdlerTests {
  /// Noise, which deflate stores as it is, in three chunks.
  private static let payload: [UInt8] = {
    var random = SeededRandom(seed: 77)
    return random.bytes((2 << 20) + 5000)
  }()
  private static let leaf = Leaf(dtype: .uint8, shape: [payload.count], bytes: payload)
  /// A byte in the middle of the second chunk.
  private static let wrong = (1 << 20) + 700_000

  /// A file in which the stream of the second chunk gives one byte otherwise; its checksum mended or not.
  private static func file(mended: Bool) throws -> [UInt8] {
    let target = MemoryTarget()
    try HDF5Store.write(
      CheckpointContents(tree: ["w": .leaf(leaf)]), to: target, options: WriteOptions(compression: .fast))
    var bytes = target.bytes
    var chunk = Array(payload[(1 << 20)..<(2 << 20)])
    let stream = try chunk.withUnsafeBytes {
      try ChunkCodec(compression: .fast).encode($0, itemSize: 1, chunkBytes: $0.count)
    }
    let start = try #require(bytes.indices.first { bytes[$0] == 0x78 && bytes[$0...].starts(with: stream) })
    let around = Array(payload[(wrong - 16)..<(wrong + 16)])
    let place = try #require(
      (start..<(start + stream.count)).first { bytes[$0] == around[0] && bytes[$0...].starts(with: around) })
    bytes[place + 16] ^= 0x40
    guard mended else { return bytes }
    chunk[wrong - (1 << 20)] ^= 0x40
    let sum = adler32(chunk)
    for byte in 0..<4 {
      bytes[start + stream.count - 4 + byte] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * UInt32(byte)))
    }
    return bytes
  }

  private static func adler32(_ bytes: [UInt8]) -> UInt32 {
    var (low, high) = (1 as UInt32, 0 as UInt32)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    return high << 16 | low
  }

  private func leaf(_ bytes: [UInt8]) throws -> Leaf {
    guard case .leaf(let leaf)? = try openHDF5(bytes).contents.tree.member("w") else {
      throw ContractViolation("the catalogue is sound")
    }
    return leaf
  }

  private func read(_ leaf: Leaf, _ range: Range<Int>) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: range.count)
    try bytes.withUnsafeMutableBytes { try leaf.source.read(at: range.lowerBound, into: $0) }
    return bytes
  }

  /// Within the chunk with and without the wrong byte, the whole chunk, across both its borders.
  private static let touching = [
    wrong..<(wrong + 1), (1 << 20)..<((1 << 20) + 8), (1 << 20)..<(2 << 20),
    ((1 << 20) - 10)..<((1 << 20) + 10), ((2 << 20) - 10)..<((2 << 20) + 10), 5..<((2 << 20) + 4000),
  ]

  @Test func aPartOfAWrongChunkIsRefused() throws {
    let bytes = try Self.file(mended: false)
    for range in Self.touching {
      // Anew each time: nothing that was decoded before is kept.
      let leaf = try leaf(bytes)
      for _ in 0..<2 {
        let error = #expect(throws: RefxError.self, "\(range)") { try read(leaf, range) }
        #expect(error?.code == .damaged)
        #expect(error?.file == "memory.h5")
        #expect(
          error?.description.contains("/tree/w, chunk [1] at byte ") == true, "\(error?.description ?? "")")
      }
    }
  }

  @Test func theOtherChunksAreStillRead() throws {
    let leaf = try leaf(try Self.file(mended: false))
    for range in [0..<100, 5..<(1 << 20), (2 << 20)..<Self.payload.count, 100..<200] {
      let isSame = try read(leaf, range) == Array(Self.payload[range])
      #expect(isSame, "\(range)")
    }
    #expect(throws: RefxError.self) { try leaf.tensor() }
  }

  /// With the stream's own checksum mended the wrong byte does come: it was that checksum alone that told.
  /// The leaf's checksum still tells who reads all of it.
  @Test func nothingElseWouldTell() throws {
    let leaf = try leaf(try Self.file(mended: true))
    #expect(try read(leaf, Self.wrong..<(Self.wrong + 1)) == [Self.payload[Self.wrong] ^ 0x40])
    let error = #expect(throws: RefxError.self) { try leaf.tensor() }
    #expect(error?.message == "the values are not those that were saved")
  }
}
