import Testing

@testable import Refx

/// Differences that are let pass at some places, and nowhere else.
@Suite struct LeniencyTests {
  struct Model: Codable {
    var head: [String: Ref<[Float]>]
    var body: [String: Ref<[Float]>]
    var step: Int
    var note: Int?

    static func make() -> Model {
      Model(head: ["w": Ref([1]), "v": Ref([2])], body: ["w": Ref([3])], step: 4, note: nil)
    }
  }

  private func under(_ key: Key) -> @Sendable (Path) -> Bool { { $0.keys.first == key } }

  private func leaf(_ number: Float) -> Tree<Leaf> { .leaf(Leaf([number])) }

  private func ref(_ number: Float, _ index: Int, _ tag: CollectionTag? = nil) -> Tree<Leaf> {
    .value(Value(leaf(number), index: index, collection: tag))
  }

  @Test func whatIsMissingAtAPlace() throws {
    let tree: Tree<Leaf> = ["body": ["w": ref(9, 0)], "step": .leaf(Leaf(5)), "note": .none]
    let bodyless: Tree<Leaf> = [
      "head": ["v": ref(1, 0), "w": ref(2, 1)], "step": .leaf(Leaf(5)), "note": .none,
    ]
    var model = Model.make()
    try TreeDecoder(allowing: [.missing.only(at: "the head", under("head"))]).restore(&model, from: tree)
    #expect(model.body["w"]?.value == [9] && model.head["w"]?.value == [1] && model.step == 5)
    let error = refusal {
      try TreeDecoder(allowing: [.missing.only(at: "the head", under("head"))]).restore(
        &model, from: bodyless)
    }
    #expect(
      error?.details == [
        "body/w: missing: expected float32 [1]",
        "nothing that is missing was found at the head, where it is allowed",
      ])
    #expect(model.head["v"]?.value == [2])
  }

  @Test func whatIsUnexpectedAtAPlace() throws {
    let extra: Tree<Leaf> = [
      "head": ["v": ref(1, 0), "w": ref(2, 1)], "body": ["w": ref(9, 2)], "step": .leaf(Leaf(5)),
      "note": .none, "ema": ["a": leaf(1), "b": ["c": leaf(2), "d": ref(3, 3)]],
    ]
    var model = Model.make()
    func details(_ allowing: Leniency) -> [String]? {
      refusal { try TreeDecoder(allowing: allowing).restore(&model, from: extra) }?.details
    }
    #expect(details([]) == ["ema: unexpected: found a dictionary"])
    #expect(details([.unexpected.only(at: "ema", under("ema"))]) == nil)
    #expect(
      details([.unexpected.only(at: "b", { $0.keys.contains("b") })]) == [
        "ema/a: unexpected: found float32 [1]"
      ])
    #expect(
      details([.unexpected.only(at: "nowhere", { _ in false })]) == [
        "ema: unexpected: found a dictionary",
        "nothing that is unexpected was found at nowhere, where it is allowed",
      ])
    // The same in a model that is made anew.
    func loaded(_ allowing: Leniency) -> [String]? {
      refusal { try TreeDecoder(allowing: allowing).decode(Model.self, from: extra) }?.details
    }
    #expect(loaded(.unexpected.only(at: "ema", under("ema"))) == nil)
    #expect(
      loaded(.unexpected.only(at: "b", { $0.keys.contains("b") })) == ["ema/a: unexpected: found float32 [1]"]
    )
  }

  @Test func eachKindAtItsPlaceAlone() throws {
    struct Pair: Codable {
      var a: Ref<[Float]>
      var b: Ref<[Float]>
    }
    struct Plain: Codable {
      var a: [Float]
      var b: [Float]
    }
    struct Optionals: Codable {
      var a: Int?
      var b: Int?
    }
    let atA: @Sendable (Path) -> Bool = { $0 == ["a"] }
    func lines<Model: Codable>(_ model: Model, _ tree: Tree<Leaf>, _ kind: Leniency) -> [[String]?] {
      [[], kind.only(at: "a", atA), kind].map { allowing in
        var model = model
        return refusal { try TreeDecoder(allowing: allowing).restore(&model, from: tree) }?.details
      }
    }
    func pair() -> Pair { Pair(a: Ref([1], collection: "p"), b: Ref([1], collection: "p")) }
    let cases: [(String, [[String]?])] = [
      ("collection", lines(pair(), ["a": ref(1, 0), "b": ref(1, 1)], .collection)),
      ("topology", lines(pair(), ["a": leaf(1), "b": leaf(1)], .plainForRef)),
      ("topology", lines(Plain(a: [1], b: [1]), ["a": ref(1, 0), "b": ref(1, 1)], .refForPlain)),
      ("missing", lines(Optionals(), [:], .missingOptionals)),
      ("missing", lines(Optionals(), [:], .missing)),
      ("missing", lines(pair(), [:], .missing)),
      (
        "shape",
        lines(
          pair(),
          [
            "a": .value(Value(.leaf(Leaf([1, 2] as [Float])), index: 0, collection: "p")),
            "b": .value(Value(.leaf(Leaf([1, 2] as [Float])), index: 1, collection: "p")),
          ], .shape)
      ),
    ]
    for (kind, lines) in cases {
      #expect(lines[0]?.map { String($0.prefix(3 + kind.utf8.count)) } == ["a: \(kind)", "b: \(kind)"])
      #expect(lines[1]?.map { String($0.prefix(3 + kind.utf8.count)) } == ["b: \(kind)"])
      #expect(lines[2] == nil)
    }
  }

  @Test func loadingAtAPlace() throws {
    struct Loaded: Codable {
      var a: Int?
      var b: Int?
      var c: Ref<Int>
      var d: Int
    }
    let tree: Tree<Leaf> = ["b": .none, "c": .leaf(Leaf(3)), "d": .value(Value(.leaf(Leaf(4)), index: 0))]
    func at(_ key: Key) -> @Sendable (Path) -> Bool { { $0 == [key] } }
    let all: [Leniency] = [
      .missingOptionals.only(at: "a", at("a")), .plainForRef.only(at: "c", at("c")),
      .refForPlain.only(at: "d", at("d")),
    ]
    let model = try TreeDecoder(allowing: Leniency(all)).decode(Loaded.self, from: tree)
    #expect(model.a == nil && model.c.value == 3 && model.d == 4)
    for elsewhere in all.indices {
      var other = all
      other[elsewhere] = other[elsewhere].only(at: "elsewhere", at("b"))
      let error = refusal { try TreeDecoder(allowing: Leniency(other)).decode(Loaded.self, from: tree) }
      // The difference, and the allowance that met none.
      #expect(error?.details.count == 2)
      #expect(error?.details.last?.contains(", elsewhere, where it is allowed") == true)
    }
  }

  /// A Ref is one unit: where its own site may be missing, so may all that it holds, and nothing else.
  @Test func aRefWithAStruct() throws {
    struct Inner: Codable {
      var scale: Float
      var bias: Float
    }
    var model = ["r": Ref(Inner(scale: 1, bias: 2)), "s": Ref(Inner(scale: 3, bias: 4))]
    let tree: Tree<Leaf> = [
      "s": .value(Value(["scale": .leaf(Leaf(7 as Float)), "bias": .leaf(Leaf(8 as Float))], index: 0))
    ]
    try TreeDecoder(allowing: .missing.only(at: "r", { $0 == ["r"] })).restore(&model, from: tree)
    #expect(model["r"]?.value.scale == 1 && model["s"]?.value.scale == 7)
    let error = refusal {
      try TreeDecoder(allowing: .missing.only(at: "s", { $0 == ["s"] })).restore(&model, from: tree)
    }
    #expect(
      error?.details.prefix(2) == [
        "r/bias: missing: expected float32 []", "r/scale: missing: expected float32 []",
      ])
  }

  /// A head of another size: the model keeps its own, the rest is restored.
  @Test func anotherShapeIsKept() throws {
    struct Two: Codable {
      var body: Ref<[Float]>
      var head: Ref<[Float]>
    }
    var model = Two(body: Ref([1]), head: Ref([1, 2]))
    let tree = try TreeEncoder().encode(Two(body: Ref([5]), head: Ref([6, 6, 6])))
    try TreeDecoder(allowing: .shape).restore(&model, from: tree)
    #expect(model.body.value == [5] && model.head.value == [1, 2])
  }
}
