import Refx
import RefxTestSupport
import Testing

@testable import RefxStore

/// Chunks are copied where that is right, and only there.
@Suite struct LeafEncoderTests {
  /// A leaf held as encoded chunks.
  private final class ChunkedSource: EncodedChunks {
    let leaf: Leaf
    let chunks: [[UInt8]]
    let codecIdentity: ChunkCodec.Identity?
    let logicalCRC32: UInt32?
    let contentHash: ContentHash?
    let isChecked: Bool

    init(
      _ leaf: Leaf, chunks: [[UInt8]], identity: ChunkCodec.Identity?, sums: LeafSums?, isChecked: Bool
    ) {
      self.leaf = leaf
      self.chunks = chunks
      codecIdentity = identity
      logicalCRC32 = sums?.logicalCRC32
      contentHash = sums?.contentHash
      self.isChecked = isChecked
    }

    var byteCount: Int { leaf.byteCount }
    var chunkCount: Int { chunks.count }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
      throw RefxError(.system, "the logical bytes were read")
    }

    func encodedChunk(at position: Int) throws -> EncodedChunk {
      EncodedChunk(
        bytes: chunks[position],
        checkedCRC32: isChecked ? chunks[position].withUnsafeBytes { CRC32.of($0) } : nil)
    }
  }

  private let plain: Leaf = {
    var random = RandomTree(seed: 21)
    return random.leaf(.float32, shape: [2, 300_001])
  }()

  private func encode(_ leaf: Leaf, _ compression: Compression) throws -> (chunks: [[UInt8]], sums: LeafSums)
  {
    var chunks: [[UInt8]] = []
    let sums = try LeafEncoder(leaf, compression: compression).forEachSlab { slab in
      #expect(slab.position == chunks.count)
      #expect(slab.crc32 == CRC32.of(slab.stored))
      chunks.append(Array(slab.stored))
    }
    return (chunks, sums)
  }

  private func leaf(from source: ChunkedSource) -> Leaf {
    Leaf(dtype: plain.dtype, shape: plain.shape, source: source)
  }

  @Test func sumsDoNotDependOnTheCompression() throws {
    let raw = try encode(plain, .none)
    let fast = try encode(plain, .fast)
    #expect(raw.sums == fast.sums)
    #expect(raw.chunks.flatMap(\.self) == (try plain.allBytes()))
    #expect(raw.sums.logicalCRC32 == (try plain.allBytes().withUnsafeBytes { CRC32.of($0) }))
  }

  @Test func checkedChunksAreCopiedUnread() throws {
    let fast = try encode(plain, .fast)
    let source = ChunkedSource(
      plain, chunks: fast.chunks, identity: ChunkCodec(compression: .fast).identity, sums: fast.sums,
      isChecked: true)
    let copy = try encode(leaf(from: source), .fast)
    #expect(copy.chunks == fast.chunks && copy.sums == fast.sums)
  }

  @Test func uncheckedChunksAreDecodedOnceAndCopied() throws {
    let fast = try encode(plain, .fast)
    let identity = ChunkCodec(compression: .fast).identity
    for sums in [nil, fast.sums] {
      let source = ChunkedSource(plain, chunks: fast.chunks, identity: identity, sums: sums, isChecked: false)
      let copy = try encode(leaf(from: source), .fast)
      #expect(copy.chunks == fast.chunks && copy.sums == fast.sums)
    }
    let wrong = LeafSums(logicalCRC32: fast.sums.logicalCRC32 ^ 1, contentHash: fast.sums.contentHash)
    let source = ChunkedSource(plain, chunks: fast.chunks, identity: identity, sums: wrong, isChecked: false)
    #expect(throws: RefxError.self) { try encode(leaf(from: source), .fast) }
  }

  @Test func chunksOfAnotherCodecAreNotCopied() throws {
    let fast = try encode(plain, .fast)
    for identity in [
      nil, ChunkCodec(compression: .best).identity, ChunkCodec.Identity(version: 99, compression: .fast),
    ] {
      let source = ChunkedSource(
        plain, chunks: fast.chunks, identity: identity, sums: fast.sums, isChecked: true)
      // This source refuses to give logical bytes, which shows that they were asked for.
      let error = #expect(throws: RefxError.self) { try encode(leaf(from: source), .fast) }
      #expect(error?.message == "the logical bytes were read")
    }
  }

  @Test func aLeafOfAnotherSizeThanItsShapeIsRefused() {
    let wrong = Leaf(dtype: .float32, shape: [5], source: MemoryBytes(count: 16) { _ in })
    #expect(throws: RefxError.self) { try LeafEncoder(wrong, compression: .none) }
    let endless = Leaf(dtype: .float32, shape: [Int.max, 8], source: MemoryBytes(count: 16) { _ in })
    #expect(throws: RefxError.self) { try LeafEncoder(endless, compression: .none) }
  }
}
