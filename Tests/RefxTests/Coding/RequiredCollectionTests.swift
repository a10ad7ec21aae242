import Testing

@testable import Refx

/// A required collection takes its values from the checkpoint or nothing is assigned, whatever else is allowed.
@Suite struct RequiredCollectionTests {
  struct Model: Codable {
    @RefField(collection: "params") var weight: [Float]
    @RefField(collection: "batch_stats") var mean: [Float]
    @RefField(collection: "batch_stats") var variance: [Float]

    init(_ number: Float) {
      weight = [number]
      mean = [number]
      variance = [number]
    }
  }

  private func ref(_ tag: CollectionTag, _ count: Int, _ index: Int) -> Tree<Leaf> {
    .value(Value(.leaf(Leaf([Float](repeating: 9, count: count))), index: index, collection: tag))
  }

  private func tree(mean: Int?, variance: Int?) -> Tree<Leaf> {
    var members: [(Key, Tree<Leaf>)] = [("weight", ref("params", 1, 0))]
    if let mean { members.append(("mean", ref("batch_stats", mean, 1))) }
    if let variance { members.append(("variance", ref("batch_stats", variance, 2))) }
    return .dictionary(members)
  }

  private func restored(
    _ tree: Tree<Leaf>, _ allowing: Leniency = [], select: RestoreSelection = .all,
    requiring: [CollectionTag] = ["batch_stats"]
  ) -> RefxError? {
    var model = Model(1)
    let error = refusal {
      try TreeDecoder(allowing: allowing).restore(&model, from: tree, select: select, requiring: requiring)
    }
    if error == nil {
      #expect(model.mean == [9] && model.variance == [9])
    } else {
      #expect(model.weight == [1] && model.mean == [1] && model.variance == [1])
    }
    return error
  }

  @Test func everyWayInWhichItCouldStay() throws {
    let whole = tree(mean: 1, variance: 1)
    #expect(restored(whole) == nil)
    #expect(restored(whole, select: .collection("batch_stats")) == nil)

    let left = restored(whole, select: .collection("params"))
    #expect(
      left?.description == """
        the collection 'batch_stats' is required, and would not be restored at mean, variance; nothing was assigned
          mean: required: the selection leaves it out
          variance: required: the selection leaves it out
        """)
    #expect(
      restored(tree(mean: nil, variance: nil), .missing)?.details == [
        "mean: required: the checkpoint does not have it",
        "variance: required: the checkpoint does not have it",
      ])
    #expect(
      restored(tree(mean: 1, variance: nil), .missing.only(at: "variance", { $0 == ["variance"] }))?.details
        == [
          "variance: required: the checkpoint does not have it"
        ])
    #expect(
      restored(tree(mean: 2, variance: 1), .shape)?.details == [
        "mean: required: the checkpoint does not have all of it, or in another shape"
      ])
    #expect(
      restored(whole, requiring: ["params", "stats"])?.summary
        == "the collection 'stats' is required, and the model has no Ref of it; nothing was assigned")
    // Beside other differences it is one more line.
    #expect(
      restored(tree(mean: 2, variance: nil), .missing)?.details == [
        "mean: shape: expected [1], found [2]",
        "variance: required: the checkpoint does not have it",
      ])
  }

  @Test func aPartOfAValueIsNotTheValue() throws {
    struct Stats: Codable {
      var mean: Float
      var count: Float
    }
    var model = ["s": Ref(Stats(mean: 1, count: 1), collection: "batch_stats")]
    let tree: Tree<Leaf> = [
      "s": .value(Value(["mean": .leaf(Leaf(5 as Float))], index: 0, collection: "batch_stats"))
    ]
    let error = refusal {
      try TreeDecoder(allowing: .missing).restore(&model, from: tree, requiring: ["batch_stats"])
    }
    #expect(
      error?.details == ["s: required: the checkpoint does not have all of it, or in another shape"])
    #expect(model["s"]?.value.mean == 1)
    try TreeDecoder(allowing: .missing).restore(&model, from: tree)
    #expect(model["s"]?.value.mean == 5 && model["s"]?.value.count == 1)
  }

  @Test func loading() throws {
    struct Loaded: Codable {
      var weight: Ref<[Float]>
      var mean: Ref<[Float]>?
    }
    func loaded(_ tree: Tree<Leaf>, _ allowing: Leniency) -> RefxError? {
      refusal {
        try TreeDecoder(allowing: allowing).decode(Loaded.self, from: tree, requiring: ["batch_stats"])
      }
    }
    #expect(loaded(tree(mean: 1, variance: nil), []) == nil)
    let dropped = loaded(tree(mean: 1, variance: 1), .unexpected)
    #expect(
      dropped?.description == """
        the collection 'batch_stats' is required, and would not be restored at variance; nothing was assigned
          variance: required: the model does not take it
        """)
    #expect(
      loaded(tree(mean: nil, variance: nil), .missingOptionals)?.summary
        == "the collection 'batch_stats' is required, and the checkpoint has no Ref of it; nothing was assigned"
    )
    // A plain copy of a shared value takes it too.
    struct Plain: Codable {
      var weight: Ref<[Float]>
      var mean: [Float]
    }
    let model = try TreeDecoder(allowing: .refForPlain).decode(
      Plain.self, from: tree(mean: 1, variance: nil), requiring: ["batch_stats"])
    #expect(model.mean == [9])
  }
}
