import RefxDistributed
import RefxIO
import RefxTestSupport
import Testing

/// Whatever the ranks hold, the file is the one that a single process writes.
struct RankedSavingTests {
  private static let formats: [(name: FormatName, compression: Compression)] = [
    (.refx, .none), (.refx, .fast), (.refx, .best), (.hdf5, .none), (.hdf5, .fast),
  ]

  /// Arrays of several chunks, tied and not, text, single numbers, nothing.
  private static func model(seed: UInt64) -> Tree<Leaf> {
    var random = RandomTree(seed: seed, mostElements: 600)
    let large = random.leaf(.float32, shape: [700, 1024])
    let wide = random.leaf(.bfloat16, shape: [3, 5, 90_001])
    return .dictionary([
      ("a", .value(Value(.leaf(large), index: 0, collection: .name("params")))),
      ("again", .index(Index(0, collection: .name("params")))),
      ("wide", .leaf(wide)),
      ("odd", .leaf(random.leaf(.float64, shape: [7, 3]))),
      ("single", .leaf(random.leaf(.int64, shape: []))),
      ("empty", .leaf(random.leaf(.float16, shape: [0, 4]))),
      ("words", .leaf(Leaf.text(["one", "", "drei\u{1F600}"], shape: [3]))),
      ("many", .list((0..<40).map { _ in .leaf(random.leaf(.float32, shape: [17])) })),
    ])
  }

  @Test(arguments: Cutting.Style.allCases)
  func theBytesAreThoseOfOneProcess(_ style: Cutting.Style) throws {
    let tree = RankedSavingTests.model(seed: 7)
    let metadata: JSONObject = ["step": 3]
    let expected = try RankedSavingTests.formats.map { format, compression in
      try Checkpoint.encode(
        contents: CheckpointContents(tree: tree, metadata: metadata), as: format,
        options: WriteOptions(compression: compression))
    }
    for ranks in 1...4 {
      let cutting = Cutting(style, ranks: ranks, seed: 11)
      let pieces = (0..<ranks).map { cutting.pieces(of: tree, rank: $0) }
      for (number, (format, compression)) in RankedSavingTests.formats.enumerated() {
        let folder = ScratchFolder()
        let path = folder.file("out")
        let results = ThreadCommunicator.run(ranks: ranks) { communicator in
          try DistributedCheckpoint.save(
            pieces[communicator.rank], metadata: metadata, to: path, over: communicator, format: format,
            options: WriteOptions(compression: compression, threads: 1), durability: .none)
        }
        for result in results { try result.get() }
        let file = try InputFile(path: path)
        #expect(
          try file.bytes(at: 0, count: file.byteCount) == expected[number],
          "\(format) \(compression) \(ranks) ranks")
        #expect(folder.contents() == ["out"])
      }
    }
  }

  @Test func randomTreesInRandomPieces() throws {
    for seed in 1...150 as ClosedRange<UInt64> {
      var random = SeededRandom(seed: seed)
      var maker = RandomTree(seed: seed, mostElements: random.oneIn(4) ? 20_000 : 200)
      let tree = maker.make(nodes: 1 + random.below(40))
      let format: FormatName = random.oneIn(2) ? .refx : .hdf5
      let options = WriteOptions(compression: random.oneIn(2) ? .fast : .none, threads: 1 + random.below(2))
      let expected: [UInt8]
      do {
        expected = try Checkpoint.encode(
          contents: CheckpointContents(tree: tree), as: format, options: options)
      } catch {
        continue
      }
      let ranks = 1 + random.below(5)
      let cutting = Cutting(.blocks, ranks: ranks, seed: seed)
      let folder = ScratchFolder()
      let results = ThreadCommunicator.run(ranks: ranks) { communicator in
        try DistributedCheckpoint.save(
          cutting.pieces(of: tree, rank: communicator.rank), to: folder.file("out"), over: communicator,
          format: format, options: options, durability: .none)
      }
      for result in results { try result.get() }
      let file = try InputFile(path: folder.file("out"))
      #expect(try file.bytes(at: 0, count: file.byteCount) == expected, "seed \(seed)")
    }
  }

  @Test func aCheckpointIsConvertedByAllRanks() throws {
    let tree = RankedSavingTests.model(seed: 3)
    let folder = ScratchFolder()
    try Checkpoint.save(tree: tree, to: folder.file("in.refx"), compression: .fast, metadata: ["a": 1])
    for (format, compression) in RankedSavingTests.formats {
      let options = WriteOptions(compression: compression, threads: 1)
      let opened = try Checkpoint.open(folder.file("in.refx")).contents
      let expected = try Checkpoint.encode(contents: opened, as: format, options: options)
      for ranks in [1, 3] {
        let results = ThreadCommunicator.run(ranks: ranks) { communicator in
          let contents = try DistributedCheckpoint.open(folder.file("in.refx"), over: communicator).contents
          try DistributedCheckpoint.write(
            contents, to: folder.file("out"), over: communicator, format: format, options: options)
        }
        for result in results { try result.get() }
        let file = try InputFile(path: folder.file("out"))
        #expect(try file.bytes(at: 0, count: file.byteCount) == expected, "\(format) \(compression)")
      }
    }
  }
}
