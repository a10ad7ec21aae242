import Glibc
import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxHDF5

/// Chunks of other programs that are too large to be kept beside others: one is kept, and decoded once.
@Suite struct HDF5LargeChunkTests {
  private static let large = 20 << 20

  /// The bytes of a chunk, and a note that they were made.
  private final class Decoder: Sendable {
    let calls = Mutex<[Int: Int]>([:])

    func decode(_ number: Int, byteCount: Int) -> [UInt8] {
      calls.withLock { $0[number, default: 0] += 1 }
      // Long enough for others to come and ask meanwhile.
      usleep(20_000)
      return [UInt8](repeating: UInt8(number), count: byteCount)
    }
  }

  private func key(_ number: Int) -> ChunkCache.Key { ChunkCache.Key(dataset: 7, chunk: [number, 0]) }

  @Test(arguments: [1, 2, 5]) func aLargeChunkIsDecodedOnce(_ threads: Int) throws {
    let cache = ChunkCache()
    let decoder = Decoder()
    try forEachInParallel(64, threads: threads) { _ in
      let bytes = cache.chunk(key(3), byteCount: Self.large) { decoder.decode(3, byteCount: Self.large) }
      #expect(bytes.count == Self.large && bytes[0] == 3 && bytes[Self.large - 1] == 3)
    }
    #expect(decoder.calls.withLock { $0 } == [3: 1])
  }

  @Test func theLastLargeChunkIsTheOneThatIsKept() {
    let cache = ChunkCache()
    let decoder = Decoder()
    for number in [1, 1, 2, 2, 1, 1] {
      let bytes = cache.chunk(key(number), byteCount: Self.large) {
        decoder.decode(number, byteCount: Self.large)
      }
      #expect(bytes[5] == UInt8(number))
    }
    #expect(decoder.calls.withLock { $0 } == [1: 2, 2: 1])
    // The small ones have a place of their own.
    for number in [10, 11, 10, 11] {
      #expect(
        cache.chunk(key(number), byteCount: 1000) { decoder.decode(number, byteCount: 1000) }[5]
          == UInt8(number))
    }
    _ = cache.chunk(key(1), byteCount: Self.large) { decoder.decode(1, byteCount: Self.large) }
    #expect(decoder.calls.withLock { $0 } == [1: 2, 2: 1, 10: 1, 11: 1])
  }

  @Test func aChunkThatDoesNotDecodeIsNotKept() throws {
    let cache = ChunkCache()
    let decoder = Decoder()
    for _ in 0..<2 {
      #expect(throws: RefxError.self) {
        try cache.chunk(key(1), byteCount: Self.large) { throw RefxError(.damaged, "a test") }
      }
    }
    let bytes = cache.chunk(key(1), byteCount: Self.large) { decoder.decode(1, byteCount: Self.large) }
    #expect(bytes[0] == 1 && decoder.calls.withLock { $0 } == [1: 1])
  }
}

/// The same in files that h5py wrote, of one chunk of 64 MiB for each dataset.
@Suite(.serialized, .enabled(if: HDF5Python.isThere)) struct HDF5LargeForeignChunkTests {
  /// What each dataset holds, counted from 0: 4096 rows of 4096 numbers, of which "wide" has the first 4000.
  private static func width(_ name: Key) -> Int { name == "wide" ? 4000 : 4096 }

  private static func expected(_ name: Key, _ range: Range<Int>) -> [UInt32] {
    let width = width(name)
    return range.map { UInt32($0 / width * 4096 + $0 % width) }
  }

  @Test func aChunkOf64MiBIsReadByPiecesAndInPart() throws {
    let folder = ScratchFolder()
    let path = folder.file("large.h5")
    let (status, output) = try HDF5Python.run(["large", path])
    try #require(status == 0, "\(output)")
    for name in ["gzip", "shuffled", "wide"] as [Key] {
      let width = Self.width(name)
      let plain = MemoryBytes(sharing: Self.expected(name, 0..<(4096 * width)))
      let expected = plain.withBytes { CRC32.of($0) }
      for threads in [1, 2, 5] {
        let input = try InputFile(path: path)
        let leaf = try HDF5Store.open(input, options: OpenOptions(threads: threads)).contents.tree.leaf(name)
        #expect(leaf.shape == [4096, width] && leaf.dtype == .uint32)
        let pieces = PieceReader([leaf], threads: threads) { _, bytes in CRC32.of(bytes) }
        var found: UInt32 = 0
        try pieces.forEach { piece, _, sum in
          found = CRC32.combining(found, try sum.get(), count: piece.range.count)
        }
        #expect(found == expected, "\(name), by pieces on \(threads) threads")
        let tensor = try leaf.tensor()
        #expect(tensor.bytes.withBytes { CRC32.of($0) } == expected, "\(name), whole on \(threads) threads")
      }
      let leaf = try HDF5Store.open(InputFile(path: path), options: OpenOptions()).contents.tree.leaf(name)
      for range in [0..<1, 4095..<4097, 5_000_000..<5_009_000, (4096 * width - 3)..<(4096 * width)] {
        var bytes = [UInt32](repeating: 0, count: range.count)
        try bytes.withUnsafeMutableBytes { try leaf.source.read(at: range.lowerBound * 4, into: $0) }
        #expect(bytes == Self.expected(name, range), "\(name), \(range)")
      }
    }
  }
}
