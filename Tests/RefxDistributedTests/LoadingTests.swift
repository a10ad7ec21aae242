import RefxDistributed
import RefxIO
import RefxTestSupport
import Testing

/// What is wanted of a file is what a rank gets, whoever wrote it.
struct RankedLoadingTests {
  @Test(arguments: [FormatName.refx, .hdf5], [Compression.none, .fast])
  func anyRanksLoadAnyPieces(_ format: FormatName, _ compression: Compression) throws {
    var maker = RandomTree(seed: 5)
    let large = maker.leaf(.float32, shape: [611, 1030])
    let tree: Tree<Leaf> = .dictionary([
      ("a", .value(Value(.leaf(large), index: 0, collection: nil))), ("b", .index(Index(0))),
      ("c", .leaf(maker.leaf(.int16, shape: [9, 2, 5]))), ("d", .leaf(Leaf.text(["x"], shape: [1]))),
    ])
    let folder = ScratchFolder()
    for writers in [1, 3] {
      let cut = Cutting(.blocks, ranks: writers, seed: 2)
      _ = try ThreadCommunicator.run(ranks: writers) { communicator in
        try DistributedCheckpoint.save(
          cut.pieces(of: tree, rank: communicator.rank), to: folder.file("f"), over: communicator,
          format: format,
          options: WriteOptions(compression: compression))
      }.map { try $0.get() }
      for readers in 1...4 {
        for style in [Cutting.Style.rows, .columns, .replicated] {
          let cutting = Cutting(style, ranks: readers)
          let results = ThreadCommunicator.run(ranks: readers) { communicator in
            var number = -1
            return try DistributedCheckpoint.load(from: folder.file("f"), over: communicator) { _, leaf in
              number += 1
              return cutting.blocks(of: leaf, number: number).first { $0.ranks.contains(communicator.rank) }?
                .block
            }.tree
          }
          for (rank, result) in results.enumerated() {
            var number = -1
            let expected = tree.map { leaf in
              number += 1
              let block = cutting.blocks(of: leaf, number: number).first { $0.ranks.contains(rank) }?.block
              return block.map { leaf.copy(of: $0) } ?? leaf
            }
            #expect(try firstDifference(try result.get(), expected) == nil, "\(readers) \(style) \(rank)")
          }
        }
      }
    }
  }

  @Test func aRankThatSeesAnotherFileIsNotAlone() throws {
    let folder = ScratchFolder()
    var maker = RandomTree(seed: 5)
    for name in ["0", "1"] {
      try Checkpoint.save(tree: .leaf(maker.leaf(.float32, shape: [8])), to: folder.file(name), format: .refx)
    }
    let results = ThreadCommunicator.run(ranks: 2) { communicator in
      try DistributedCheckpoint.open(folder.file("\(communicator.rank)"), over: communicator).format
    }
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.code == .ranks)
    }
  }

  @Test func aBlockOutsideIsAnErrorOnEveryRank() throws {
    let folder = ScratchFolder()
    var maker = RandomTree(seed: 5)
    let tree: Tree<Leaf> = .dictionary([("w", .leaf(maker.leaf(.float32, shape: [8])))])
    try Checkpoint.save(tree: tree, to: folder.file("f.refx"))
    let results = ThreadCommunicator.run(ranks: 3) { communicator in
      try DistributedCheckpoint.load(from: folder.file("f.refx"), over: communicator) { _, _ in
        communicator.rank == 1 ? Block(offset: [4], shape: [5]) : nil
      }.tree.leaves().count
    }
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.summary.contains("f.refx: w: on rank 1: a piece is not inside its array") == true)
    }
  }
}
