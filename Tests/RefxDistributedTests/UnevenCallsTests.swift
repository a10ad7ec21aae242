import RefxDistributed
import RefxIO
import RefxTestSupport
import Testing

/// Ranks whose calls differ in more than what they hold: all are told, and no file comes of it.
struct UnevenCallsTests {
  private typealias Save = @Sendable (ThreadCommunicator, Tree<PiecedLeaf>, String) throws -> Void

  private static func model() -> Tree<Leaf> {
    var maker = RandomTree(seed: 3)
    return .dictionary([
      ("a", .leaf(maker.leaf(.float32, shape: [300, 1024]))), ("b", .leaf(maker.leaf(.float32, shape: [33]))),
    ])
  }

  private func save(_ ranks: Int, _ folder: ScratchFolder, _ body: @escaping Save) -> [Result<
    Void, any Error
  >] {
    ThreadCommunicator.run(ranks: ranks) { communicator in
      let tree = Cutting(.rows, ranks: ranks).pieces(of: UnevenCallsTests.model(), rank: communicator.rank)
      try body(communicator, tree, folder.file("f.refx"))
    }
  }

  private func sentence(_ results: [Result<Void, any Error>]) -> String {
    var sentences: Set<String> = []
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      sentences.insert(error?.summary ?? "")
    }
    #expect(sentences.count == 1, "\(sentences)")
    return sentences.first ?? ""
  }

  @Test(arguments: ["format", "compression", "overwrite", "durability", "writing"])
  func otherArguments(_ what: String) {
    let folder = ScratchFolder()
    let results = save(3, folder) { ranks, tree, path in
      let differs = ranks.rank == 2
      try DistributedCheckpoint.save(
        tree, to: path, over: ranks, format: differs && what == "format" ? .hdf5 : .refx,
        options: WriteOptions(compression: differs && what == "compression" ? .none : .fast),
        durability: differs && what == "durability" ? .full : .none,
        overwrite: !(differs && what == "overwrite"),
        writing: differs && what == "writing" ? .opened { _, _ in throw RefxError(.system, "never") } : .posix
      )
    }
    #expect(sentence(results).contains("on rank 2: the rank asks for another \(what) than rank 0"))
    #expect(folder.contents() == [])
  }

  @Test func aFormatThatOneRankAloneCannotWrite() {
    let folder = ScratchFolder()
    let results = save(3, folder) { ranks, tree, path in
      try DistributedCheckpoint.save(
        tree, to: path, over: ranks, options: WriteOptions(maxShardBytes: ranks.rank == 1 ? 1000 : nil))
    }
    #expect(sentence(results).contains("on rank 1: several ranks cannot write refx together"))
    #expect(folder.contents() == [])
  }

  @Test(arguments: [FormatName.refx, .hdf5]) func theMetadataOfRankZeroCounts(_ format: FormatName) throws {
    let folder = ScratchFolder()
    let metadata: JSONObject = ["step": 7, "of": ["nested": [1, "ü"]]]
    let expected = try Checkpoint.encode(
      contents: CheckpointContents(tree: UnevenCallsTests.model(), metadata: metadata), as: format)
    let results = save(3, folder) { ranks, tree, path in
      let own: JSONObject = ["rank": .string(String(repeating: "x", count: 5000 * ranks.rank))]
      try DistributedCheckpoint.save(
        tree, metadata: ranks.rank == 0 ? metadata : own, to: path, over: ranks, format: format)
    }
    for result in results { try result.get() }
    let file = try InputFile(path: folder.file("f.refx"))
    #expect(try file.bytes(at: 0, count: file.byteCount) == expected)
  }

  /// A lone Ref is to a digest what a plain value is; a file may say more of it.
  @Test(arguments: [FormatName.refx, .hdf5]) func aLoneRefOnOneRank(_ format: FormatName) throws {
    let folder = ScratchFolder()
    let expected = try Checkpoint.encode(
      contents: CheckpointContents(tree: UnevenCallsTests.model()), as: format)
    let results = save(2, folder) { ranks, tree, path in
      guard case .dictionary(let members) = tree else { return }
      let changed = zip(members.keys, members.members).map { key, member in
        let isLone = ranks.rank == 1 && key == "b"
        return (key, isLone ? .value(Value(member, index: 0, collection: nil)) : member)
      }
      try DistributedCheckpoint.save(.dictionary(changed), to: path, over: ranks, format: format)
    }
    guard folder.contents() != [] else {
      #expect(sentence(results).contains("on rank 1: the rank has laid out another file than rank 0"))
      return
    }
    for result in results { try result.get() }
    let file = try InputFile(path: folder.file("f.refx"))
    #expect(try file.bytes(at: 0, count: file.byteCount) == expected)
  }

  /// What ranks may disagree about without a digest that tells: what is said of nodes.
  @Test func otherAttributes() throws {
    let folder = ScratchFolder()
    let results = ThreadCommunicator.run(ranks: 3) { ranks in
      var contents = CheckpointContents(tree: UnevenCallsTests.model())
      let words = AttributeValue.one(.string(ranks.rank == 2 ? "another" : "one"))
      contents.attributes[Path([Key("a")])] = [Attribute("units", words)]
      try DistributedCheckpoint.write(contents, to: folder.file("f.h5"), over: ranks)
    }
    #expect(sentence(results).contains("on rank 2: the rank has laid out another file than rank 0"))
    #expect(folder.contents() == [])
  }

  @Test func whatThrowsWhileItIsAskedWhatIsWanted() throws {
    let folder = ScratchFolder()
    try Checkpoint.save(tree: UnevenCallsTests.model(), to: folder.file("f.refx"))
    struct Planted: Error {}
    let results = ThreadCommunicator.run(ranks: 3) { ranks in
      _ = try DistributedCheckpoint.load(from: folder.file("f.refx"), over: ranks) { _, _ in
        if ranks.rank == 1 { throw Planted() }
        return nil
      }
    }
    #expect(sentence(results).contains("on rank 1: Planted()"))
  }
}

