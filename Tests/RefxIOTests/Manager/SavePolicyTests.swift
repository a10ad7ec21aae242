import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

/// Policies by path and by collection: which decides, what comes back, and what is refused.
@Suite struct SavePolicyTests {
  let scratch = ScratchFolder()

  private struct Moments: Codable {
    var mean = Tensor((0..<50).map { Float($0) / 7 })
    var square = Tensor((0..<50).map { Float($0) / 3 })
    var narrow = Tensor((0..<8).map { Float16($0) })
    var count = Tensor([7] as [Int64])
  }

  private struct Model: Codable {
    @RefField(collection: "params") var weights = Tensor((0..<50).map { Float($0) / 7 })
    @RefField(collection: "params") var head = Tensor([0] as [Float])
    @RefField(collection: "optimizer") var moments = Moments()
    @RefField(collection: "optimizer") var wide = Tensor((0..<50).map { Double($0) / 7 })
    @RefField(collection: "cache") var cache = Tensor([1, 2] as [Float])
    var plain = Tensor((0..<50).map { Float($0) / 9 })

    init() { $head = $weights }
  }

  private func opened(
    _ policies: [SavePolicy], select: [Selector] = [], format: FormatName = .refx,
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> CheckpointManager {
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    settings.policies = policies
    settings.select = select
    settings.format = format
    settings.warn = warn
    return try CheckpointManager(scratch.file("run"), settings: settings)
  }

  private func clean() { scratch.removeFolder("run") }

  /// The dtypes of the arrays, by their paths; nil stands for a hole.
  private func dtypes(_ tree: Tree<Leaf>) throws -> [String: DType] {
    var found: [String: DType] = [:]
    try tree.forEachSite { site in
      if case .leaf(let leaf) = site.content { found[site.path.text] = leaf.dtype }
    }
    return found
  }

  private static let asItIs: [String: DType] = [
    "weights": .float32, "head": .float32, "moments/mean": .float32, "moments/square": .float32,
    "moments/narrow": .float16, "moments/count": .int64, "wide": .float64, "cache": .float32,
    "plain": .float32,
  ]

  /// Policies, and what differs from the model in the file; an empty name is a hole.
  private static func table() throws -> [(policies: [SavePolicy], differs: [String: DType?])] {
    [
      ([], [:]),
      ([try .path("moments/square", dtype: .bfloat16)], ["moments/square": .bfloat16]),
      ([try .path("**/mean", dtype: .float16)], ["moments/mean": .float16]),
      ([try .path("moments", dtype: .float16)], ["moments/mean": .float16, "moments/square": .float16]),
      ([try .path("moments/*", dtype: .bfloat16)], ["moments/mean": .bfloat16, "moments/square": .bfloat16]),
      ([try .path("plain", dtype: .bfloat16)], ["plain": .bfloat16]),
      // The last that applies decides, whichever kind it is.
      (
        [.collection("optimizer", dtype: .bfloat16), try .path("moments/mean", dtype: .float16)],
        ["moments/mean": .float16, "moments/square": .bfloat16, "wide": .bfloat16]
      ),
      (
        [try .path("moments/mean", dtype: .float16), .collection("optimizer", dtype: .bfloat16)],
        ["moments/mean": .bfloat16, "moments/square": .bfloat16, "wide": .bfloat16]
      ),
      // And alone: one without a dtype makes an exception.
      ([.collection("optimizer", dtype: .bfloat16), try .path("moments")], ["wide": .bfloat16]),
      ([.collection("optimizer", dtype: .bfloat16), .collection("optimizer")], [:]),
      ([try .leavingOut(path: "cache/**")], ["cache": nil]),
      (
        [try .leavingOut(path: "*"), .collection("params"), .collection("optimizer")],
        ["cache": nil, "plain": nil]
      ),
      ([.leavingOut("cache"), try .path("cache", dtype: .bfloat16)], ["cache": .bfloat16]),
      ([try .leavingOut(path: "plain")], ["plain": nil]),
      // All paths of a shared value at once, or by its collection.
      (
        [try .path("*", dtype: .float16), .collection("optimizer")],
        ["weights": .float16, "head": .float16, "cache": .float16, "plain": .float16]
      ),
      (
        [try .path("weights", dtype: .float16), .collection("params", dtype: .bfloat16)],
        ["weights": .bfloat16, "head": .bfloat16]
      ),
      (
        [try .path("weights", dtype: .float16), try .path("head", dtype: .float16)],
        ["weights": .float16, "head": .float16]
      ),
      // What has no wider float is not concerned.
      ([try .path("**/count", dtype: .bfloat16), try .path("moments/narrow", dtype: .bfloat16)], [:]),
    ]
  }

  @Test(arguments: [FormatName.refx, .hdf5]) func theLastThatAppliesDecides(format: FormatName) throws {
    for (number, (policies, differs)) in try SavePolicyTests.table().enumerated() {
      defer { clean() }
      let manager = try opened(policies, format: format)
      let saved = try manager.saveNow(Model(), step: 1)
      var expected = SavePolicyTests.asItIs
      for (path, dtype) in differs {
        if let dtype { expected[path] = dtype } else { expected.removeValue(forKey: path) }
      }
      let file = try Checkpoint.open(saved.path).contents.tree
      #expect(try dtypes(file) == expected, "row \(number), \(format)")
      // What is loaded has the dtypes of the model, and the ties.
      let contents = try manager.folder.contents(of: saved)
      #expect(
        try dtypes(contents.tree) == SavePolicyTests.asItIs.filter { expected[$0.key] != nil },
        "row \(number)")
      var model = Model()
      model.weights = Tensor([Float](repeating: -1, count: 50))
      try manager.resume(&model, allowing: .missing)
      #expect(model.$weights === model.$head)
      let changed = model.weights.elements(of: Float.self)
      let before = Model().weights.elements(of: Float.self)
      for (a, b) in zip(changed, before) { #expect(abs(a - b) <= abs(b) / 128, "row \(number)") }
      #expect(model.moments.count == Model().moments.count && model.moments.narrow == Model().moments.narrow)
    }
  }

  @Test func policiesThatDisagreeAboutATieAreRefused() throws {
    defer { clean() }
    for policies: [SavePolicy] in [
      [try .path("head", dtype: .bfloat16)],
      [try .path("weights", dtype: .bfloat16), try .path("head", dtype: .float16)],
      [try .path("weights", compression: Compression.none)],
      [try .leavingOut(path: "head")],
      [try .path("weights"), try .path("head/**", dtype: .bfloat16)],
    ] {
      let manager = try opened(policies)
      let error = try #require(refusal { try manager.save(Model(), step: 1) })
      #expect(error.message == "two policies disagree about one shared value, and nothing was saved")
      #expect(error.found?.contains("at weights") == true && error.found?.contains("at head") == true)
      #expect(manager.steps.isEmpty && scratch.visibleNames(in: "run").isEmpty)
      // It is said again, and not forgotten after the first time.
      #expect(refusal { try manager.save(Model(), step: 1) }?.found == error.found)
    }
    // In a later save, whose model is another, it is said by the save itself.
    struct Free: Codable { @RefField(collection: "params") var head = Tensor([0.5] as [Float]) }
    let manager = try opened([try .path("head", dtype: .bfloat16)])
    try manager.saveNow(Free(), step: 1)
    let pending = try manager.save(Model(), step: 2)
    #expect(refusal { try pending.wait() }?.message.contains("disagree") == true)
    #expect(manager.steps.map(\.step) == [1])
  }

  /// A Ref inside of others, which has the places of those that hold it.
  @Test func refsInsideOfRefsFollowWhatHoldsThem() throws {
    defer { clean() }
    struct Inner: Codable { @RefField(collection: "params") var value = Tensor([0.5, 0.25] as [Float]) }
    struct Outer: Codable {
      @RefField var one = Inner()
      @RefField var two = Inner()
    }
    let both = try opened([try .path("one", dtype: .bfloat16)]).saveNow(Outer(), step: 1)
    #expect(
      try dtypes(Checkpoint.open(both.path).contents.tree) == [
        "one/value": .bfloat16, "two/value": .float32,
      ])
    clean()
    var tied = Outer()
    tied.$two = tied.$one
    #expect(
      refusal { try opened([try .path("one", dtype: .bfloat16)]).save(tied, step: 1) }?.message.contains(
        "disagree") == true)
    clean()
    try opened([try .path("*", dtype: .bfloat16)]).saveNow(tied, step: 1)
    clean()
    // The value inside is reached by way of both.
    let inside = Outer()
    inside.two.$value = inside.one.$value
    #expect(
      refusal { try opened([try .path("two/**", dtype: .bfloat16)]).save(inside, step: 1) }?.message.contains(
        "disagree") == true)
  }

  @Test func aPolicyForNothingIsSaid() throws {
    defer { clean() }
    let words = Mutex<[String]>([])
    let manager = try opened(
      [
        try .path("optimzer/**", dtype: .bfloat16), try .path("moments/square", dtype: .bfloat16),
        .leavingOut("caches"), .collection("cache"),
      ], warn: { word in words.withLock { $0.append(word) } })
    for step in 1...3 { try manager.saveNow(Model(), step: step) }
    #expect(
      words.withLock { $0 } == [
        "the policy for optimzer/** concerns nothing in the model",
        "the policy for the collection caches concerns nothing in the model",
      ])
  }

  @Test func aSelectionHoldsForEverySave() throws {
    defer { clean() }
    let manager = try opened(
      [try .path("moments/square", dtype: .bfloat16)],
      select: [.collection("optimizer"), try .pattern("head")])
    let saved = try manager.saveNow(Model(), step: 1)
    var expected = SavePolicyTests.asItIs
    for gone in ["cache", "plain"] { expected.removeValue(forKey: gone) }
    expected["moments/square"] = .bfloat16
    // The tie is whole, though one of its names was chosen.
    #expect(try dtypes(Checkpoint.open(saved.path).contents.tree) == expected)
    var model = Model()
    model.weights = Tensor([Float](repeating: -1, count: 50))
    try manager.resume(&model, select: .collections(["params", "optimizer"]))
    #expect(model.weights == Model().weights && model.$head === model.$weights)
    // A save may have another one.
    let other = try manager.saveNow(Model(), step: 2, select: [.collection("cache")])
    #expect(try dtypes(Checkpoint.open(other.path).contents.tree) == ["cache": .float32])
  }

  @Test func aSelectionOfNothingIsRefused() throws {
    defer { clean() }
    let manager = try opened([], select: [.collection("params"), try .pattern("haed")])
    let error = try #require(refusal { try manager.save(Model(), step: 1) })
    #expect(
      error.message == "the selection of what is saved names haed, and there is no such thing in the model")
    #expect(error.advice?.contains("cache, optimizer, params") == true)
    #expect(manager.steps.isEmpty)
  }

  /// Casts of single arrays in steps that hold only changes.
  @Test func castsByPathAreUndoneInStepsOfChanges() throws {
    defer { clean() }
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    settings.changesBetweenWholes = 3
    settings.policies = [try .path("**/square", dtype: .bfloat16), try .path("plain", dtype: .float16)]
    struct Tuned: Codable {
      @RefField(collection: "frozen") var frozen = Tensor((0..<60_000).map { Float($0) })
      @RefField(collection: "optimizer") var moments = Moments()
      var plain = Tensor((0..<64).map { Float($0) })
    }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings)
    var model = Tuned()
    for step in 1...3 {
      model.moments.square = Tensor([Float](repeating: Float(step), count: 50))
      model.plain = Tensor([Float](repeating: Float(step) / 4, count: 64))
      #expect(try manager.saveNow(model, step: step).isIncremental == (step > 1))
    }
    for step in 1...3 {
      var loaded = Tuned()
      try manager.folder.restore(&loaded, step: step)
      #expect(loaded.moments.square == Tensor([Float](repeating: Float(step), count: 50)))
      #expect(loaded.plain == Tensor([Float](repeating: Float(step) / 4, count: 64)))
      #expect(loaded.frozen == model.frozen && loaded.moments.mean == model.moments.mean)
    }
  }
}
