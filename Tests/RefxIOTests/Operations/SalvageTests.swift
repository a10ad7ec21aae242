import Glibc
import Refx
import RefxHDF5
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// What is sound is saved out of a damaged checkpoint, and what is lost is said, once and with every site.
@Suite struct SalvageTests {
  private static let stores: [any CheckpointStore.Type] = [RefxFormat.self, HDF5Store.self]

  private static func noise(_ seed: UInt64, count: Int = 300) -> Leaf {
    var random = SeededRandom(seed: seed)
    return Leaf(dtype: .uint8, shape: [count], bytes: random.bytes(count))
  }

  private static func written(
    _ tree: Tree<Leaf>, _ store: any CheckpointStore.Type, _ compression: Compression = .none,
    metadata: JSONObject = [:]
  ) throws -> [UInt8] {
    let target = MemoryTarget()
    try store.write(
      CheckpointContents(tree: tree, metadata: metadata), to: target,
      options: WriteOptions(compression: compression))
    return target.bytes
  }

  private static func open(
    _ bytes: [UInt8], _ store: any CheckpointStore.Type, _ verify: Verification = .values
  ) throws -> OpenedCheckpoint {
    try store.open(
      InputFile(MemoryBytes(sharing: bytes), name: "m"), options: OpenOptions(verify: verify))
  }

  /// The file with a bit turned in the payload of each of `leaves`.
  private static func damaging(_ leaves: [Leaf], in file: [UInt8]) throws -> [UInt8] {
    var file = file
    for leaf in leaves {
      let payload = try leaf.allBytes()
      let start = try #require(file.indices.first { file[$0...].starts(with: payload) })
      file[start + payload.count / 2] ^= 4
    }
    return file
  }

  @Test(arguments: [0, 1]) func theSoundLeavesAreKeptAndTheOthersListed(_ number: Int) throws {
    let store = SalvageTests.stores[number]
    let (a, b, c, d) = (
      SalvageTests.noise(1), SalvageTests.noise(2), SalvageTests.noise(3), SalvageTests.noise(4)
    )
    let tree: Tree<Leaf> = [
      "a": .leaf(a), "list": [.leaf(b), .leaf(c), .static(7)],
      "t": .value(Value(.leaf(d), index: 0, collection: "params")),
      "u": .index(Index(0, collection: "params")),
      "v": ["w": .index(Index(0, collection: "params"))],
      "x": .value(Value(.leaf(Leaf(Float(2))), index: 1, collection: 3)),
      "y": .index(Index(1, collection: 3)),
    ]
    let file = try SalvageTests.written(tree, store, metadata: ["step": 4])
    let sound = try SalvageTests.open(file, store).salvaged()
    #expect(sound.losses.isEmpty)
    #expect(try firstDifference(tree, sound.contents.tree) == nil)

    let opened = try SalvageTests.open(SalvageTests.damaging([b, d], in: file), store)
    #expect(opened.hasChecksums)
    let salvage = try opened.salvaged()
    #expect(salvage.losses.map(\.sites) == [[["list", "0"]], [["t"], ["u"], ["v", "w"]]])
    #expect(salvage.losses.allSatisfy { !$0.reason.isEmpty && !$0.hasMoreSites })
    let expected: Tree<Leaf> = [
      "a": .leaf(a), "list": [.nothing, .leaf(c), .static(7)], "v": [:],
      "x": .value(Value(.leaf(Leaf(Float(2))), index: 0, collection: 3)),
      "y": .index(Index(0, collection: 3)),
    ]
    #expect(try firstDifference(expected, salvage.contents.tree) == nil)
    #expect(salvage.contents.metadata == ["step": 4])
    // What is saved opens, and is sound.
    for target in SalvageTests.stores {
      let saved = try SalvageTests.written(salvage.contents.tree, target)
      let again = try SalvageTests.open(saved, target).salvaged()
      #expect(again.losses.isEmpty)
      #expect(try firstDifference(expected, again.contents.tree) == nil)
    }
  }

