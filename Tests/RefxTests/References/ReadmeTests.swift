import Refx
import Testing

/// The examples of the original's README, in Swift.
@Suite struct ReadmeExamples {
  @Test func oneRefAtSeveralPlaces() throws {
    let r1 = Ref(1)
    let r2 = Ref(2)
    let tree: RefTree = ["a": [.ref(r1), .ref(r1), .ref(r2)], "b": .ref(r2)]

    tree["a", 0]?.ref(as: Int.self)?.value = 10

    #expect(try tree["a", 1]?.value() == 10)
    #expect(tree["a", 0]?.ref(as: Int.self) === r1)
  }

  @Test func derefAndRerefAroundABoundary() throws {
    let r1 = Ref(1)
    let r2 = Ref(2)
    let tree: RefTree = ["a": [.ref(r1), .ref(r1), .ref(r2)], "b": .ref(r2)]
    let crossing = try deref(tree)

    let returned: Tree<Leaf> = try withTraceLevel {
      let inside = try reref(crossing)
      inside["a", 2]?.ref(as: Leaf.self)?.value = Leaf(50)
      return try deref(inside)
    }

    let after = try reref(returned)
    #expect(try after["b"]?.value() == 50)
    #expect(try after["a", 0]?.value() == 1)
    #expect(after["a", 2]?.ref === after["b"]?.ref)
    #expect(r2.value == 2)
  }

  @Test func aRefOfAnotherLevelIsRefused() throws {
    let r = Ref(1.0)
    withTraceLevel {
      _ = #expect(throws: RefxError.self) { try r.set(2) }
    }
    #expect(r.value == 1)
  }

  private func taggedTree() -> (tree: RefTree, r1: Ref<Int>, r2: Ref<Int>) {
    let r1 = Ref(1, collection: "params")
    let r2 = Ref(2, collection: "batch_stats")
    return (["a": [.ref(r1), .ref(r1), .ref(r2)], "b": .ref(r2)], r1, r2)
  }

  @Test func partitionsByCollection() throws {
    let (tree, r1, r2) = taggedTree()
    let (parts, structure) = treePartition(tree, { $0.isReference(in: "params") })
    let (params, rest) = (parts[0], parts[1])

    #expect(params.paths == [["a", "0"], ["a", "1"], ["a", "2"], ["b"]])
    #expect(params["a", 0]?.ref === r1)
    #expect(params["a", 1]?.ref === r1)
    #expect(params["a", 2]?.isVacant == true)
    #expect(params["b"]?.isVacant == true)
    #expect(rest["a", 0]?.isVacant == true)
    #expect(rest["a", 1]?.isVacant == true)
    #expect(rest["a", 2]?.ref === r2)
    #expect(rest["b"]?.ref === r2)
    #expect(params["c"] == nil)

    let merged = try mergePartitions(parts, structure)
    #expect(merged["a", 0]?.ref === r1)
    #expect(merged["b"]?.ref === r2)
  }

  @Test func onePartitionAlone() {
    let (tree, r1, _) = taggedTree()
    let params = getPartition(tree, byCollection("params"))
    #expect(params.leaves.map { $0.ref === r1 } == [true, true, false, false])
    #expect(params.filledCount == 2)
  }

  /// The original tests its dereffed leaves for `Ref`, which none of them is; here they are tested for being
  /// any Referential of the collection.
  @Test func gradientDescentOverAPartition() throws {
    let w = Ref(3.0, collection: "params")
    let mean = Ref(10.0, collection: "batch_stats")
    let tree: RefTree = ["w": [.ref(w), .ref(w)], "mean": .ref(mean)]

    let (parts, structure) = treePartition(try deref(tree), byCollection("params"))
    let (params, rest) = (parts[0], parts[1])
    #expect(params.filledCount == 2)

    func loss(_ params: Partition<Leaf>) throws -> Double {
      let whole = try reref(mergePartitions([params, rest], structure))
      let first: Double = try #require(whole["w", 0]).value()
      let second: Double = try #require(whole["w", 1]).value()
      return first * first + second
    }
    let grads = try params.map { leaf in
      let step = 1e-6
      let up = try loss(params.map { Leaf(try Double(leaf: $0) + step) })
      let down = try loss(params.map { Leaf(try Double(leaf: $0) - step) })
      return Leaf((up - down) / (2 * step))
    }
    let stepped = try params.map(with: grads) { Leaf(try Double(leaf: $0) - 0.1 * Double(leaf: $1)) }
    try updateRefs(getPartition(tree, byCollection("params")), stepped)

    #expect(abs(w.value - (3 - 0.1 * 7)) < 1e-6)
    #expect(mean.value == 10)
  }
}
