import Refx
import Testing

/// The leaves of a part, of which it keeps its own alone.
@Suite struct PartLeavesTests {
  private func model(leaves: Int) -> RefTree {
    .list(
      stride(from: 0, to: leaves, by: 20).map { start in
        .dictionary(
          (start..<min(start + 20, leaves)).map { number in
            let collection: CollectionTag? = [nil, "params", "batch_stats"][number % 3]
            return (Key("w\(1000 + number % 20)"), .ref(Ref(Leaf([Float(number)]), collection: collection)))
          })
      })
  }

  @Test func manyLeavesGoApartAndTogether() throws {
    let tree = model(leaves: 120_000)
    let dereffed = try deref(tree)
    let (parts, structure) = treePartition(dereffed, byCollection("params"), byCollection("batch_stats"))
    #expect(parts.map(\.filledCount) == [40_000, 40_000, 40_000])
    #expect(parts.map(\.count) == [120_000, 120_000, 120_000])
    #expect(parts.map(\.leaves.count) == [120_000, 120_000, 120_000])
    let merged = try mergePartitions([parts[2], parts[0], parts[1]], structure)
    #expect(try merged.sites().map(\.path) == dereffed.sites().map(\.path))
    let numbers = try merged.leaves().map { try [Float](leaf: $0)[0] }
    let all: [Float] = (0..<120_000).map { Float($0) }
    #expect(numbers == all)

    let raised = try parts[0].map { Leaf([try [Float](leaf: $0)[0] + 0.5]) }
    let liveParts = treePartition(tree, byCollection("params"))
    try updateRefs(liveParts.partitions[0], raised)
    let after = try deref(tree).leaves().map { try [Float](leaf: $0)[0] }
    let wanted = (0..<120_000).map { (number: Int) -> Float in
      number % 3 == 1 ? Float(number) + 0.5 : Float(number)
    }
    #expect(after == wanted)
  }

  @Test func aPartOfAnotherPartitionFits() throws {
    let tree = try deref(model(leaves: 60))
    let (parts, structure) = treePartition(tree, byCollection("params"))
    let others = treePartition(tree, { !$0.isReference(in: "params") }).partitions
    #expect(others[0].leaves.map(\.isVacant) == parts[1].leaves.map(\.isVacant))
    let merged = try mergePartitions([parts[0], others[0]], structure)
    #expect(merged.leafCount == 60)
    #expect(throws: RefxError.self) { try mergePartitions([parts[0], others[1]], structure) }
    #expect(throws: RefxError.self) { try mergePartitions([parts[0]], structure) }
    #expect(throws: RefxError.self) { try mergePartitions([parts[0], parts[1], parts[0]], structure) }
  }

  @Test func leavesAreFoundByPathAndPosition() throws {
    let (parts, structure) = treePartition(try deref(model(leaves: 45)), byCollection("params"))
    for (path, position) in zip(structure.paths, 0...) {
      for part in parts {
        #expect(part[path]?.referenceIndex == part.leaves[position].referenceIndex)
        let isParam = position % 3 == 1
        let isHere = part.filledCount == 15 ? isParam : !isParam
        #expect(part.leaves[position].isVacant == !isHere)
      }
    }
  }

  @Test func subtreesThatAreLeavesStayWhole() throws {
    let tree: RefTree = ["a": [.ref(Ref(Leaf([Float(1)])))], "b": .ref(Ref(Leaf([Float(2)])))]
    let whole = treePartition(tree) { (tree: RefTree) in if case .list = tree { true } else { false } }
    #expect(whole.partitions[0].count == 2)
    let one = treePartition(
      tree, by: [], isLeaf: { if case .list = $0 { true } else { false } }
    ).partitions[0]
    #expect(one.count == 2 && one.leaves[0].kindName == "a list")
    try updateRefs(one, one)
    let error = #expect(throws: RefxError.self) { try updateRefs(one, ["a": .leaf(1)] as RefTree) }
    #expect(error?.path == ["b"])
  }

  @Test func deepTreesAreUpdated() throws {
    var tree = RefTree.ref(Ref(Leaf([Float(1)])))
    var source = Tree<Leaf>.value(Value(.leaf([Float(2)]), index: 0))
    for _ in 0..<maximumTreeDepth {
      tree = ["x": tree, "y": .nothing]
      source = ["x": source, "y": .nothing]
    }
    try updateRefs(tree, source)
    #expect(try deref(tree).leaves().map { try [Float](leaf: $0) } == [[2]])
  }
}
