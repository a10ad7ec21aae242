import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite struct PartTests {
  private func merged(_ parts: [PartitionedCheckpoint.Part]) throws -> MergedCheckpoint {
    try CheckpointContents.merged(parts.map { ($0.name, $0.contents) })
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: 0..<150) func mergeIsTheInverse(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(seed))
    let origin = CheckpointContents(tree: trees.make(nodes: 60), metadata: ["note": "kept", "n": 3])
    let byCollection = try origin.partitionedByCollection().parts
    let byPath = try origin.partitioned(by: [
      ("even", .path(try PathPattern(glob: "**/*[02468]"))), ("w", .path(try PathPattern(glob: "**/w*"))),
      ("floats", .dtype(.float32)), ("params", .collection("params")),
    ])
    for parts in [byCollection, byPath] {
      let back = try merged(parts.parts.reversed())
      #expect(back.warnings == [])
      #expect(back.contents.metadata == origin.metadata)
      #expect(try back.contents.tree.digest() == origin.tree.digest())
      #expect(try origin.tree.diff(to: back.contents.tree).isEmpty)
    }
  }

  @Test(arguments: 0..<30) func aPartCanBePartitionedAgain(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(1000 + seed))
    let origin = CheckpointContents(tree: trees.make(nodes: 60))
    let outer = try origin.partitioned(by: [("w", .path(try PathPattern(glob: "**/w*")))]).parts
    let inner = try outer[1].contents.partitionedByCollection().parts
    let rest = try merged(inner.parts).contents
    #expect(rest.metadata == outer[1].contents.metadata)
    let back = try CheckpointContents.merged([("w", outer[0].contents), ("rest", rest)])
    #expect(try back.contents.tree.digest() == origin.tree.digest())
  }

  /// Opened one after the other, with what they have in common held once.
  @Test(arguments: 0..<60) func partsAreMergedAsTheyAreOpened(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(3000 + seed))
    let origin = CheckpointContents(tree: trees.make(nodes: 80), metadata: ["note": "kept"])
    let (plan, collections) = try origin.planningPartitionByCollection()
    let built = try origin.partitionedByCollection().parts
    #expect(
      plan.names == built.parts.map(\.name) && plan.cuts == built.cuts
        && collections.count == plan.names.count)
    #expect(plan.siteCounts == built.parts.map(\.siteCount))
    let merged = try CheckpointContents.merged(files: plan.names.indices.reversed().map { "\($0)" }) { name in
      let position = try #require(Int(name))
      let part = try plan.part(position)
      #expect(try firstDifference(part.contents.tree, built.parts[position].contents.tree) == nil)
      return part.contents
    }
    #expect(merged.warnings == [] && merged.contents.metadata == origin.metadata)
    #expect(try firstDifference(merged.contents.tree, origin.tree) == nil)
  }

  private func cutTie() throws -> PartitionedCheckpoint {
    let origin = CheckpointContents(tree: smallModel())
    return try origin.partitioned(by: [("head", .path(try PathPattern(glob: "head")))])
  }

  @Test func aCutTieIsReportedAndTiedAgain() throws {
    let parts = try cutTie()
    #expect(parts.cuts.count == 1)
    #expect(parts.cuts.first?.sites.map(\.path) == [["embedding"], ["head"]])
    #expect(try firstDifference(merged(parts.parts).contents.tree, smallModel()) == nil)
  }

  @Test func aTieInsideAnotherRefIsReportedWhereItIsCut() throws {
    let origin = CheckpointContents(tree: [
      "again": first(first(numbers([1, 2] as [Float]), 1, "batch"), 0, "params"),
      "block": first(["w": again(1, "batch")], 2, "params"),
      "w": again(1, "batch"),
    ])
    let parts = try origin.partitionedByCollection().parts
    #expect(parts.cuts.count == 1)
    #expect(parts.cuts.first?.collection == "batch")
    #expect(parts.cuts.first?.sites.map(\.path) == [["again", "0"], ["block", "w"], ["w"]])
    #expect(parts.cuts.first?.sites.map(\.part) == [1, 1, 0])
    #expect(try merged(parts.parts).contents.tree.digest() == origin.tree.digest())
  }

  @Test func twoSpellingsOfOneFileAreOneFile() throws {
    let scratch = try Scratch()
    _ = try scratch.save(smallModel(), as: "a.refx")
    let script = """
      mkdir sub; ln -s sub/real.refx link.refx
      $REFX partition a.refx --force --select path:head=x.refx --rest ./sub/../x.refx && exit 9
      $REFX convert a.refx sub/real.refx
      $REFX partition a.refx --force --select path:head=link.refx --rest sub/real.refx && exit 8
      cmp a.refx sub/real.refx && [ ! -e x.refx ]
      """
    #expect(try Command.shell(script, in: scratch).code == 0)
  }

  @Test func copiesThatCameApartAreRefused() throws {
    let parts = try cutTie().parts
    var trained = parts[0].contents
    trained.tree = trained.tree.mapLeaf { _ in
      numbers([9, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [4, 2])
    }
    let refusal = message { _ = try CheckpointContents.merged([("a", trained), ("b", parts[1].contents)]) }
    #expect(refusal.contains("have come apart"))
    #expect(refusal.contains("embedding") && refusal.contains("head"))
  }

  @Test func whatDoesNotMakeOneTreeIsRefused() throws {
    let parts = try cutTie().parts
    let holes = message { _ = try merged([parts[0]]) }
    #expect(holes.contains("no part fills this site") && holes.contains("rest"))
    let twice = message { _ = try merged([parts[0], parts[1], parts[0]]) }
    #expect(twice.contains("two parts fill this site") && twice.contains("head"))
    let other = try CheckpointContents(tree: smallModel(tied: false)).partitionedByCollection().parts.parts
    #expect(message { _ = try merged([parts[0], other[0]]) }.contains("part of another tree"))
    #expect(
      message { _ = try CheckpointContents.merged([("x", CheckpointContents(tree: smallModel()))]) }
        .contains("no part of a checkpoint"))
  }

  @Test func holesAreToldFromNothings() throws {
    let parts = try CheckpointContents(tree: smallModel()).partitionedByCollection()
    #expect(parts.collections == ["batch_stats", "params", nil])
    let stats = parts.parts.parts[0].contents.tree
    #expect(stats[["nothing"]]?.inWords == "nothing")
    #expect(stats[["head"]]?.inWords == "a hole")
    #expect(stats[["step"]]?.inWords == "a hole")
    #expect(stats[["name"]]?.inWords == "the static value \"relu\"")
  }

  @Test(arguments: [
    ("params", "params"), ("a/b", "a%2Fb"), ("", "%"), ("rest", "%72est"), (".", "%2E"), ("..", "%2E."),
    (".hidden", "%2Ehidden"), ("../x", "%2E.%2Fx"),
    ("3", "%33"),
    ("-3", "%2D3"), ("-", "-"), ("bä", "b%C3%A4"), ("Rest", "Rest"), ("3a", "3a"),
  ])
  func collectionsHaveFileNames(name: String, expected: String) {
    #expect(CollectionTag.name(name).fileName == expected)
  }

  @Test func longCollectionsAreCutAndTold() {
    let long = String(repeating: "ä", count: 300)
    let a = CollectionTag.name(long + "a").fileName
    let b = CollectionTag.name(long + "b").fileName
    #expect(a != b)
    #expect(a.utf8.count <= 200)
    #expect(CollectionTag.number(-3).fileName == "-3")
    #expect(CollectionTag.name(String(repeating: "x", count: 200)).fileName.utf8.count == 200)
  }
}

extension Tree where Element == Leaf {
  /// The tree with every array replaced.
  fileprivate func mapLeaf(_ change: (Leaf) throws -> Tree) rethrows -> Tree {
    switch self {
    case .leaf(let leaf): return try change(leaf)
    case .dictionary(let branches):
      return .dictionary(try zip(branches.keys, branches.members).map { ($0, try $1.mapLeaf(change)) })
    case .value(var value):
      value.value = try value.value.mapLeaf(change)
      return .value(value)
    default: return self
    }
  }
}
