import Refx
import RefxHDF5
import RefxStore
import RefxTestSupport
import Testing

/// The metadata that we write and read ourselves.
@Suite struct HDF5MetadataTests {
  private func bytes(
    of tree: Tree<Leaf>, _ compression: Compression = .fast, threads: Int? = nil
  ) throws -> [UInt8] {
    let target = MemoryTarget()
    try HDF5Store.write(
      CheckpointContents(tree: tree), to: target,
      options: WriteOptions(compression: compression, threads: threads))
    return target.bytes
  }

  /// Links in the header, in a heap of one small block, of several blocks, with an index of one node and of
  /// many.
  @Test(arguments: [0, 1, 8, 9, 45, 46, 371, 372, 2500, 5956, 5957, 13_000])
  func groupsOfEverySizeAreRead(_ count: Int) throws {
    let members = (0..<count).map { (Key("weight of layer \($0)/a"), Tree<Leaf>.leaf(Leaf(Int32($0)))) }
    let tree: Tree<Leaf> = ["group": .dictionary(members), "list": .list(members.map(\.1))]
    let read = try openHDF5(bytes(of: tree)).contents.tree
    #expect(try firstDifference(tree, read) == nil)
  }

  @Test func longNamesFillBlocksOfTheHeap() throws {
    let members = (0..<40).map { number in
      (
        Key(String(repeating: "n", count: 1 + number * 1500) + "\(number)"),
        Tree<Leaf>.leaf(Leaf(Int8(number)))
      )
    }
    let tree = Tree<Leaf>.dictionary(members)
    #expect(try firstDifference(tree, openHDF5(bytes(of: tree)).contents.tree) == nil)
  }

  @Test(arguments: [3, 3000]) func aRefMayBeMetWithinItself(_ count: Int) throws {
    var members = (0..<count).map { (Key("m\($0)"), Tree<Leaf>.leaf(Leaf(Float($0)))) }
    members.append(("self", .index(Index(0, collection: "loop"))))
    let tree: Tree<Leaf> = [
      "first": .value(Value(.dictionary(members), index: 0, collection: "loop")),
      "second": .index(Index(0, collection: "loop")),
    ]
    #expect(try firstDifference(tree, openHDF5(bytes(of: tree)).contents.tree) == nil)
  }

  @Test func chunksInATreeOfTwoLevelsAreRead() throws {
    // Chunks of one row each, one more than a node lists.
    let shape = [65, 530_000]
    let rows = MemoryBytes(count: shape[0] * shape[1]) { buffer in
      for row in 0..<shape[0] {
        UnsafeMutableRawBufferPointer(rebasing: buffer[(row * shape[1])..<((row + 1) * shape[1])])
          .initializeMemory(as: UInt8.self, repeating: UInt8(row))
      }
    }
    let file = try bytes(of: ["w": .leaf(Leaf(dtype: .uint8, shape: shape, source: rows))])
    guard case .leaf(let read)? = try openHDF5(file).contents.tree.member("w") else {
      Issue.record("the leaf is lost")
      return
    }
    for row in [0, 1, 63, 64] {
      var found: (UInt8, UInt8) = (255, 255)
      try withUnsafeMutableBytes(of: &found) { try read.source.read(at: row * shape[1], into: $0) }
      #expect(found == (UInt8(row), UInt8(row)))
    }
  }

  @Test(arguments: Compression.allCases)
  func theFileIsTheSameForAnyNumberOfThreads(_ compression: Compression) throws {
    let large = Leaf(Tensor((0..<700_000).map { Float($0).squareRoot() }, shape: [700, 1000]))
    let tree: Tree<Leaf> = [
      "a": .leaf(large), "b": .list((0..<300).map { .leaf(Leaf(Int64($0))) }),
      "text": .leaf(.text((0..<2000).map { "element \($0)" }, shape: [2000])),
    ]
    let one = try bytes(of: tree, compression, threads: 1)
    for threads in [2, 3, 8] { #expect(try bytes(of: tree, compression, threads: threads) == one) }
    #expect(try firstDifference(tree, openHDF5(one).contents.tree) == nil)
  }

  // MARK: Damage

  /// A leaf of three chunks, and where the tree that lists them is.
  private func chunked() throws -> (bytes: [UInt8], tree: Int) {
    let leaf = Leaf(Tensor((0..<600_000).map { Float($0).squareRoot() }, shape: [600, 1000]))
    let bytes = try bytes(of: ["w": .leaf(leaf)])
    let tree = try #require(bytes.indices.first { bytes[$0...].starts(with: "TREE".utf8) })
    return (bytes, tree)
  }

  private func refusal(of bytes: [UInt8], at offset: Int = 0) throws -> RefxError? {
    guard case .leaf(let leaf)? = try openHDF5(bytes).contents.tree.member("w") else {
      Issue.record("the catalogue is sound")
      return nil
    }
    var first: UInt32 = 0
    return #expect(throws: RefxError.self) {
      try withUnsafeMutableBytes(of: &first) { try leaf.source.read(at: offset, into: $0) }
    }
  }

  // In the tree: 24 bytes of head; then for each chunk its size, its mask, its place, its address.
  @Test(arguments: [(28, "names a filter"), (24, "chunk [0, 0] at byte 48")])
  func aChunkThatIsNotAsDeclaredIsNamedWithItsPlace(place: Int, words: String) throws {
    var (bytes, tree) = try chunked()
    bytes[tree + place] ^= 8
    let refusal = try refusal(of: bytes)
    #expect(refusal?.code == .damaged)
    #expect(refusal?.description.contains(words) == true, "\(refusal?.description ?? "")")
    #expect(refusal?.description.contains("/tree/w, chunk [0, 0] at byte 48") == true)
  }

  @Test func aMaskThatLeavesOutTheShuffleIsFoundByTheChecksum() throws {
    var (bytes, tree) = try chunked()
    bytes[tree + 28] ^= 1
    #expect(try refusal(of: bytes)?.code == .damaged)
  }

  @Test func aChunkThatStandsInForAnotherIsFound() throws {
    var (bytes, tree) = try chunked()
    // The key of two dimensions and the element has 32 bytes, an address 8: the second chunk's place is the
    // first's.
    let entry = 40
    bytes.replaceSubrange(
      (tree + 24 + entry + 32)..<(tree + 24 + entry + 40), with: bytes[(tree + 24 + 32)..<(tree + 24 + 40)])
    bytes.replaceSubrange(
      (tree + 24 + entry)..<(tree + 24 + entry + 4), with: bytes[(tree + 24)..<(tree + 28)])
    #expect(try refusal(of: bytes, at: 2_000_000)?.code == .damaged)
  }

  @Test func noPartOfADamagedRawLeafIsGivenAway() throws {
    let leaf = Leaf(Tensor((0..<1_000_000).map { Float($0) }, shape: [1000, 1000]))
    var bytes = try bytes(of: ["w": .leaf(leaf)], .none)
    let payload = try leaf.allBytes()
    let start = try #require(bytes.indices.first { bytes[$0...].starts(with: payload[..<4096]) })
    bytes[start + 3_999_999] ^= 1
    guard case .leaf(let read)? = try openHDF5(bytes).contents.tree.member("w") else {
      Issue.record("the catalogue is sound")
      return
    }
    for (offset, count) in [(0, 4), (1_000_000, 2_000_000), (3_999_996, 4), (0, 4_000_000), (8, 4)] {
      var found = [UInt8](repeating: 0, count: count)
      #expect(throws: RefxError.self) {
        try found.withUnsafeMutableBytes { try read.source.read(at: offset, into: $0) }
      }
    }
  }
}
