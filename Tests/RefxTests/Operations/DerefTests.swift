import Refx
import Testing

@Suite struct DerefTests {
  @Test func outerRefsAreNumberedFirst() throws {
    let inner = Ref(1, collection: "params")
    let outer = Ref<RefTree>(["w": .ref(inner)], collection: "modules")
    let tree: RefTree = ["a": .ref(outer), "b": .ref(inner), "c": .ref(outer)]
    let expected: Tree<Scalar> = [
      "a": .value(
        Value(
          ["w": .value(Value(.leaf(.int(1)), index: 1, collection: "params"))], index: 0,
          collection: "modules")),
      "b": .index(Index(1, collection: "params")),
      "c": .index(Index(0, collection: "modules")),
    ]
    #expect(try deref(tree).scalars() == expected)
    let back = try reref(deref(tree))
    #expect(back["a"]?.ref === back["c"]?.ref)
    #expect(back["a"]?.ref(as: RefTree.self)?.value["w"]?.ref === back["b"]?.ref)
    #expect(back["a"]?.ref?.collection == "modules")
    #expect(try deref(back).scalars() == expected)
  }

  @Test func aRefInARef() throws {
    let inner = Ref(1)
    let outer = Ref<RefTree>(.ref(inner))
    let dereffed = try deref([.ref(outer), .ref(inner)])
    #expect(
      try dereffed.scalars() == [
        .value(Value(.value(Value(.leaf(.int(1)), index: 1)), index: 0)), .index(Index(1)),
      ])
    let back = try reref(dereffed)
    #expect(back[0]?.ref(as: RefTree.self)?.value.ref === back[1]?.ref)
  }

  @Test func cyclesClose() throws {
    let a = Ref<RefTree>(.none)
    let b = Ref<RefTree>(["back": .ref(a)])
    a.value = ["next": .ref(b), "self": .ref(a)]
    let dereffed = try deref(.ref(a))
    let expected: Tree<Scalar> = .value(
      Value(
        ["next": .value(Value(["back": .index(Index(0))], index: 1)), "self": .index(Index(0))], index: 0))
    #expect(try dereffed.scalars() == expected)
    let again = try #require(reref(dereffed).ref(as: RefTree.self))
    #expect(again.value["self"]?.ref === again)
    #expect(again.value["next"]?.ref(as: RefTree.self)?.value["back"]?.ref === again)
    #expect(try deref(.ref(again)).scalars() == expected)
    // Break the cycles, or nothing frees them.
    a.value = .none
    again.value = .none
  }

  @Test func staticValuesAndTextInRefs() throws {
    let tree: RefTree = [
      .ref(Ref("relu")), .ref(Ref<StaticValue>(3)), .static(Static("gelu")), .ref(Ref(true)),
    ]
    let dereffed = try deref(tree)
    #expect(
      try dereffed.scalars() == [
        .value(Value(.static("relu"), index: 0)), .value(Value(.static(3), index: 1)), .static("gelu"),
        .value(Value(.leaf(.bool(true)), index: 2)),
      ])
    #expect(dereffed.leafCount == 1)
    let text = Ref("x")
    try updateRefs(.ref(text) as RefTree, .value(Value(.static("y"), index: 0)) as Tree<Leaf>)
    #expect(text.value == "y")
    #expect(throws: RefxError.self) {
      try updateRefs(.ref(text) as RefTree, .value(Value(.static(4), index: 0)) as Tree<Leaf>)
    }
  }

  @Test func derefsBeforeRefsPassThrough() throws {
    let live: RefTree = [.value(Value(.leaf(5), index: 3)), .index(Index(3)), .ref(Ref(1)), .ref(Ref(2))]
    let dereffed = try deref(live)
    // New numbers follow those that passed, so that the tree stays sound.
    #expect(
      try dereffed.scalars() == [
        .value(Value(.leaf(.int(5)), index: 3)), .index(Index(3)), .value(Value(.leaf(.int(1)), index: 4)),
        .value(Value(.leaf(.int(2)), index: 5)),
      ])
    #expect(try reref(dereffed).leaves().count == 4)
    #expect(throws: RefxError.self) { try deref([.index(Index(.max)), .ref(Ref(1))] as RefTree) }
  }

  @Test func anyDistinctIndexesAreRead() throws {
    let tree: Tree<Leaf> = [
      .value(Value(.leaf(1), index: 1_000_000_007)), .value(Value(.leaf(2), index: -5)),
      .value(Value(.leaf(3), index: .max)), .index(Index(-5)), .index(Index(.max)),
    ]
    let live = try reref(tree)
    #expect(live[1]?.ref === live[3]?.ref && live[2]?.ref === live[4]?.ref)
    #expect(try deref(live).scalars()[3] == .index(Index(1)))
  }

  @Test func depthIsLimited() throws {
    func nest(_ depth: Int) -> RefTree {
      var tree: RefTree = .leaf(1)
      for _ in 0..<depth { tree = [tree] }
      return tree
    }
    #expect(try reref(deref(nest(maximumTreeDepth))).leafCount == 1)
    let error = #expect(throws: RefxError.self) { try deref(nest(maximumTreeDepth + 1)) }
    #expect(error?.code == .limit)
    var dereffed: Tree<Leaf> = .leaf(1)
    for _ in 0...maximumTreeDepth { dereffed = ["a": dereffed] }
    #expect(throws: RefxError.self) { try reref(dereffed) }
    var refs = Ref<RefTree>(.leaf(1))
    for _ in 0...maximumTreeDepth { refs = Ref<RefTree>(.ref(refs)) }
    #expect(throws: RefxError.self) { try deref(.ref(refs)) }
  }

  @Test func flattenAndBack() throws {
    let (r1, r2) = (Ref(1, collection: "params"), Ref(2))
    let tree: RefTree = ["a": [.ref(r1), .ref(r1), .leaf(3)], "b": .ref(r2), "c": .none]
    let dereffed = try deref(tree)

    let (leaves, structure) = try derefFlatten(tree)
    #expect(leaves.count == 4)
    #expect(leaves.map(\.kindName) == ["a Value", "an Index", "a leaf", "a Value"])
    #expect(try structure.unflattenNodes(leaves).scalars() == dereffed.scalars())

    let live = try rerefUnflatten(structure, leaves)
    #expect(live["a", 0]?.ref === live["a", 1]?.ref)
    #expect(try deref(live).scalars() == dereffed.scalars())

    let (refs, same) = try rerefFlatten(dereffed)
    #expect(same == structure)
    #expect(refs[0].ref === refs[1].ref)
    #expect(try derefUnflatten(structure, refs).scalars() == dereffed.scalars())

    #expect(throws: RefxError.self) { try derefUnflatten(structure, [.leaf(1)]) }
    #expect(throws: RefxError.self) { try rerefUnflatten(structure, []) }
    let error = #expect(throws: RefxError.self) {
      try rerefUnflatten(structure, [leaves[0], leaves[0], leaves[2], leaves[3]])
    }
    #expect(error?.path == ["a", "1"])
  }

  @Test func treesTakenApart() throws {
    let tree: Tree<Leaf> = [
      "v": .value(Value([.leaf(1), .leaf(2)], index: 0, collection: "params")), "i": .index(Index(0)),
      "n": .nothing, "s": .static("x"), "t": .tuple([.leaf(3), .none]),
    ]
    let (leaves, structure) = tree.flatten()
    #expect(leaves.count == 3 && structure.leafCount == 3)
    #expect(structure.paths == [["t", "0"], ["v", "0"], ["v", "1"]])
    #expect(try structure.unflatten(leaves).scalars() == tree.scalars())
    #expect(try structure.unflatten([10, 20, 30])["v", 1] == .leaf(30))
    #expect(throws: RefxError.self) { try structure.unflatten([1, 2]) }
    #expect(
      structure.description
        == #"{"i": Index(0), "n": Nothing, "s": "x", "t": (*, None), "v": Value(0: [*, *])}"#)
    // Structures do not look at what stands at the leaves.
    #expect(tree.map { _ in 0 }.structure == structure)
    #expect(Set([structure, tree.structure]).count == 1)
  }

  @Test func dagsKeepTheirOwnNumbers() async throws {
    let shared = Ref(1)
    let dag = try Dag(["x": .ref(shared), "y": .ref(shared)])
    shared.value = 2
    let one = try dag.value()
    let two = try dag.value()
    #expect(one["x"]?.ref === one["y"]?.ref)
    #expect(one["x"]?.ref !== two["x"]?.ref)
    #expect(try one["x"]?.value() == 1)
    let sum = try await Task.detached { () -> Int in
      let inside = try dag.value()
      try #require(inside["x"]).ref(as: Leaf.self)?.value = Leaf(20)
      return try #require(inside["y"]).value()
    }.value
    #expect(sum == 20)
  }

  @Test func anAsynchronousBoundary() async throws {
    let shared = Ref(1)
    let after = try await crossingBoundary([.ref(shared), .ref(shared)]) { crossing in
      let inside = try reref(crossing)
      try inside[0]?.ref(as: Leaf.self)?.set(Leaf(5))
      await Task.yield()
      #expect(throws: RefxError.self) { try withTraceLevel { try deref(inside) } }
      return try deref(inside)
    }
    #expect(after[0]?.ref === after[1]?.ref)
    #expect(try after[1]?.value() == 5)
    #expect(shared.value == 1)
  }
}

extension Structure {
  /// Puts nodes back, by way of the public functions.
  func unflattenNodes(_ nodes: [Tree<Leaf>]) throws -> Tree<Leaf> {
    try unflatten(Array(nodes.indices)).flatMap { nodes[$0] }
  }
}