/// Arrays whose extents are at the edge of what can be counted.
struct UncountableArraysTests {
  private func save(_ shape: [Int], _ block: Block?) throws -> [Result<[Int], any Error>] {
    let folder = ScratchFolder()
    return ThreadCommunicator.run(ranks: 2) { ranks in
      let pieces = block.map { block in
        [
          PiecedLeaf.Piece(
            block: block,
            leaf: Leaf(dtype: .float32, shape: block.shape, source: MemoryBytes(count: 0) { _ in }))
        ]
      }
      let array = PiecedLeaf(dtype: .float32, shape: shape, pieces: pieces ?? [])
      try DistributedCheckpoint.save(
        .dictionary([("w", .leaf(array))]), to: folder.file("f.refx"), over: ranks)
      return try DistributedCheckpoint.load(from: folder.file("f.refx"), over: ranks) { _, leaf in
        Block(allOf: leaf.shape)
      }.tree.leaves()[0].shape
    }
  }

  @Test(arguments: [[.max, 2], [.max, .max], [-1], [4, -2], [.min], [.max / 2]] as [[Int]])
  func noRankHasAPieceOfOneThatCannotBe(_ shape: [Int]) throws {
    for result in try save(shape, nil) {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.summary.contains("w: on rank 0: no array has \(shape) elements of float32") == true)
    }
  }

  @Test func nobodyHasAPieceOfALargeOne() throws {
    for result in try save([1 << 40, 1 << 19], nil) {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.summary.contains("no rank has a piece with element [0, 0]") == true)
    }
  }

  @Test(arguments: [[0, .max, .max], [.max, .max, 0], [.max, 0, .max]] as [[Int]])
  func oneWithoutElements(_ shape: [Int]) throws {
    for block in [nil, Block(allOf: shape), Block(offset: [0, 0, 0], shape: [0, 0, 0])] {
      for result in try save(shape, block) { #expect(try result.get() == shape) }
    }
  }

  /// One process too: the last array of a file has no chunk, and there is none behind it.
  @Test(arguments: [FormatName.refx, .hdf5]) func theLastOneHasNoElements(_ format: FormatName) throws {
    let folder = ScratchFolder()
    var maker = RandomTree(seed: 5)
    let tree: Tree<Leaf> = .dictionary([
      ("a", .leaf(maker.leaf(.float32, shape: [3]))), ("z", .leaf(maker.leaf(.float32, shape: [0, 3]))),
    ])
    try Checkpoint.save(tree: tree, to: folder.file("f"), format: format)
    let loaded = try Checkpoint.open(folder.file("f")).contents.tree.loaded()
    #expect(try firstDifference(loaded, tree) == nil)
  }

  @Test(arguments: [Block(offset: [.max, 0], shape: [1, 2]), Block(offset: [1, 0], shape: [.max, 2])])
  func aPieceBeyondTheEnd(_ block: Block) throws {
    for result in try save([4, 2], block) {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.code == .ranks)
    }
  }

  @Test func piecesWithoutElementsAndPiecesTwice() throws {
    let folder = ScratchFolder()
    var maker = RandomTree(seed: 5)
    let leaf = maker.leaf(.float32, shape: [6, 4])
    let expected = try Checkpoint.encode(contents: CheckpointContents(tree: .leaf(leaf)), as: .refx)
    let blocks = [0, 0, 3, 5, 5].map { Block(offset: [$0, 0], shape: [$0 == 0 ? 3 : $0 == 3 ? 2 : 1, 4]) }
    let empty = [Block(offset: [6, 0], shape: [0, 4]), Block(offset: [2, 4], shape: [4, 0])]
    let results = ThreadCommunicator.run(ranks: 3) { ranks in
      let mine = (ranks.rank == 1 ? [] : blocks) + empty
      let array = PiecedLeaf(
        dtype: .float32, shape: [6, 4], pieces: mine.map { .init(block: $0, leaf: leaf.copy(of: $0)) })
      try DistributedCheckpoint.save(.leaf(array), to: folder.file("f"), over: ranks, format: .refx)
    }
    for result in results { try result.get() }
    let file = try InputFile(path: folder.file("f"))
    #expect(try file.bytes(at: 0, count: file.byteCount) == expected)
  }

  /// As many pieces as rows: what is done for each of them is not done for all of the others.
  @Test func manyPiecesOfOneArray() throws {
    let folder = ScratchFolder()
    var maker = RandomTree(seed: 5)
    let rows = 60_000
    let leaf = maker.leaf(.float32, shape: [rows, 2])
    let all = try leaf.allBytes()
    let expected = try Checkpoint.encode(contents: CheckpointContents(tree: .leaf(leaf)), as: .refx)
    let results = ThreadCommunicator.run(ranks: 2) { ranks in
      let pieces = stride(from: ranks.rank, to: rows, by: 2).map { row in
        let block = Block(offset: [row, 0], shape: [1, 2])
        let bytes = MemoryBytes(count: 8) { $0.copyBytes(from: all[(8 * row)..<(8 * row + 8)]) }
        return PiecedLeaf.Piece(block: block, leaf: Leaf(dtype: .float32, shape: [1, 2], source: bytes))
      }
      try DistributedCheckpoint.save(
        .leaf(PiecedLeaf(dtype: .float32, shape: [rows, 2], pieces: pieces)), to: folder.file("f"),
        over: ranks,
        format: .refx)
    }
    for result in results { try result.get() }
    let file = try InputFile(path: folder.file("f"))
    #expect(try file.bytes(at: 0, count: file.byteCount) == expected)
  }
}
