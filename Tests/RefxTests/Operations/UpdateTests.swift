import Refx
import Testing

@Suite struct UpdateTests {
  @Test func aRefusedUpdateChangesNothing() throws {
    let a = Ref(1, collection: "params")
    let b = Ref(2, collection: "batch_stats")
    let c = Ref([3.0])
    let tree: RefTree = [.ref(a), .ref(b), .ref(c)]
    func source(_ last: Tree<Leaf>) -> Tree<Leaf> {
      [.value(Value(.leaf(10), index: 0)), .value(Value(.leaf(20), index: 1)), .value(Value(last, index: 2))]
    }
    func refused(_ update: () throws -> Void) -> RefxError? {
      let error = #expect(throws: RefxError.self, performing: update)
      #expect(a.value == 1 && b.value == 2 && c.value == [3.0])
      return error
    }
    // The last leaf is of another dtype, shape or kind.
    #expect(refused { try updateRefs(tree, source(.leaf([1, 2] as [Int]))) }?.path == ["2"])
    #expect(refused { try updateRefs(tree, source(.leaf(1.0))) }?.code == .mismatch)
    #expect(refused { try updateRefs(tree, source([.leaf([1.0])])) }?.path == ["2"])
    // A collection that may not be written, another level.
    let whole = source(.leaf([4.0]))
    #expect(refused { try mutable({ $0 == "params" }) { try updateRefs(tree, whole) } }?.code == .notMutable)
    #expect(refused { try withTraceLevel { try updateRefs(tree, whole) } }?.code == .traceLevel)

    try updateRefs(tree, whole)
    #expect(a.value == 10 && b.value == 20 && c.value == [4.0])
  }

  @Test func fromALiveTree() throws {
    let shared = Ref(1)
    let target: RefTree = [.ref(shared), .ref(shared), .ref(Ref(2)), .leaf(9)]
    let other = Ref(5)
    let source: RefTree = [.ref(other), .ref(other), .ref(Ref(6)), .leaf(0)]
    try updateRefs(target, source)
    #expect(shared.value == 5)
    #expect(try target[2]?.value() == 6)
    #expect(try target[3]?.value() == 9)

    let differs: RefTree = [.ref(other), .ref(Ref(7)), .ref(Ref(6)), .leaf(0)]
    let error = #expect(throws: RefxError.self) { try updateRefs(target, differs) }
    #expect(error?.path == ["1"])
    #expect(shared.value == 5)
  }

  @Test func betweenTypesOfTheSameLeaf() throws {
    let tensor = Ref(Tensor([1.0, 2.0]))
    let array = Ref([3.0, 4.0])
    let leaf = Ref(Leaf([5.0, 6.0]))
    try updateRefs([.ref(tensor), .ref(array)] as RefTree, [.ref(array), .ref(leaf)] as RefTree)
    #expect(tensor.value == Tensor([3.0, 4.0]))
    #expect(array.value == [5.0, 6.0])
    try updateRefs(.ref(leaf) as RefTree, .ref(tensor) as RefTree)
    #expect(try leaf.value.tensor() == Tensor([3.0, 4.0]))
  }

  @Test func oneSourceForTwoTargets() throws {
    let (a, b) = (Ref(1), Ref(2))
    let source = Ref(7)
    try updateRefs([.ref(a), .ref(b)] as RefTree, [.ref(source), .ref(source)] as RefTree)
    #expect(a.value == 7 && b.value == 7)
  }

  @Test func aSourceOfAnotherLevel() throws {
    let target = Ref(1)
    let leaked = withTraceLevel { Ref(2) }
    #expect(throws: RefxError.self) { try updateRefs(.ref(target) as RefTree, .ref(leaked) as RefTree) }
    #expect(target.value == 1)
  }

  @Test func refsInsideRefsAreKept() throws {
    let inner = Ref(1)
    let outer = Ref<RefTree>(["w": .ref(inner), "scale": .leaf(2)])
    let tree: RefTree = ["alias": .ref(inner), "model": .ref(outer)]
    let source = try deref(tree).map { Leaf(try Int(leaf: $0) * 10) }
    try updateRefs(tree, source)
    #expect(inner.value == 10)
    #expect(outer.value["w"]?.ref === inner)
    #expect(try outer.value["scale"]?.value() == 20)
  }

  @Test func aSubtreeMayChangeItsShape() throws {
    let inner = Ref(1)
    let outer = Ref<RefTree>(["w": .ref(inner)])
    let source: Tree<Leaf> = .value(
      Value(
        [
          "v": [.value(Value(.leaf(5), index: 1)), .index(Index(1))], "w": .value(Value(.leaf(6), index: 2)),
        ], index: 0))
    try updateRefs(.ref(outer) as RefTree, source)
    #expect(inner.value == 6)
    #expect(outer.value["w"]?.ref === inner)
    #expect(try outer.value["v", 0]?.value() == 5)
    #expect(outer.value["v", 0]?.ref === outer.value["v", 1]?.ref)
  }

  @Test func aCycle() throws {
    let node = Ref<RefTree>(.none)
    node.value = ["self": .ref(node), "n": .leaf(1)]
    let source = try deref(.ref(node)).map { Leaf(try Int(leaf: $0) + 1) }
    try updateRefs(.ref(node) as RefTree, source)
    #expect(node.value["self"]?.ref === node)
    #expect(try node.value["n"]?.value() == 2)
    node.value = .none
  }

  @Test func anInnerTieThatTheTargetDoesNotHave() throws {
    let (a, b) = (Ref(1), Ref(2))
    let outer = Ref<RefTree>([.ref(a), .ref(b)])
    let source: Tree<Leaf> = .value(Value([.value(Value(.leaf(3), index: 1)), .index(Index(1))], index: 0))
    let error = #expect(throws: RefxError.self) { try updateRefs(.ref(outer) as RefTree, source) }
    #expect(error?.path == ["1"])
    #expect(a.value == 1 && b.value == 2)
  }

  @Test func partitionsAlignWithTrees() throws {
    let a = Ref(1)
    let tree: RefTree = ["x": .ref(a), "y": .nothing]
    try updateRefs(
      tree,
      treePartition(["x": .value(Value(.leaf(4), index: 8)), "y": .nothing] as Tree<Leaf>).partitions[0])
    #expect(a.value == 4)
  }
}
