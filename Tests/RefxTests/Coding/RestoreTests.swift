import Testing

@testable import Refx

/// A live model takes the values of a tree: its Refs are kept, and nothing changes where anything is refused.
@Suite struct RestoreTests {
  @Test func refsAreKeptAndTakeTheValues() throws {
    let saved = Training.make()
    saved.model.$embedding.value = Tensor([9, 9, 9, 9, 9, 9] as [Float], shape: [3, 2])
    let tree = try TreeEncoder().encode(saved)
    var model = Training.make()
    model.optimizer.step = 5
    let refs = model.optimizer.moments.map(\.first)
    let embedding = model.model.$embedding
    try TreeDecoder().restore(&model, from: tree)
    #expect(model.model.$embedding === embedding && model.model.head.weight === embedding)
    #expect(embedding.value.elements(of: Float.self) == [9, 9, 9, 9, 9, 9])
    #expect(zip(refs, model.optimizer.moments).allSatisfy { $0 === $1.first })
    #expect(model.optimizer.step == 100)
    #expect(try TreeEncoder().encode(model).text == tree.text)
  }

  @Test func onlyTheChosenCollection() throws {
    let saved = Training.make()
    saved.model.layers[0].weight = Tensor([7, 7] as [Float])
    saved.model.layers[0].mean = [8, 8]
    var model = Training.make()
    model.optimizer.step = 5
    // The optimizer is not in the file, and not asked for.
    let tree = try TreeEncoder().encode(["model": saved.model])
    try TreeDecoder().restore(&model, from: tree, select: .collection("params"))
    #expect(model.model.layers[0].weight == Tensor([7, 7] as [Float]))
    #expect(model.model.layers[0].mean == [0.5, 0])
    #expect(model.optimizer.step == 5)
    try TreeDecoder().restore(&model, from: tree, select: .paths { $0 == ["model", "layers", "0", "mean"] })
    #expect(model.model.layers[0].mean == [8, 8])
  }

