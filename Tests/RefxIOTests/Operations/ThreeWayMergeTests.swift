import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// Two edits of one checkpoint joined.
@Suite struct ThreeWayMergeTests {
  /// One edit of the small tied tree, and what it touches: two edits that share a touch cannot be joined.
  private struct Edit: Sendable {
    let name: String
    let touches: Set<String>
    let apply: @Sendable (inout Model) -> Void

    init(_ name: String, _ touches: Set<String>, _ apply: @escaping @Sendable (inout Model) -> Void) {
      self.name = name
      self.touches = touches
      self.apply = apply
    }
  }

  /// The tree, told by its parts: which value each of x, y and z holds, and what the values are.
  private struct Model {
    var groups = ["x": 0, "y": 0, "z": 1]
    var values: [Int: (leaf: Leaf, collection: CollectionTag?)] = [
      0: (Leaf(Tensor([1, 2] as [Float])), "params"), 1: (Leaf(Tensor([1, 2] as [Float])), "params"),
    ]
    var plain: [Key: Tree<Leaf>] = [
      "p": .leaf(Leaf(Tensor([5, 6] as [Int32]))), "s": .static("relu"), "l": [.static(1), .static(2)],
    ]

    var tree: Tree<Leaf> {
      var members = plain.map { ($0.key, $0.value) }
      for (site, group) in groups {
        guard let value = values[group] else { continue }
        members.append(
          (Key(site), .value(Value(.leaf(value.leaf), index: group, collection: value.collection))))
      }
      members.sort { $0.0 < $1.0 }
      var seen: Set<Int> = []
      return .dictionary(
        members.map { key, member in
          guard case .value(let value) = member, !seen.insert(value.index).inserted else {
            return (key, member)
          }
          return (key, .index(Index(value.index, collection: value.collection)))
        })
    }
  }

  private static func contents(_ edits: Edit...) throws -> CheckpointContents {
    var model = Model()
    for edit in edits { edit.apply(&model) }
    return CheckpointContents(tree: try model.tree.reindexed())
  }

  private static let edits: [Edit] = [
    Edit("value of p", ["p"]) { $0.plain["p"] = .leaf(Leaf(Tensor([9, 6] as [Int32]))) },
    Edit("other value of p", ["p"]) { $0.plain["p"] = .leaf(Leaf(Tensor([5, 9] as [Int32]))) },
    Edit("type of p", ["p"]) { $0.plain["p"] = .leaf(Leaf(Tensor([5, 6] as [Int64]))) },
    Edit("shape of p", ["p"]) { $0.plain["p"] = .leaf(Leaf(Tensor([5, 6] as [Int32], shape: [2, 1]))) },
    Edit("p away", ["p"]) { $0.plain["p"] = nil },
    Edit("p a dictionary", ["p"]) { $0.plain["p"] = ["q": .static(3)] },
    Edit("static", ["s"]) { $0.plain["s"] = .static("gelu") },
    Edit("other static", ["s"]) { $0.plain["s"] = .static("tanh") },
    Edit("list longer", ["l"]) { $0.plain["l"] = [.static(1), .static(2), .static(3)] },
    Edit("list shorter", ["l"]) { $0.plain["l"] = [.static(1)] },
    Edit("added", ["n"]) { $0.plain["n"] = .static(1) },
    Edit("added otherwise", ["n"]) { $0.plain["n"] = Tree<Leaf>.none },
    Edit("value of x and y", ["value 0", "x=z"]) { $0.values[0]?.leaf = Leaf(Tensor([7, 2] as [Float])) },
    Edit("other value of x and y", ["value 0", "x=z"]) {
      $0.values[0]?.leaf = Leaf(Tensor([8, 2] as [Float]))
    },
    Edit("value of z", ["x=z"]) { $0.values[1]?.leaf = Leaf(Tensor([3, 2] as [Float])) },
    Edit("collection of x and y", ["collection 0", "x=z"]) { $0.values[0]?.collection = "frozen" },
    Edit("other collection of x and y", ["collection 0", "x=z"]) { $0.values[0]?.collection = nil },
    Edit("untie y", ["y apart", "x=z apart"]) {
      $0.groups["y"] = 2
      $0.values[2] = $0.values[0]
    },
    Edit("tie z", ["x=z", "x=z apart"]) { $0.groups["z"] = 0 },
    Edit("another site", []) { $0.groups["w"] = 0 },
  ]

  /// Edits of one touch that agree all the same: nothing of either is lost.
  private static func canBeJoined(_ one: Edit, _ other: Edit) -> Bool {
    if one.name == other.name { return true }
    let names: Set = [one.name, other.name]
    // Only tying z makes one value of two that may have come apart.
    let values: Set = [
      "value of x and y", "other value of x and y", "value of z", "collection of x and y",
      "other collection of x and y",
    ]
    if !names.contains("tie z") {
      // What is untied while another site is added may belong to either.
      if names == ["untie y", "another site"] { return false }
      let shared = one.touches.intersection(other.touches).subtracting(["x=z", "x=z apart"])
      return shared.isEmpty
    }
    return names.isDisjoint(with: values) && !names.contains("untie y")
  }

