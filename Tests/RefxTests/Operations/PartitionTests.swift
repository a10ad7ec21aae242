import Refx
import Testing

/// Twins of what the original's suite asserts of partitions, and what lies beyond.
@Suite struct PartitionTests {
  private let p1 = Ref(1, collection: "params")
  private let p2 = Ref(2, collection: "batch_stats")

  private var tree: RefTree {
    ["a": [.ref(p1), .ref(p2)], "b": .ref(p1), "c": .leaf(7), "d": .leaf(8)]
  }

  @Test func everyLeafFallsIntoOnePart() throws {
    let (parts, structure) = treePartition(tree, byCollection("params"), byCollection("batch_stats"))
    #expect(parts.map(\.count) == [5, 5, 5])
    #expect(parts.map(\.filledCount) == [2, 1, 2])
    #expect(parts[0]["a", 0]?.ref === p1)
    #expect(parts[1]["a", 1]?.ref === p2)
    #expect(parts[0]["b"]?.ref === p1)
    #expect(try parts[2]["c"]?.value() == 7)

    let merged = try mergePartitions(parts, structure)
    #expect(merged.structure == tree.structure)
    #expect(merged["a", 0]?.ref === p1 && merged["a", 1]?.ref === p2 && merged["b"]?.ref === p1)
    #expect(try merged["d"]?.value() == 8)
  }

  @Test func theFirstMatchWins() {
    let (parts, _) = treePartition(tree, { _ in true }, byCollection("params"))
    #expect(parts.map(\.filledCount) == [5, 0, 0])
  }

  @Test func updatingFromAPart() throws {
    let source = try deref(tree).map { Leaf(try Int(leaf: $0) + 10) }
    let params = getPartition(source, byCollection("params"))
    try updateRefs(getPartition(tree, byCollection("params")), params)
    #expect(p1.value == 11)
    #expect(p2.value == 2)
  }

  /// The original's gradient of a sum over the parameters.
  @Test func gradientOfASum() throws {
    let (parts, structure) = treePartition(try deref(tree), byCollection("params"))
    func loss(_ params: Partition<Leaf>) throws -> Double {
      let whole = try reref(mergePartitions([params, parts[1]], structure))
      var sum = 0
      for leaf in whole.leaves() {
        if leaf.ref?.collection == "params" { sum += try RefTree.leaf(leaf).value() }
      }
      return Double(sum)
    }
    let before = try loss(parts[0])
    let raised = try parts[0].map { Leaf(try Int(leaf: $0) + 1) }
    // The shared parameter counts at each of its two sites.
    #expect(try loss(raised) - before == 2)
    let grads = parts[0].map { _ in Leaf(2) }
    let stepped = try parts[0].map(with: grads) { Leaf(try Int(leaf: $0) - Int(leaf: $1)) }
    try updateRefs(getPartition(tree, byCollection("params")), stepped)
    #expect(p1.value == -1)
    #expect(p2.value == 2)
  }

  @Test func aPartOfAPartKeepsItsPaths() throws {
    let params = getPartition(tree, byCollection("params"))
    let again = getPartition(params, byCollection("params"))
    #expect(again.paths == params.paths)
    #expect(again.leaves.map { $0.ref } == params.leaves.map { $0.ref })

    let (parts, layout) = treePartition(params, { $0.ref === p1 })
    #expect(parts.map(\.paths) == [params.paths, params.paths])
    let merged = try mergePartitions(parts, layout)
    #expect(merged.leaves.map { $0.ref } == params.leaves.map { $0.ref })
    // Nothing in all parts is right only where the part had Nothing.
    #expect(throws: RefxError.self) { try mergePartitions([parts[1], parts[1]], layout) }
  }

  @Test func aRefIsOneLeafWhateverItHolds() {
    let subtree = Ref<RefTree>(["w": .ref(p1)], collection: "params")
    let parts = treePartition(["m": .ref(subtree), "n": .ref(p2)] as RefTree, byCollection("params"))
      .partitions
    #expect(parts[0].paths == [["m"], ["n"]])
    #expect(parts[0]["m"]?.ref === subtree)
  }