  @Test(arguments: [0, 1]) func aLeafInsideASharedSubtreeIsLostAtItsOtherSitesToo(_ number: Int) throws {
    let store = SalvageTests.stores[number]
    let leaf = SalvageTests.noise(5)
    let tree: Tree<Leaf> = [
      "a": .value(Value(["in": ["w": .leaf(leaf)], "self": .index(Index(0))], index: 0)),
      "b": .index(Index(0)), "c": [.index(Index(0))],
    ]
    let file = try SalvageTests.damaging([leaf], in: SalvageTests.written(tree, store))
    let salvage = try SalvageTests.open(file, store).salvaged()
    #expect(
      salvage.losses.map(\.sites) == [
        [["a", "in", "w"], ["a", "self", "in", "w"], ["b", "in", "w"], ["c", "0", "in", "w"]]
      ])
    let expected: Tree<Leaf> = [
      "a": .value(Value(["in": [:], "self": .index(Index(0))], index: 0)), "b": .index(Index(0)),
      "c": [.index(Index(0))],
    ]
    #expect(try firstDifference(expected, salvage.contents.tree) == nil)
  }

  @Test func theSitesOfSubtreesAreNamedUpToALimit() throws {
    let leaf = SalvageTests.noise(6)
    let tree: Tree<Leaf> = [
      "a": .value(Value(["w": .leaf(leaf)], index: 0)),
      "more": .list((0..<250).map { _ in .index(Index(0)) }),
      "own": .value(Value(.leaf(SalvageTests.noise(7)), index: 1)),
      "sites": .list((0..<250).map { _ in .index(Index(1)) }),
    ]
    let file = try SalvageTests.damaging(
      [leaf, SalvageTests.noise(7)], in: SalvageTests.written(tree, RefxFormat.self))
    let losses = try SalvageTests.open(file, RefxFormat.self).salvaged().losses
    #expect(losses.map(\.sites.count) == [1 + Salvage.mostOuterSites, 251])
    #expect(losses.map(\.hasMoreSites) == [true, false])
  }

  @Test(arguments: [0, 1]) func theRootAndRefsInRefsMayBeLost(_ number: Int) throws {
    let store = SalvageTests.stores[number]
    let leaf = SalvageTests.noise(8)
    for (tree, path) in [
      (Tree<Leaf>.leaf(leaf), Path.root),
      (.value(Value(.value(Value(.leaf(leaf), index: 1)), index: 0)), ["0"]),
    ] {
      let file = try SalvageTests.damaging([leaf], in: SalvageTests.written(tree, store))
      let salvage = try SalvageTests.open(file, store).salvaged()
      #expect(salvage.losses.map(\.sites) == [[path]])
      #expect(salvage.contents.tree.leafCount == 0)
      _ = try SalvageTests.written(salvage.contents.tree, store)
    }
  }

  @Test func aDamagedCatalogueIsARefusal() throws {
    let file = try SalvageTests.written(["a": .leaf(SalvageTests.noise(9))], RefxFormat.self)
    var damaged = file
    damaged[file.count - 100] ^= 1
    #expect(throws: RefxError.self) { try SalvageTests.open(damaged, RefxFormat.self) }
  }

  @Test func whatIsDamagedMeanwhileIsAnError() throws {
    let leaves = [SalvageTests.noise(10), SalvageTests.noise(11)]
    let file = try SalvageTests.written(["a": .leaf(leaves[0]), "b": .leaf(leaves[1])], RefxFormat.self)
    let folder = ScratchFolder()
    let path = folder.file("m.refx")
    func put(_ bytes: [UInt8]) throws {
      // Over the bytes of the file that is open.
      let target = try #require(fopen(path, "r+b") ?? fopen(path, "w+b"))
      defer { fclose(target) }
      #expect(fwrite(bytes, 1, bytes.count, target) == bytes.count)
    }
    try put(SalvageTests.damaging([leaves[0]], in: file))
    let opened = try RefxFormat.open(InputFile(path: path), options: OpenOptions(verify: .values))
    let salvage = try opened.salvaged()
    #expect(salvage.losses.map(\.sites) == [[["a"]]])
    try put(SalvageTests.damaging(leaves, in: file))
    let error = #expect(throws: RefxError.self) {
      try SalvageTests.written(salvage.contents.tree, RefxFormat.self)
    }
    #expect(error?.code == .damaged)
  }

  @Test func damagedPaddingCostsNoLeafButIsNeverPassedOver() throws {
    let leaf = SalvageTests.noise(12, count: 70_000)
    var file = try SalvageTests.written(["a": .leaf(Leaf(Int8(1))), "b": .leaf(leaf)], RefxFormat.self)
    file[1000] ^= 1
    let salvage = try SalvageTests.open(file, RefxFormat.self).salvaged()
    #expect(salvage.losses.isEmpty)
    let saved = try SalvageTests.written(salvage.contents.tree, RefxFormat.self)
    #expect(try SalvageTests.open(saved, RefxFormat.self, .always).salvaged().losses.isEmpty)
    // Whoever did not ask for the values alone hears of it, and loses the leaf.
    let strict = try SalvageTests.open(file, RefxFormat.self, .always)
    #expect(try strict.salvaged().losses.map(\.sites) == [[["b"]]])
    for payload in [PayloadAccess.read, .map] {
      let opened = try RefxFormat.open(
        InputFile(MemoryBytes(sharing: file), name: "m"), options: OpenOptions(payload: payload))
      guard case .leaf(let read)? = opened.contents.tree.member("b") else {
        Issue.record("the catalogue is sound")
        return
      }
      let error = #expect(throws: RefxError.self) { try read.allBytes() }
      #expect(error?.place == .byte(1000))
      #expect(throws: RefxError.self) { try opened.contents.tree.loaded() }
    }
  }

  @Test func paddingBetweenSmallLeavesIsLookedAtInARow() throws {
    let tree: Tree<Leaf> = .list((0..<20).map { .leaf(Leaf(Int8($0))) })
    let file = try SalvageTests.written(tree, RefxFormat.self)
    for place in [65 + 3, 64 + 64 * 7 + 9, 64 + 64 * 18 + 63] {
      var damaged = file
      damaged[place] ^= 0x80
      let opened = try SalvageTests.open(damaged, RefxFormat.self, .always)
      #expect(throws: RefxError.self, "byte \(place)") { try opened.contents.tree.loaded() }
      let lenient = try SalvageTests.open(damaged, RefxFormat.self, .values)
      #expect(try firstDifference(tree, lenient.contents.tree.loaded()) == nil)
    }
  }

  @Test func withoutChecksumsWhatCannotBeDecodedIsLost() throws {
    let flags = Leaf(dtype: .bool, shape: [3], bytes: [1, 0, 1])
    var file = try SalvageTests.written(
      ["n": .leaf(SalvageTests.noise(13)), "flags": .leaf(flags)], SafetensorsStore.self)
    // Of elements of one size those come first whose name does.
    file[file.count - 301] = 9
    let opened = try SalvageTests.open(file, SafetensorsStore.self)
    #expect(!opened.hasChecksums)
    let salvage = try opened.salvaged()
    #expect(salvage.losses.map(\.sites) == [[["flags"]]])
    #expect(try firstDifference(["n": .leaf(SalvageTests.noise(13))], salvage.contents.tree) == nil)
  }

  @Test func everyFlippedBitOfThePayloadCostsItsLeafAlone() throws {
    let leaves = (0..<4).map { SalvageTests.noise(UInt64(20 + $0), count: 40) }
    let tree: Tree<Leaf> = .list(leaves.map { .leaf($0) })
    var file = try SalvageTests.written(tree, RefxFormat.self)
    for bit in (64 * 8)..<((64 + 3 * 64 + 40) * 8) {
      file[bit / 8] ^= 1 << UInt8(bit % 8)
      let salvage = try SalvageTests.open(file, RefxFormat.self).salvaged()
      let isPadding = (bit / 8) % 64 >= 40
      #expect(
        salvage.losses.map(\.sites) == (isPadding ? [] : [[[Key(bit / 8 / 64 - 1)]]]), "bit \(bit)")
      file[bit / 8] ^= 1 << UInt8(bit % 8)
    }
  }

  @Test func somethingElseThanALeafIsARefusal() throws {
    let contents = CheckpointContents(tree: ["a": .leaf(Leaf(Int8(1))), "s": .static(1)])
    for path: Path? in [nil, ["s"], ["nowhere"]] {
      let opened = OpenedCheckpoint(contents: contents, format: "test", version: nil) { _, report in
        report(Problem(path: path, what: "it is a test"))
      }
      let error = #expect(throws: RefxError.self) { try opened.salvaged() }
      #expect(error?.path == path)
      #expect(error?.description.contains("it is a test") == true)
    }
  }
}