  @Test func everyPairOfEditsIsJoinedOrRefused() throws {
    let base = try ThreeWayMergeTests.contents()
    var joined = 0
    var refused = 0
    for one in ThreeWayMergeTests.edits {
      for other in ThreeWayMergeTests.edits {
        let a = try ThreeWayMergeTests.contents(one)
        let b = try ThreeWayMergeTests.contents(other)
        let merge = try CheckpointContents.merging(a, b, base: base)
        let mirror = try CheckpointContents.merging(b, a, base: base)
        let label = "\(one.name) | \(other.name): \(merge.conflicts)"
        #expect(merge.conflicts.map(\.kind) == mirror.conflicts.map(\.kind), "\(label)")
        #expect(merge.conflicts.map(\.path) == mirror.conflicts.map(\.path), "\(label)")
        #expect((merge.contents == nil) == !merge.conflicts.isEmpty)
        guard ThreeWayMergeTests.canBeJoined(one, other) else {
          refused += 1
          #expect(!merge.conflicts.isEmpty, "\(label)")
          continue
        }
        joined += 1
        // Both edits in a row make what the merge has to make.
        // What is changed before a value comes apart is changed in both halves.
        let (early, late) = one.name == "untie y" ? (other, one) : (one, other)
        let expected =
          one.name == other.name ? a : try ThreeWayMergeTests.contents(early, late)
        guard let tree = merge.contents?.tree, let back = mirror.contents?.tree else {
          Issue.record("\(label)")
          continue
        }
        #expect(try firstDifference(tree, expected.tree) == nil, "\(label)")
        #expect(try firstDifference(back, expected.tree) == nil, "\(label)")
        #expect(merge.taken.a > 0 && merge.taken.b > 0, "\(label)")
      }
    }
    #expect(joined > 200 && refused > 30, "\(joined) \(refused)")
  }

  @Test(arguments: [
    ("value of p", "other value of p", TreeDiff.Kind.value), ("type of p", "shape of p", .type),
    ("type of p", "value of p", .type), ("p away", "value of p", .structure),
    ("list longer", "list shorter", .structure), ("static", "other static", .structure),
    ("collection of x and y", "other collection of x and y", .collection), ("untie y", "tie z", .topology),
    ("value of z", "tie z", .topology), ("value of x and y", "other value of x and y", .value),
  ])
  func conflictsHaveTheirKind(_ one: String, _ other: String, _ kind: TreeDiff.Kind) throws {
    func edited(_ name: String) throws -> CheckpointContents {
      try ThreeWayMergeTests.contents(try #require(ThreeWayMergeTests.edits.first { $0.name == name }))
    }
    let merge = try CheckpointContents.merging(
      try edited(one), try edited(other), base: try ThreeWayMergeTests.contents())
    #expect(merge.conflicts.map(\.kind) == [kind], "\(merge.conflicts)")
    if one == "p away" {
      #expect(merge.conflicts[0].what == "A removed it or put something else there, B changed it")
    }
  }

  @Test(arguments: 0..<150) func anEditOfOneAloneIsThatEdit(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(seed), mostElements: 16)
    let base = CheckpointContents(tree: trees.make(nodes: 40), metadata: ["note": "a", "n": 1])
    let other = CheckpointContents(tree: trees.make(nodes: 40), metadata: ["n": 2, "m": 3])
    for (a, b, base, expected) in [
      (other, base, base, other), (base, other, base, other), (other, other, base, other),
      (base, base, base, base),
    ] {
      let merge = try CheckpointContents.merging(a, b, base: base)
      #expect(merge.conflicts == [])
      let tree = try #require(merge.contents).tree
      #expect(try firstDifference(tree, expected.tree) == nil)
      #expect(try tree.digest() == expected.tree.digest())
      let (found, wanted) = (merge.contents?.metadata.members ?? [], expected.metadata.members)
      #expect(Set(found) == Set(wanted))
    }
  }

  /// A tree of few names whose values are shared, Refs that hold Refs, or plain.
  private struct ChainedTree {
    var random: SeededRandom
    var count = 0

    mutating func make() -> Tree<Leaf> {
      count = 0
      let names = (["w", "x", "y", "z"] as [Key]).filter { _ in !random.oneIn(6) }
      return .dictionary(names.map { ($0, member(3)) })
    }