  @Test func plainLeavesNeverMatchACollection() {
    let untagged = Ref(1)
    let parts = treePartition([.ref(untagged), .leaf(1)] as RefTree, byCollection(nil)).partitions
    #expect(parts[0].leaves.map { $0.ref === untagged } == [true, false])
  }

  @Test func theOriginsOwnNothingsMayStayEmpty() throws {
    let tree: Tree<Leaf> = ["a": .nothing, "b": .leaf(1), "c": .hole, "d": .none, "e": .static("relu")]
    let (parts, structure) = treePartition(tree, { _ in false })
    #expect(parts[0].paths == [["a"], ["b"], ["c"]])
    let merged = try mergePartitions(parts, structure).map { try Int(leaf: $0) }
    #expect(
      merged == ["a": .nothing, "b": .leaf(1), "c": .hole, "d": .none, "e": .static("relu")] as Tree<Int>)

    let error = #expect(throws: RefxError.self) { try mergePartitions([parts[0], parts[0]], structure) }
    #expect(error?.path == ["b"])
  }

  @Test func whatIsALeafCanBeSaid() throws {
    let tree: Tree<Leaf> = ["m": ["x": .leaf(1), "y": .leaf(2)], "n": .leaf(3)]
    let (parts, structure) = treePartition(
      tree, { $0.member("x") != nil }, isLeaf: { $0.member("x") != nil })
    #expect(parts[0].paths == [["m"], ["n"]])
    #expect(parts[0]["m"]?.leafCount == 2)
    #expect(try mergePartitions(parts, structure).structure == tree.structure)
  }

  @Test func partsOfDereffedTreesAreSendable() async throws {
    let (parts, structure) = treePartition(try deref(tree), byCollection("params"))
    let merged = try await Task.detached { try mergePartitions(parts, structure) }.value
    #expect(try merged.scalars() == deref(tree).scalars())
  }

  @Test func lookingUpInAWideTree() throws {
    let tree: Tree<Leaf> = .list((0..<2000).map { .leaf($0) })
    let all = treePartition(tree).partitions[0]
    for position in 0..<2000 { #expect(Scalar.of(try #require(all[Key(position)])) == .int(Int64(position))) }
    #expect(all["2000"] == nil && all["-1"] == nil && all["01"] == nil)
  }

  @Test func partitionsByHand() throws {
    let made = try Partition<Leaf>([(path: ["a"], leaf: .leaf(1)), (path: ["a", "b"], leaf: .nothing)])
    #expect(made.paths == [["a"], ["a", "b"]])
    #expect(made["a", "b"]?.isVacant == true)
    #expect(made.entries.map(\.0) == made.paths)
    #expect(throws: RefxError.self) {
      try Partition<Leaf>([(path: ["a"], leaf: .leaf(1)), (path: ["a"], leaf: .nothing)])
    }
  }

  @Test func mergeRefusesAStrangersStructure() throws {
    let one: Tree<Leaf> = ["a": .leaf(1), "b": .leaf(2)]
    let other: Tree<Leaf> = ["a": .leaf(1), "c": .leaf(2)]
    let parts = treePartition(one, { _ in true }).partitions
    let error = #expect(throws: RefxError.self) { try mergePartitions(parts, other.structure) }
    #expect(error?.path == ["c"])
    #expect(throws: RefxError.self) { try mergePartitions([] as [Partition<Leaf>], one.structure) }
    // The structure of a list and of a tuple have the same paths: the structure decides.
    let list = treePartition([.leaf(1)] as Tree<Leaf>).partitions
    let tuple = treePartition(.tuple([.leaf(2)]) as Tree<Leaf>).structure
    #expect(try mergePartitions(list, tuple).kindName == "a tuple")
  }
}
