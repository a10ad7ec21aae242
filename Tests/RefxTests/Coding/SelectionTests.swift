import Synchronization
import Testing

@testable import Refx

/// What a restore takes, and that it looks at nothing else.
@Suite struct SelectionTests {
  struct Model: Codable {
    @RefField(collection: "params") var weight: [Float]
    @RefField(collection: "batch_stats") var mean: [Float]
    var other: Ref<[Float]>
    var step: Int
    var layers: [Float]

    init(_ number: Float) {
      other = Ref([number])
      step = Int(number)
      layers = []
      weight = [number]
      mean = [number]
    }

    /// Which members are those of the file.
    var taken: String {
      (weight == [9] ? "w" : "") + (mean == [9] ? "m" : "") + (other.value == [9] ? "o" : "")
        + (step == 9 ? "s" : "")
    }
  }

  private func taken(_ selection: RestoreSelection) throws -> String {
    var model = Model(1)
    try TreeDecoder().restore(&model, from: TreeEncoder().encode(Model(9)), select: selection)
    return model.taken
  }

  @Test func selectionsAreJoined() throws {
    #expect(try taken(.all) == "wmos")
    #expect(try taken(.collection("params")) == "w")
    #expect(try taken(.collection(nil)) == "o")
    #expect(try taken(.collections(["params", "batch_stats"])) == "wm")
    #expect(try taken(.collections(["params", nil])) == "wo")
    #expect(try taken([.collection("params"), .paths { $0 == ["step"] }]) == "ws")
    #expect(try taken(.collection("params").union(.paths { $0 == ["mean"] || $0 == ["weight"] })) == "wm")
    #expect(try taken([.collection("params"), .all]) == "wmos")
    // What is there and empty can be chosen.
    #expect(try taken([.collection("params"), .paths { $0 == ["layers"] }]) == "w")
  }

