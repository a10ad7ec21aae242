import Refx
import Testing

/// Helpful errors: each refusal says where, what was expected, what was found and what to do.
@Suite struct Sentences {
  private func sentence(_ act: () throws -> Void) -> String {
    do {
      try act()
      return "nothing was refused"
    } catch {
      return "\(error)"
    }
  }

  private func value(_ number: Int, _ index: Int) -> Tree<Leaf> { .value(Value(.leaf(number), index: index)) }

  @Test func derefAndReref() {
    #expect(
      sentence { _ = try deref(["a": .ref(Ref(1)), "b": [.index(Index(4))]]) }
        == "b/0: cannot deref a tree that holds both Refs and Derefs: expected a Ref or a plain value, since a Ref "
        + "came before, found an Index; reref the tree first")
    #expect(
      sentence { _ = try reref(["a": .ref(Ref(1))] as RefTree) }
        == "a: cannot reref a tree that holds live Refs: expected a dereffed tree, found a Ref; deref the tree first"
    )
    #expect(
      sentence { _ = try reref(["a": [value(1, 0), value(2, 0)]]) }
        == "a/1: value already exists: expected each shared value once, found a second value under index 0")
    #expect(
      sentence { _ = try reref(["a": ["b": .index(Index(2))]] as Tree<Leaf>) }
        == "a/b: expected index 2 to follow its value, found no value under that index before")
    #expect(
      sentence { _ = try reref(.index(Index(2)) as Tree<Leaf>) }
        == "the root: expected index 2 to follow its value, found no value under that index before")
  }

  @Test func levelsAndCollections() {
    let ref = Ref(1, collection: "batch_stats")
    #expect(
      sentence { try mutable({ _ in false }) { try ref.set(1) } }
        == "collection 'batch_stats' is not mutable here; widen the enclosing mutable { }")
    #expect(
      sentence { try mutable({ _ in false }) { try Ref(1).set(1) } }
        == "Refs without a collection are not mutable here; widen the enclosing mutable { }")
    let level = TraceLevel.fresh()
    #expect(
      sentence { try withTraceLevel(level) { _ = try ref.get() } }
        == "cannot access Ref from different trace level: expected the base level, where it was made, found "
        + "\(level); deref the tree before the boundary and reref it inside")
    #expect(
      sentence { try withTraceLevel(level) { try ref.set(1) } }
        == "cannot mutate Ref from different trace level: expected the base level, where it was made, found "
        + "\(level); deref the tree before the boundary and reref it inside")
    let inside = Ref(TracedNumber(value: 1, traceLevels: []))
    #expect(
      sentence { try inside.set(TracedNumber(value: 1, traceLevels: [level])) }
        == "cannot mutate Ref with a value from another trace level: expected a value of the base level, found "
        + "one of \(level); return the value from its boundary first")
  }

  @Test func merging() throws {
    let tree: Tree<Leaf> = ["a": .leaf(1), "b": .leaf(2)]
    let (parts, structure) = treePartition(tree) { Scalar.of($0) == .int(1) }
    #expect(
      sentence { _ = try mergePartitions([parts[0], parts[0]], structure) }
        == "a: expected a leaf in one partition, Nothing in the others, found leaves in partitions 0 and 1")
    #expect(
      sentence { _ = try mergePartitions([parts[0]], structure) }
        == "b: expected a leaf in one of the 1 partitions, found Nothing in all of them; merge all the partitions "
        + "of the tree")
    let shorter = treePartition(["a": .leaf(1)] as Tree<Leaf>).partitions[0]
    #expect(
      sentence { _ = try mergePartitions([parts[0], shorter], structure) }
        == "b: partition 1 does not belong to this tree: expected 2 paths, found 1 ('b' is missing); merge the "
        + "partitions with the structure that came with them")
    let other = treePartition(["a": .leaf(1), "x": .leaf(1)] as Tree<Leaf>).partitions[0]
    #expect(
      sentence { _ = try mergePartitions([parts[0], other], structure) }
        == "b: partition 1 does not belong to this tree: expected the path 'b', found 'x'; merge the partitions "
        + "with the structure that came with them")
    #expect(
      sentence { _ = try mergePartitions([] as [Partition<Leaf>], structure) }
        == "expected the partitions of a tree with 2 leaves, found none")
  }

  @Test func updating() {
    let shared = Ref(1)
    let tree: RefTree = ["a": .ref(shared), "b": .ref(shared)]
    #expect(
      sentence { try updateRefs(tree, [value(1, 0)] as Tree<Leaf>) }
        == "b: the source does not have the leaves of the target: expected 2 leaves, found 1")
    #expect(
      sentence { try updateRefs(tree, [value(1, 0), value(2, 1)] as Tree<Leaf>) }
        == "b: the Ref is shared in the target but not so in the source: expected Index 0, as before, found a "
        + "second Value, under index 1")
    #expect(
      sentence { try updateRefs(tree, [.ref(Ref(1)), .ref(Ref(1))] as RefTree) }
        == "b: the Ref is shared in the target but not so in the source: expected the same Ref as before, found "
        + "another Ref")
    #expect(
      sentence { try updateRefs(tree, [.ref(Ref(1)), .index(Index(0))] as RefTree) }
        == "b: the source mixes Refs and Derefs: expected either a live or a dereffed source, found both; deref or "
        + "reref the whole source")
    #expect(
      sentence {
        try updateRefs(
          [.ref(Ref(1)), .ref(Ref(2))] as RefTree, [value(1, 0), .index(Index(0))] as Tree<Leaf>)
      }
        == "1: the Ref is not shared in the target but so in the source: expected a value for the target's Ref, "
        + "which comes here for the first time, found Index 0")
    #expect(
      sentence { try updateRefs(.ref(shared) as RefTree, .leaf(2) as Tree<Leaf>) }
        == "the root: expected a Ref or a Value for the target's Ref, found a leaf")
    #expect(
      sentence { try updateRefs([.value(Value(.leaf(1), index: 0))] as RefTree, [value(1, 0)] as Tree<Leaf>) }
        == "0: the target of an update holds a Deref: expected live Refs, found a Value; reref the target first"
    )
    #expect(
      sentence { try updateRefs(.ref(shared) as RefTree, .value(Value(.leaf(2.5), index: 0)) as Tree<Leaf>) }
        == "the root: expected dtype int64, found float64; read it as float64 or convert it explicitly")
    #expect(
      sentence {
        try updateRefs(
          .ref(shared) as RefTree, .value(Value(.leaf([1, 2] as [Int]), index: 0)) as Tree<Leaf>)
      }
        == "the root: expected a single element, shape [], found shape [2]")
  }

  @Test func shapesAndLeaves() throws {
    let tree: Tree<Leaf> = ["a": [.leaf(1)], "b": .leaf(2)]
    #expect(
      sentence { _ = try tree.structure.unflatten([1]) }
        == "the leaves do not fit the structure: expected 2 leaves, found 1; use the structure that came with "
        + "these leaves")
    #expect(
      sentence { _ = try tree.map(with: ["a": [.none], "b": .leaf(1)] as Tree<Leaf>) { one, _ in one } }
        == "a/0: the trees have different shapes: expected a leaf, found None")
    #expect(
      sentence { _ = try Partition<Leaf>([(path: ["a"], leaf: .nothing), (path: ["a"], leaf: .nothing)]) }
        == "a: the path comes twice in a partition")
    var deep: Tree<Leaf> = .leaf(1)
    for _ in 0...maximumTreeDepth { deep = .list([deep]) }
    #expect(
      sentence { _ = try reref(deep) }.hasSuffix(
        "the tree is too deep: expected at most 1000 levels, found more"))
  }
}