    private mutating func member(_ depth: Int) -> Tree<Leaf> {
      if count > 0, random.oneIn(3) { return .index(Index(random.below(count), collection: nil)) }
      switch depth > 0 ? random.below(5) : 4 {
      case 0, 1, 2:
        let index = count
        count += 1
        return .value(Value(member(depth - 1), index: index, collection: nil))
      case 3 where random.oneIn(2): return ["v": member(depth - 1), "u": .static(1)]
      default: return .leaf(Leaf(Tensor([Float(random.below(3))])))
      }
    }
  }

  @Test(arguments: 0..<1500) func refsOfRefsAreJoined(seed: Int) throws {
    var trees = ChainedTree(random: SeededRandom(seed: UInt64(seed)))
    // An index inside of its own value counts from there on.
    func contents() throws -> CheckpointContents { CheckpointContents(tree: try trees.make().reindexed()) }
    let (base, other) = (try contents(), try contents())
    for (a, b, expected) in [(other, base, other), (base, other, other), (other, other, other)] {
      let merge = try CheckpointContents.merging(a, b, base: base)
      #expect(merge.conflicts == [])
      guard let tree = merge.contents?.tree else { continue }
      #expect(try firstDifference(tree, expected.tree) == nil)
      #expect(try tree.digest() == expected.tree.digest())
    }
  }

  @Test func aRefOfARefThatBecomesATiedValueIsNoConflict() throws {
    func leaf(_ number: Float) -> Tree<Leaf> { .leaf(Leaf(Tensor([number]))) }
    func ref(_ tree: Tree<Leaf>, _ index: Int) -> Tree<Leaf> { .value(Value(tree, index: index)) }
    for inside in [leaf(1), ["v": leaf(1), "u": .static(2)]] {
      let base = CheckpointContents(tree: ["x": ref(ref(leaf(1), 1), 0), "y": leaf(2)])
      let edit = CheckpointContents(tree: ["x": ref(inside, 0), "y": .index(Index(0))])
      for (a, b) in [(edit, edit), (edit, base), (base, edit)] {
        let merge = try CheckpointContents.merging(a, b, base: base)
        #expect(merge.conflicts == [])
        #expect(try firstDifference(try #require(merge.contents).tree, edit.tree) == nil)
      }
    }
  }

  @Test func conflictsCallTheTwoByTheirNames() throws {
    func made(_ value: Int64) -> CheckpointContents { CheckpointContents(tree: ["s": .static(.int(value))]) }
    let names = ThreeWayMerge.Names(a: "mine.h5", b: "theirs.refx")
    let merge = try CheckpointContents.merging(made(2), made(3), base: made(1), names: names)
    #expect(merge.conflicts.map(\.what) == ["mine.h5 has the static value 2, theirs.refx 3"])
  }

  @Test(arguments: 0..<200) func anyThreeTreesEnd(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(9000 + seed), mostElements: 4)
    let three = (0..<3).map { _ in CheckpointContents(tree: trees.make(nodes: 40)) }
    do {
      let merge = try CheckpointContents.merging(three[0], three[1], base: three[2])
      let mirror = try CheckpointContents.merging(three[1], three[0], base: three[2])
      #expect(Set(merge.conflicts.map(\.path)) == Set(mirror.conflicts.map(\.path)))
    } catch let error as RefxError {
      #expect(error.code == .limit)
    }
  }

  @Test func ringsOfDifferentLengthsEnd() throws {
    func ring(_ length: Int) -> CheckpointContents {
      var tree: Tree<Leaf> = .index(Index(0))
      for place in (0..<length).reversed() { tree = .value(Value(["n": tree], index: place)) }
      return CheckpointContents(tree: tree)
    }
    #expect(throws: RefxError.self) {
      try CheckpointContents.merging(ring(29), ring(31), base: ring(37))
    }
    let same = try CheckpointContents.merging(ring(5), ring(5), base: ring(5))
    #expect(try firstDifference(try #require(same.contents).tree, ring(5).tree) == nil)
  }

  @Test func metadataAndAttributesAreMergedByName() throws {
    func made(_ metadata: JSONObject, _ attribute: Int64) -> CheckpointContents {
      var attributes = NodeAttributes()
      attributes[["w"]] = [Attribute("scale", .one(.int(attribute)))]
      return CheckpointContents(tree: ["w": .static(1)], metadata: metadata, attributes: attributes)
    }
    let base = made(["a": 1, "b": 1], 1)
    let merge = try CheckpointContents.merging(
      made(["a": 2, "b": 1], 1), made(["a": 1, "c": 3], 2), base: base)
    #expect(merge.contents?.metadata == ["a": 2, "c": 3])
    #expect(merge.contents?.attributes[["w"]] == [Attribute("scale", .one(.int(2)))])
    let clash = try CheckpointContents.merging(
      made(["a": 2, "b": 1], 3), made(["a": 3, "b": 1], 2), base: base)
    #expect(clash.conflicts.map(\.path) == [.root, ["w"]])
    #expect(clash.conflicts.map(\.kind) == [.structure, .structure])
  }
}
