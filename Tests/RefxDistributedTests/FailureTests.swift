import RefxDistributed
import RefxIO
import RefxTestSupport
import Synchronization
import Testing

/// What goes wrong on one rank ends the save on all, with the old file whole.
struct RankedFailureTests {
  private static func model() -> Tree<Leaf> {
    var maker = RandomTree(seed: 9)
    return .dictionary([
      ("a", .leaf(maker.leaf(.float32, shape: [900, 1024]))), ("b", .leaf(maker.leaf(.float32, shape: [33]))),
    ])
  }

  /// A file that refuses its `failing`-th call.
  private final class FailingFile: RankedFile {
    private let failing: Int
    private var calls = 0
    init(failing: Int) { self.failing = failing }
    private func call() throws {
      calls += 1
      if calls == failing { throw RefxError(.system, "no space left on the planted device") }
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws { try call() }
    func endRound() throws { try call() }
    func finish(durable: Bool) throws { try call() }
    func abandon() {}
  }

  @Test(arguments: [FormatName.refx, .hdf5], 1...8)
  func aDiskThatIsFullOnOneRank(_ format: FormatName, _ failing: Int) throws {
    let folder = ScratchFolder()
    let old = Tree<Leaf>.static(.string("old"))
    try Checkpoint.save(tree: old, to: folder.file("f"), format: format)
    let before = try InputFile(path: folder.file("f"))
    let bytes = try before.bytes(at: 0, count: before.byteCount)
    let cutting = Cutting(.rows, ranks: 3)
    let calls = Mutex(0)
    let results = ThreadCommunicator.run(ranks: 3) { communicator in
      let rank = communicator.rank
      try DistributedCheckpoint.save(
        cutting.pieces(of: RankedFailureTests.model(), rank: rank), to: folder.file("f"), over: communicator,
        format: format, options: WriteOptions(compression: .fast),
        writing: .opened { path, name in
          calls.withLock { $0 += 1 }
          return rank == 1 ? FailingFile(failing: failing) : FailingFile(failing: .max)
        })
    }
    #expect(calls.withLock { $0 } == 3)
    let failures = results.filter { if case .failure = $0 { true } else { false } }
    // Rank 1 makes fewer calls than the last of these.
    guard failures.count > 0 else { return #expect(failing > 5) }
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.summary.contains("on rank 1: no space left on the planted device") == true)
    }
    let after = try InputFile(path: folder.file("f"))
    #expect(try after.bytes(at: 0, count: after.byteCount) == bytes)
    #expect(folder.contents() == ["f"])
  }

  @Test func aFolderThatIsNotThere() {
    let results = ThreadCommunicator.run(ranks: 3) { communicator in
      try DistributedCheckpoint.save(
        Cutting(.rows, ranks: 3).pieces(of: RankedFailureTests.model(), rank: communicator.rank),
        to: "/nowhere/f.refx", over: communicator)
    }
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.summary.contains("on rank 0: cannot open the folder") == true, "\(error?.summary ?? "")")
    }
  }

  /// A piece that cannot be read.
  private final class Broken: LeafSource {
    let byteCount: Int
    init(byteCount: Int) { self.byteCount = byteCount }
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
      throw RefxError(.damaged, "the planted piece is damaged")
    }
  }

  @Test(arguments: 1...4)
  func aPieceThatCannotBeRead(_ ranks: Int) {
    let folder = ScratchFolder()
    let results = ThreadCommunicator.run(ranks: ranks) { communicator in
      let tree = Cutting(.columns, ranks: ranks).pieces(
        of: RankedFailureTests.model(), rank: communicator.rank
      ).map {
        leaf in
        guard communicator.rank == ranks - 1 else { return leaf }
        return PiecedLeaf(
          dtype: leaf.dtype, shape: leaf.shape,
          pieces: leaf.pieces.map {
            .init(
              block: $0.block,
              leaf: Leaf(
                dtype: leaf.dtype, shape: $0.block.shape, source: Broken(byteCount: $0.leaf.byteCount))
            )
          })
      }
      try DistributedCheckpoint.save(tree, to: folder.file("f.refx"), over: communicator)
    }
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      let words = ranks == 1 ? "a: the planted" : "a: on rank \(ranks - 1): the planted piece is damaged"
      #expect(error?.summary.contains(words) == true, "\(error?.summary ?? "")")
    }
    #expect(folder.contents() == [])
  }

  @Test func aRankThatIsGone() {
    let folder = ScratchFolder()
    let results = ThreadCommunicator.run(ranks: 3) { communicator in
      if communicator.rank == 2 { return }
      try DistributedCheckpoint.save(
        Cutting(.rows, ranks: 3).pieces(of: RankedFailureTests.model(), rank: communicator.rank),
        to: folder.file("f.refx"), over: communicator)
    }
    for result in results[..<2] {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.summary.contains("a rank has ended") == true)
    }
    #expect(folder.contents() == [])
  }
}
