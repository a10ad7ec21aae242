import Refx
import RefxTestSupport
import Testing

@testable import RefxStore

/// Chunks are copied where that is right, and only there.
@Suite struct PayloadEncoderTests {
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

    var vouchesForChunks: Bool { isChecked }

    func readEncodedChunk(at position: Int, into buffer: ByteBuffer) throws -> EncodedChunk {
      let room = buffer.room(for: chunks[position].count)
      room.copyBytes(from: chunks[position])
      let bytes = UnsafeRawBufferPointer(room)
      return EncodedChunk(bytes: bytes, checkedCRC32: isChecked ? CRC32.of(bytes) : nil)
    }
  }

  private let plain: Leaf = {
    var random = RandomTree(seed: 21)
    return random.leaf(.float32, shape: [2, 300_001])
  }()

  private func encode(
    _ leaf: Leaf, _ compression: Compression, threads: Int? = nil
  ) throws -> (chunks: [[UInt8]], sums: LeafSums) {
    try encode([leaf], compression, threads: threads)[0]
  }

  private func encode(
    _ leaves: [Leaf], _ compression: Compression, threads: Int? = nil
  ) throws -> [(chunks: [[UInt8]], sums: LeafSums)] {
    try PayloadEncoder.run(leaves, compression: compression, threads: threads) { encoder in
      try leaves.map { leaf in
        var chunks: [[UInt8]] = []
        var byteCount = 0
        let sums = try encoder.encodeNextLeaf { slab in
          #expect(slab.position == chunks.count)
          #expect(slab.crc32 == CRC32.of(slab.stored))
          chunks.append(Array(slab.stored))
          byteCount += slab.byteCount
        }
        #expect(byteCount == leaf.byteCount)
        return (chunks, sums)
      }
    }
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
    #expect(throws: RefxError.self) { try encode(wrong, .none) }
    let endless = Leaf(dtype: .float32, shape: [Int.max, 8], source: MemoryBytes(count: 1 << 20) { _ in })
    #expect(throws: RefxError.self) { try encode(endless, .none) }
  }

  /// Leaves of every size class, of which many share a job and some have many chunks.
  private func mixture(seed: UInt64) -> [Leaf] {
    var random = RandomTree(seed: seed)
    return (0..<3000).map { number in
      switch number % 500 {
      case 7: random.leaf(.float32, shape: [3, 200_000])
      case 99: random.leaf(.int16, shape: [5000])
      case 250: random.leaf(.float64, shape: [])
      case 251: random.leaf(.uint8, shape: [0, 4])
      case 400: random.leaf(.bool, shape: [1 << 20 + 1])
      default: random.leaf(.float32, shape: [number % 64])
      }
    }
  }

  @Test(arguments: Compression.allCases)
  func anyNumberOfThreadsGivesTheSameBytes(_ compression: Compression) throws {
    let leaves = mixture(seed: 7)
    let alone = try encode(leaves, compression, threads: 1)
    if compression == .none {
      for (leaf, result) in zip(leaves, alone) {
        #expect(result.chunks.flatMap(\.self) == (try leaf.allBytes()))
      }
    }
    for threads in [2, 3, 8] {
      let together = try encode(leaves, compression, threads: threads)
      for (one, other) in zip(alone, together) {
        try #require(one.chunks == other.chunks && one.sums == other.sums)
      }
    }
  }

  /// A source that fails from a byte on.
  private final class FailingSource: LeafSource {
    let byteCount = 8 << 20
    let name: String

    init(_ name: String) { self.name = name }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
      if offset >= 2 << 20 { throw RefxError(.system, name) }
      buffer.initializeMemory(as: UInt8.self, repeating: 1)
    }
  }

  @Test(arguments: [1, 2, 8]) func theFirstErrorInOrderIsTheOneThatIsThrown(threads: Int) throws {
    let leaves =
      [plain]
      + ["first", "second"].map { Leaf(dtype: .uint8, shape: [8 << 20], source: FailingSource($0)) }
      + [Leaf(dtype: .float32, shape: [5], source: MemoryBytes(count: 16) { _ in })]
    var slabs = 0
    let error = #expect(throws: RefxError.self) {
      try PayloadEncoder.run(leaves, compression: .none, threads: threads) { encoder in
        for _ in leaves { _ = try encoder.encodeNextLeaf { _ in slabs += 1 } }
      }
    }
    #expect(error?.message == "first")
    #expect(slabs == ChunkGrid(of: plain).count + 2)
  }

  @Test(arguments: [1, 2, 8]) func aWriterMayGiveUpAtAnyTime(threads: Int) throws {
    struct Enough: Error {}
    let leaves = mixture(seed: 8)
    for most in [0, 1, 700, 1500] {
      var slabs = 0
      #expect(throws: Enough.self) {
        try PayloadEncoder.run(leaves, compression: .fast, threads: threads) { encoder in
          for _ in leaves {
            _ = try encoder.encodeNextLeaf { _ in
              if slabs == most { throw Enough() }
              slabs += 1
            }
          }
        }
      }
      #expect(slabs == most)
    }
  }
}
