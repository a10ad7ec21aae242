import Refx
import RefxHDF5
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// Who reads a leaf of HDF5 chunk by chunk learns with the last one whether all of them were sound.
@Suite struct HDF5StreamedSumTests {
  struct Damage: Sendable, CustomTestStringConvertible {
    /// How many chunks the leaf has, and in which one a bit is wrong.
    let chunks: Int
    let chunk: Int
    var testDescription: String { "chunk \(chunk) of \(chunks)" }
  }

  /// Few enough for one thread, and enough for several; in the first, an inner and the last chunk.
  private static let damages = [3, 12].flatMap { chunks in
    [0, 1, chunks - 1].map { Damage(chunks: chunks, chunk: $0) }
  }

  private static func leaf(_ chunks: Int) -> Leaf {
    let byteCount = ((chunks - 1) << 20) + 4096
    let bytes = MemoryBytes(count: byteCount) { buffer in
      for place in stride(from: 0, to: buffer.count, by: 8) {
        buffer.storeBytes(of: UInt64(place) &* 0x9E37_79B9_7F4A_7C15, toByteOffset: place, as: UInt64.self)
      }
    }
    return Leaf(dtype: .uint8, shape: [byteCount], source: bytes)
  }

  /// A raw leaf in a file, opened, with one wrong bit or none.
  private static func opened(_ leaf: Leaf, _ damage: Damage?) throws -> Tree<Leaf> {
    let target = MemoryTarget()
    try HDF5Store.write(
      CheckpointContents(tree: ["w": .leaf(leaf)]), to: target, options: WriteOptions(compression: .none))
    var bytes = target.bytes
    if let damage {
      let payload = try leaf.allBytes()
      let start = try #require(bytes.indices.first { bytes[$0...].starts(with: payload[..<64]) })
      bytes[start + ChunkGrid(of: leaf).range(of: damage.chunk).upperBound - 1] ^= 1
    }
    return try openHDF5(bytes).contents.tree
  }

  private static func member(_ tree: Tree<Leaf>) throws -> Leaf {
    guard case .leaf(let leaf)? = tree.member("w") else { throw ContractViolation("the leaf is gone") }
    return leaf
  }

  private func demandRefusal(_ what: String, _ body: () throws -> Void) {
    let error = #expect(throws: RefxError.self, "\(what)") { try body() }
    #expect(error?.message == "the values are not those that were saved", "\(what)")
    #expect(error?.place == .object("/tree/w"), "\(what)")
  }

  @Test(arguments: damages) func aWrongChunkIsToldWithTheLast(_ damage: Damage) throws {
    let leaf = Self.leaf(damage.chunks)
    #expect(ChunkGrid(of: leaf).count == damage.chunks)
    let tree = try Self.opened(leaf, damage)
    let read = try Self.member(tree)
    var pieces = 0
    demandRefusal("one after the other") { try read.forEachPiece { _ in pieces += 1 } }
    // Several threads end with whichever chunk is read last, which need not be the last of the leaf.
    #expect(damage.chunks == 3 ? pieces == 2 : pieces < damage.chunks, "\(pieces) chunks were given")
    // Whoever comes later is refused as well, with whatever chunk.
    demandRefusal("again") { try read.forEachPiece { _ in } }
    for threads in [1, 3] {
      let anew = try Self.opened(leaf, damage)
      demandRefusal("loaded by \(threads)") { _ = try anew.loaded(threads: threads) }
      let pieces = PieceReader([try Self.member(anew)], threads: threads) { _, _ in }
      demandRefusal("in pieces by \(threads)") { try pieces.forEach { _, _, found in try found.get() } }
    }
    let stores: [any CheckpointStore.Type] = [HDF5Store.self, RefxFormat.self]
    for store in stores {
      let anew = CheckpointContents(tree: try Self.opened(leaf, damage))
      demandRefusal("saved as \(store.format.name)") {
        try store.write(anew, to: MemoryTarget(), options: WriteOptions(threads: 2))
      }
    }
  }

  @Test(arguments: [3, 12]) func inAnyOrderASoundLeafIsSound(_ chunks: Int) throws {
    let leaf = Self.leaf(chunks)
    let read = try Self.member(Self.opened(leaf, nil))
    let streamed = try #require(read.source as? any StreamedSource)
    let grid = ChunkGrid(of: leaf)
    var found = [UInt8](repeating: 0, count: leaf.byteCount)
    // Some chunks more than once, the last one first.
    for position in [chunks - 1, 0, 0] + Array((0..<chunks).reversed()) {
      let range = grid.range(of: position)
      try found.withUnsafeMutableBytes {
        try streamed.readStreamed(
          at: range.lowerBound, into: UnsafeMutableRawBufferPointer(rebasing: $0[range]))
      }
    }
    let isSame = try found == leaf.allBytes()
    #expect(isSame)
  }

  /// A range that is no chunk of the grid: all of the leaf is looked at first.
  @Test func whatIsNoChunkIsChecked() throws {
    let leaf = Self.leaf(3)
    let read = try Self.member(Self.opened(leaf, Damage(chunks: 3, chunk: 2)))
    let streamed = try #require(read.source as? any StreamedSource)
    var part = [UInt8](repeating: 0, count: 100)
    demandRefusal("another range") {
      try part.withUnsafeMutableBytes { try streamed.readStreamed(at: 8, into: $0) }
    }
  }
}