  @Test func whatChoosesNothingIsRefused() throws {
    for (selection, words) in [
      (.collection("param"), "the collection param"),
      (.collections(["params", "stats"]), "the collection stats"),
      (.paths(named: "enc/**") { $0 == ["enc"] }, "enc/**"), ([.all, .collection("x")], nil),
      ([], "an empty selection"), (.collections([]), "an empty selection"),
    ] as [(RestoreSelection, String?)] {
      let error = refusal { try taken(selection) }
      #expect(
        error?.summary
          == words.map {
            "the selection of \($0) chooses nothing in the model, so nothing was assigned; name a collection of the model (batch_stats, params), or the paths of leaves and Refs"
          })
    }
    var model = Model(1)
    let error = refusal {
      try TreeDecoder().restore(
        &model, from: ["weight": .leaf(Leaf([9] as [Float]))], select: .collections(["params", "stats"]))
    }
    #expect(error?.details.last == "the selection of the collection stats chooses nothing in the model")
    #expect(error?.details.count == 2)
  }

  /// Only the Refs that a path chose bring the Refs inside them.
  @Test func theInsideOfAJoinedSelection() throws {
    struct Inner: Codable {
      var scale: Float
      var weight: Ref<Float>
    }
    func model(_ number: Float) -> [String: Ref<Inner>] {
      [
        "a": Ref(Inner(scale: number, weight: Ref(number)), collection: "outer"),
        "b": Ref(Inner(scale: number, weight: Ref(number))),
      ]
    }
    var live = model(1)
    try TreeDecoder().restore(
      &live, from: TreeEncoder().encode(model(9)), select: [.collection("outer"), .paths { $0 == ["b"] }])
    #expect(live["a"]?.value.scale == 9 && live["a"]?.value.weight.value == 1)
    #expect(live["b"]?.value.scale == 9 && live["b"]?.value.weight.value == 9)
  }

  /// A chosen Ref that is missing is said even where it stands in another one that is missing and holds nothing else.
  @Test func whatIsMissingInsideOfWhatIsMissing() throws {
    struct Inner: Codable { var weight: Ref<Float> }
    struct Model: Codable {
      var outer: Ref<Inner>
      var other: Ref<Float>
    }
    func make(_ number: Float) -> Model {
      Model(
        outer: Ref(Inner(weight: Ref(number, collection: "p")), collection: "p"),
        other: Ref(number, collection: "p"))
    }
    var model = make(1)
    let tree: Tree<Leaf> = ["other": .value(Value(.leaf(Leaf(9 as Float)), index: 0, collection: "p"))]
    let error = refusal { try TreeDecoder().restore(&model, from: tree, select: .collection("p")) }
    #expect(error?.details == ["outer/weight: missing: expected float32 []"])
    #expect(model.other.value == 1)
    try TreeDecoder(allowing: .missing.only(at: "outer", { $0 == ["outer"] })).restore(
      &model, from: tree, select: .collection("p"))
    #expect(model.other.value == 9 && model.outer.value.weight.value == 1)
  }

  // MARK: Payload

  /// Counts what is read, and refuses it where it is damaged.
  private final class CountingSource: LeafSource {
    let number: Float
    let isDamaged: Bool
    private let bytesRead = Mutex(0)

    init(_ number: Float, isDamaged: Bool = false) {
      self.number = number
      self.isDamaged = isDamaged
    }

    var byteCount: Int { 4 * 1000 }
    var count: Int { bytesRead.withLock { $0 } }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
      bytesRead.withLock { $0 += buffer.count }
      if isDamaged { throw RefxError(.damaged, "the payload is damaged") }
      let all = [Float](repeating: number, count: 1000)
      all.withUnsafeBytes {
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
      }
    }
  }

  private func leaf(_ source: CountingSource) -> Tree<Leaf> {
    .leaf(Leaf(dtype: .float32, shape: [1000], source: source))
  }

  struct Large: Codable {
    @RefField(collection: "params") var a: Tensor
    @RefField(collection: "opt") var b: Tensor
    var c: Tensor

    static func tensor(_ number: Float) -> Tensor { Tensor([Float](repeating: number, count: 1000)) }

    init(_ number: Float) {
      c = Large.tensor(number)
      a = Large.tensor(number)
      b = Large.tensor(number)
    }
  }

  @Test func onlyTheChosenPayloadIsRead() throws {
    let sources = [CountingSource(5), CountingSource(6, isDamaged: true), CountingSource(7, isDamaged: true)]
    let tree: Tree<Leaf> = [
      "a": .value(Value(leaf(sources[0]), index: 0, collection: "params")),
      "b": .value(Value(leaf(sources[1]), index: 1, collection: "opt")), "c": leaf(sources[2]),
    ]
    var model = Large(1)
    try TreeDecoder().restore(&model, from: tree, select: .collection("params"))
    #expect(model.a == Large.tensor(5) && model.b == Large.tensor(1) && model.c == Large.tensor(1))
    #expect(sources.map(\.count) == [4000, 0, 0])
    // Nor is anything else written: it need not be mutable.
    try mutable({ $0 == "params" }) {
      try TreeDecoder().restore(&model, from: tree, select: .collection("params"))
    }
  }

  /// Whatever fails while values are read, none is assigned: the last leaf's payload, or a Ref's refusal.
  @Test func theLastPayloadIsDamaged() throws {
    for damaged in 0..<3 {
      let sources = (0..<3).map { CountingSource(5, isDamaged: $0 == damaged) }
      let tree: Tree<Leaf> = [
        "a": .value(Value(leaf(sources[0]), index: 0, collection: "params")),
        "b": .value(Value(leaf(sources[1]), index: 1, collection: "opt")), "c": leaf(sources[2]),
      ]
      var model = Large(1)
      let error = refusal { try TreeDecoder().restore(&model, from: tree) }
      #expect(error?.code == .damaged && error?.path == [["a", "b", "c"][damaged]])
      #expect([model.a, model.b, model.c].allSatisfy { $0 == Large.tensor(1) })
    }
    let whole = (0..<3).map { _ in CountingSource(5) }
    let tree: Tree<Leaf> = [
      "a": .value(Value(leaf(whole[0]), index: 0, collection: "params")),
      "b": .value(Value(leaf(whole[1]), index: 1, collection: "opt")), "c": leaf(whole[2]),
    ]
    var model = Large(1)
    let error = mutable({ $0 != "opt" }) { refusal { try TreeDecoder().restore(&model, from: tree) } }
    #expect(error?.code == .notMutable && error?.path == ["b"])
    #expect([model.a, model.b, model.c].allSatisfy { $0 == Large.tensor(1) })
  }

  /// Where values must be equal they are read a piece at a time and no other is.
  @Test func untiesReadTheValuesConcerned() throws {
    struct Model: Codable {
      var a: Ref<Tensor>
      var b: Ref<Tensor>
      var c: Ref<Tensor>
    }
    for (second, isFitting) in [(5, true), (6, false)] as [(Float, Bool)] {
      let sources = [CountingSource(5), CountingSource(second), CountingSource(5)]
      let shared = Ref(Large.tensor(1))
      var model = Model(a: shared, b: shared, c: Ref(Large.tensor(1)))
      let tree: Tree<Leaf> = [
        "a": .value(Value(leaf(sources[0]), index: 0)), "b": .value(Value(leaf(sources[1]), index: 1)),
        "c": .value(Value(leaf(sources[2]), index: 2)),
      ]
      let error = refusal { try TreeDecoder().restore(&model, from: tree, topology: .acceptUnties) }
      #expect((error == nil) == isFitting)
      #expect(shared.value == Large.tensor(isFitting ? 5 : 1))
      if !isFitting { #expect(sources[2].count == 0) }
    }
  }
}
