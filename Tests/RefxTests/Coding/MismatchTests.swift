import Testing

@testable import Refx

/// Every difference is listed, by path, in words that these tests fix.
@Suite struct MismatchTests {
  struct Model: Codable {
    var step: Int
    var name: String
    var row: [Float]
    var weight: Ref<Tensor>
    var bias: Ref<Tensor>?
    var layers: [Layer]
    var kind: Activation
    var table: [String: Float]
    struct Layer: Codable {
      var a: Float
      var b: Ref<[Float]>
    }
  }

  static let fitting: Tree<Leaf> = [
    "step": .leaf(Leaf(1)), "name": .static("n"), "row": .leaf(Leaf([1, 2] as [Float])),
    "weight": .value(Value(.leaf(Leaf([1] as [Float])), index: 0, collection: "params")), "bias": .none,
    "layers": [["a": .leaf(Leaf(1 as Float)), "b": .value(Value(.leaf(Leaf([1] as [Float])), index: 1))]],
    "kind": .static("relu"), "table": ["k": .leaf(Leaf(1 as Float))],
  ]

  @Test func theFittingTreeFits() throws {
    let model = try TreeDecoder().decode(Model.self, from: MismatchTests.fitting)
    #expect(
      model.step == 1 && model.kind == .relu && model.bias == nil && model.weight.collection == "params")
  }

  @Test func everyDifferenceIsListed() {
    let tree: Tree<Leaf> = [
      "step": .leaf(Leaf(1 as Int32)), "row": .leaf(Leaf(Tensor([1, 2] as [Float], shape: [1, 2]))),
      "weight": .leaf(Leaf([1] as [Float])), "name": ["x": .none],
      "layers": [
        ["a": .value(Value(.leaf(Leaf(1 as Float)), index: 0)), "b": .index(Index(0)), "c": .none],
        ["b": .value(Value(.static("s"), index: 1))],
      ],
      "kind": .static("tanh"), "more": ["a": .none], "table": [.none],
    ]
    let error = refusal { try TreeDecoder().decode(Model.self, from: tree) }
    #expect(error?.code == .mismatch)
    #expect(
      error?.description == """
        the checkpoint does not fit the model in 13 places; nothing was assigned
          bias: missing: expected none or Ref<Tensor>
          kind: type: expected Activation, found "tanh" (Cannot initialize Activation from invalid String value tanh)
          layers/0/a: topology: expected a plain value, found a Ref
          layers/0/b: shape: expected float32 [n], found float32 []
          layers/0/c: unexpected: found none
          layers/1/a: missing: expected float32 []
          layers/1/b: structure: expected float32 [n], found "s"
          more: unexpected: found a dictionary
          name: structure: expected a string, found a dictionary
          row: shape: expected float32 [n], found float32 [1, 2]
          step: dtype: expected int64, found int32
          table: structure: expected a dictionary, found a list
          weight: topology: expected a Ref, found float32 [1] that is not shared
        """)
  }

  @Test func whatIsMissingIsListedLeafByLeaf() {
    let error = refusal { try TreeDecoder().decode([String: Model].self, from: ["m": [:] as Tree<Leaf>]) }
    #expect(
      error?.details == [
        "m/bias: missing: expected none or Ref<Tensor>", "m/kind: missing: expected a string",
        "m/layers: missing: expected a list", "m/name: missing: expected a string",
        "m/row: missing: expected float32 [n]", "m/step: missing: expected int64 []",
        "m/table: missing: expected a dictionary", "m/weight: missing: expected a leaf",
      ])
  }

  @Test func leniencyIsByName() throws {
    struct Lenient: Codable {
      var a: Int?
      var b: Ref<Int>
      var c: Int
    }
    let tree: Tree<Leaf> = [
      "b": .leaf(Leaf(2)), "c": .value(Value(.leaf(Leaf(3)), index: 0)), "d": .none,
    ]
    let all: [Leniency] = [.missingOptionals, .plainForRef, .refForPlain, .unexpected]
    for missing in all.indices {
      let others = all.indices.filter { $0 != missing }.map { all[$0] }
      let error = refusal {
        try TreeDecoder(allowing: Leniency(others)).decode(Lenient.self, from: tree)
      }
      #expect(error?.details.count == 1)
    }
    let model = try TreeDecoder(allowing: Leniency(all)).decode(Lenient.self, from: tree)
    #expect(model.a == nil && model.b.value == 2 && model.c == 3)
  }

  @Test func anotherKindOfEachNode() {
    struct One: Codable { var x: Int }
    for (tree, words) in [
      (.none, "none"), (.nothing, "nothing"), (.hole, "a hole: its content is in another part"),
      (.static(3), "3"), (.list([]), "a list"), (.tuple([]), "a tuple"), (["y": .none], "a dictionary"),
    ] as [(Tree<Leaf>, String)] {
      let error = refusal { try TreeDecoder().decode(One.self, from: ["x": tree]) }
      #expect(error?.details == ["x: structure: expected int64 [], found \(words)"])
    }
  }

  @Test func modelsThatTryOneFormAfterAnother() throws {
    struct Either: Codable, Equatable {
      var text: String
      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
          text = "\(number)"
        } else {
          text = try container.decode(String.self)
        }
      }
    }
    #expect(
      try TreeDecoder().decode([Either].self, from: [.static("a"), .leaf(Leaf(3))]).map(\.text) == ["a", "3"])
  }

  @Test func whatTheModelRefusesIsSaid() {
    struct Positive: Codable {
      var x: Int
      struct Negative: Error, CustomStringConvertible { var description: String { "it is negative" } }
      init(from decoder: any Decoder) throws {
        x = try decoder.singleValueContainer().decode(Int.self)
        if x < 0 { throw Negative() }
      }
    }
    let error = refusal {
      try TreeDecoder().decode([Positive].self, from: [.leaf(Leaf(1)), .leaf(Leaf(-1))])
    }
    #expect(error?.details == ["1: type: expected Positive, found int64 [] (it is negative)"])
  }

  // MARK: Hostile trees

  @Test func indexesWithoutValuesAreRefused() {
    let before: Tree<Leaf> = [.index(Index(0)), .value(Value(.leaf(Leaf(1)), index: 0))]
    #expect(refusal { try TreeDecoder().decode([Ref<Int>].self, from: before) }?.code == .refusal)
    let twice: Tree<Leaf> = [
      .value(Value(.leaf(Leaf(1)), index: 7)), .value(Value(.leaf(Leaf(1)), index: 7)),
    ]
    #expect(
      refusal { try TreeDecoder().decode([Ref<Int>].self, from: twice) }?.summary.hasPrefix(
        "1: value already exists")
        == true)
    let far: Tree<Leaf> = [
      .value(Value(.leaf(Leaf(1)), index: .max)), .value(Value(.leaf(Leaf(2)), index: .min)),
    ]
    #expect(throws: Never.self) { try TreeDecoder().decode([Ref<Int>].self, from: far) }
  }

  @Test func deepTreesAreRefused() {
    struct Deep: Codable { var next: [Deep] }
    func tree(_ depth: Int) -> Tree<Leaf> {
      var tree: Tree<Leaf> = ["next": []]
      for _ in 0..<depth { tree = ["next": [tree]] }
      return tree
    }
    #expect(throws: Never.self) { try TreeDecoder().decode(Deep.self, from: tree(498)) }
    #expect(refusal { try TreeDecoder().decode(Deep.self, from: tree(500)) }?.code == .limit)
  }

  @Test func deepModelsAreRefused() throws {
    struct Deep: Codable { var next: [Deep] }
    func model(_ depth: Int) -> Deep {
      var model = Deep(next: [])
      for _ in 0..<depth { model = Deep(next: [model]) }
      return model
    }
    #expect(throws: Never.self) { try TreeEncoder().encode(model(498)) }
    #expect(refusal { try TreeEncoder().encode(model(600)) }?.code == .limit)
    #expect(refusal { try TreeEncoder().encode(model(5000)) }?.code == .limit)
  }

  @Test func ringsOfValuesEnd() {
    // A struct that the file makes contain itself.
    struct Plain: Codable { var x: [Plain] }
    let ring: Tree<Leaf> = .value(Value(["x": [.index(Index(0))]], index: 0))
    #expect(
      refusal { try TreeDecoder(allowing: .refForPlain).decode(Plain.self, from: ring) }?.code == .limit)
    #expect(refusal { try TreeDecoder().decode(Plain.self, from: ring) }?.code != nil)
    let empty: Tree<Leaf> = .value(Value(.index(Index(0)), index: 0))
    #expect(
      refusal { try TreeDecoder(allowing: .refForPlain).decode(Int.self, from: empty) }?.code == .refusal)
  }
}
