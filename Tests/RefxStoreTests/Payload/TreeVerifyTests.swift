import Refx
import RefxStore
import Synchronization
import Testing

/// Verifying by reading: each leaf that cannot be read is told of once, by its first piece, and is not read to its end.
@Suite struct TreeVerifyTests {
  /// Fails from a place on, and counts who asks.
  private final class Failing: LeafSource {
    let byteCount: Int
    let firstBad: Int
    let reads = Atomic<Int>(0)

    init(byteCount: Int, firstBad: Int) {
      self.byteCount = byteCount
      self.firstBad = firstBad
    }

    var storedByteCount: Int? { nil }
    var unsupported: UnsupportedLeaf? { nil }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
      reads.add(1, ordering: .relaxed)
      if offset + buffer.count > firstBad { throw RefxError(.damaged, "bad at \(offset)") }
      _ = buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  @Test(arguments: [1, 2, 5])
  func aLeafIsLeftAtItsFirstBadPiece(threads: Int) throws {
    let piece = ChunkGrid.byteLimit
    let bad = Failing(byteCount: 64 * piece, firstBad: 3 * piece)
    let sound = Failing(byteCount: 4 * piece, firstBad: .max)
    func leaf(_ source: Failing) -> Tree<Leaf> {
      .leaf(Leaf(dtype: .uint8, shape: [source.byteCount], source: source))
    }
    let tree: Tree<Leaf> = ["a": leaf(bad), "b": leaf(sound), "c": leaf(bad)]
    var problems: [Problem] = []
    try tree.verify(threads: threads, nil) { problems.append($0) }
    #expect(problems.map(\.path) == [Path(["a"]), Path(["c"])])
    #expect(problems.allSatisfy { $0.what == "bad at \(3 * piece)" }, "\(problems.map(\.what))")
    #expect(sound.reads.load(ordering: .relaxed) == 4)
    // Four for each of its two sites, and what other threads had begun.
    #expect(bad.reads.load(ordering: .relaxed) <= 2 * (4 + threads))
  }
}