  @Test func everyDifferenceIsListedAndNothingChanges() throws {
    struct Small: Codable {
      var a: Ref<Tensor>
      var b: Ref<Tensor>
      var c: Ref<Tensor>
      var d: Float
      var e: Ref<Tensor>?
      var f: Static<String>
      var g: [Int]
    }
    func tensor(_ count: Int) -> Tensor { Tensor([Float](repeating: 1, count: count)) }
    let shared = Ref(tensor(2), collection: "params")
    var model = Small(a: shared, b: shared, c: Ref(tensor(3)), d: 1, e: nil, f: Static("x"), g: [1])
    let before = try TreeEncoder().encode(model).text
    let tree: Tree<Leaf> = [
      "a": .value(Value(.leaf(Leaf(tensor(2))), index: 0, collection: "other")),
      "b": .value(Value(.leaf(Leaf(tensor(2))), index: 1)), "c": .leaf(Leaf(tensor(4))),
      "d": .leaf(Leaf(1.0)),
      "e": .value(Value(.leaf(Leaf(tensor(2))), index: 2)), "f": .static("y"), "h": .none,
    ]
    let error = refusal { try TreeDecoder().restore(&model, from: tree) }
    #expect(
      error?.details == [
        "a: collection: expected params, found other",
        "b: collection: expected params, found none",
        "b: topology: expected one value at a, b, found 2 values: a | b; the checkpoint's values are equal byte for byte",
        "c: shape: expected [3], found [4]",
        "c: topology: expected a Ref, found a value that is not shared",
        "d: dtype: expected float32, found float64",
        "e: structure: expected none, found float32 [2]",
        "e: topology: expected a plain value, found a Ref",
        "f: static: expected \"x\", found \"y\"",
        "g: missing: expected int64 [1]",
        "h: unexpected: found none",
      ])
    #expect(try TreeEncoder().encode(model).text == before)
  }

  @Test func tiesOfTheFileThatTheModelLacks() throws {
    struct Pair: Codable {
      var a: Ref<Int>
      var b: Ref<Int>
    }
    let shared = Ref(1)
    let tree = try TreeEncoder().encode(Pair(a: shared, b: shared))
    var model = Pair(a: Ref(2), b: Ref(3))
    #expect(
      refusal { try TreeDecoder().restore(&model, from: tree) }?.details == [
        "b: topology: expected 2 values: a | b, found one value at a, b; the model's values differ"
      ])
    #expect(model.a.value == 2 && model.b.value == 3)
  }

  @Test func classInstancesAreKept() throws {
    struct Kennel: Codable {
      var dog: Dog
      var again: Dog
      var other: Dog
    }
    let dog = Dog(), other = Dog()
    var model = Kennel(dog: dog, again: dog, other: other)
    let saved = Dog(), savedOther = Dog()
    saved.weight.value = 3
    savedOther.weight.value = 4
    try TreeDecoder().restore(
      &model, from: TreeEncoder().encode(Kennel(dog: saved, again: saved, other: savedOther)))
    #expect(model.dog === dog && model.again === dog && model.other === other)
    #expect(dog.weight.value == 3 && other.weight.value == 4)
    saved.legs = 3
    savedOther.weight.value = 5
    let tree = try TreeEncoder().encode(Kennel(dog: saved, again: saved, other: savedOther))
    #expect(
      refusal { try TreeDecoder().restore(&model, from: tree) }?.details == [
        "again/super/legs: value: expected the value that is there: nothing here can be assigned, found another int64 []"
      ])
    #expect(other.weight.value == 4)
  }

  @Test func aRefWithAStructOfRefs() throws {
    struct Inner: Codable {
      var scale: Float
      var weight: Ref<Float>
    }
    var model = Ref(Inner(scale: 1, weight: Ref(2, collection: "params")), collection: "outer")
    let weight = model.value.weight
    let saved = Ref(Inner(scale: 5, weight: Ref(6, collection: "params")), collection: "outer")
    let tree = try TreeEncoder().encode(saved)
    let ref = model
    try TreeDecoder().restore(&model, from: tree, select: .collection("outer"))
    #expect(model === ref && model.value.scale == 5 && model.value.weight === weight && weight.value == 2)
    try TreeDecoder().restore(&model, from: tree)
    #expect(model.value.weight === weight && weight.value == 6)
  }

  @Test func cyclesAreRestored() throws {
    func ring(_ names: [String]) -> RingNode {
      let nodes = names.map { RingNode($0) }
      for position in nodes.indices { nodes[position].next.value = nodes[(position + 1) % nodes.count] }
      return nodes[0]
    }
    var model = ring(["a", "b", "c"])
    let root = model
    try TreeDecoder().restore(&model, from: TreeEncoder().encode(ring(["a", "b", "c"])))
    #expect(model === root && model.next.value?.next.value?.next.value === root)
    let tree = try TreeEncoder().encode(ring(["a", "B", "c"]))
    #expect(
      refusal { try TreeDecoder().restore(&model, from: tree) }?.details == [
        "next/name: static: expected \"b\", found \"B\""
      ])
  }

  @Test func whatCannotBeWrittenRefusesEverything() throws {
    struct Two: Codable {
      var a: Ref<Int>
      var b: Ref<Int>
    }
    var model = Two(a: Ref(1, collection: "params"), b: Ref(2, collection: "frozen"))
    let tree = try TreeEncoder().encode(Two(a: Ref(3, collection: "params"), b: Ref(4, collection: "frozen")))
    let error = mutable({ $0 != "frozen" }) { refusal { try TreeDecoder().restore(&model, from: tree) } }
    #expect(error?.code == .notMutable)
    #expect(error?.path == ["b"])
    #expect(model.a.value == 1 && model.b.value == 2)
  }

  @Test func leniencies() throws {
    struct Some: Codable {
      var a: Ref<Int>
      var b: Ref<Int>
      var c: Int
    }
    let shared = Ref(1, collection: "p")
    var model = Some(a: shared, b: shared, c: 3)
    try TreeDecoder(allowing: [.plainForRef, .missing, .unexpected]).restore(
      &model, from: ["a": .leaf(Leaf(7)), "b": .leaf(Leaf(7)), "d": .none])
    #expect(model.a === shared && shared.value == 7 && model.c == 3)
    // Two plain values for one Ref must agree.
    let apart = refusal {
      try TreeDecoder(allowing: [.plainForRef, .missing]).restore(
        &model, from: ["a": .leaf(Leaf(8)), "b": .leaf(Leaf(9))])
    }
    #expect(apart?.details.count == 1)
    #expect(shared.value == 7)
  }

  @Test func liveTreesOfModels() throws {
    let model = Training.make()
    let tree = try TreeEncoder().refTree(of: model)
    #expect(tree["model", "embedding"]?.ref === model.model.$embedding)
    #expect(tree["optimizer", "moments", 1, "parameter"]?.ref === model.model.layers[0].$weight)
    #expect(try tree.dereffed().text == TreeEncoder().encode(model).text)
    func isParam(_ node: RefTree) -> Bool { node.ref?.collection == "params" }
    let parts = treePartition(tree, isParam).partitions
    let saved = Training.make()
    saved.model.$embedding.value = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [3, 2])
    try updateRefs(parts[0], treePartition(TreeEncoder().refTree(of: saved), isParam).partitions[0])
    #expect(model.model.embedding.elements(of: Float.self) == [0, 0, 0, 0, 0, 0])
  }

  @Test func updateWritesRefsOfCodableTypes() throws {
    struct Inner: Codable, Equatable {
      var scale: Float
      var name: String
    }
    let target = Ref(Inner(scale: 1, name: "n")), source = Ref(Inner(scale: 2, name: "n"))
    try updateRefs(TreeEncoder().refTree(of: [target]), TreeEncoder().refTree(of: [source]))
    #expect(target.value == Inner(scale: 2, name: "n"))
    #expect(target !== source)
  }

  /// A Ref that is chosen by a later site brings the Refs inside it, which stand under its first site alone.
  @Test func aLaterSiteBringsWhatIsInside() throws {
    struct Inner: Codable {
      var scale: Float
      var weight: Ref<Float>
    }
    struct Pair: Codable {
      var a: Ref<Inner>
      var b: Ref<Inner>
    }
    func pair(_ number: Float) -> Pair {
      let shared = Ref(Inner(scale: number, weight: Ref(number)))
      return Pair(a: shared, b: shared)
    }
    var model = pair(1)
    let weight = model.a.value.weight
    try TreeDecoder().restore(&model, from: TreeEncoder().encode(pair(2)), select: .paths { $0 == ["b"] })
    #expect(model.a.value.scale == 2 && weight.value == 2)
    #expect(model.a === model.b && model.a.value.weight === weight)
  }
}
