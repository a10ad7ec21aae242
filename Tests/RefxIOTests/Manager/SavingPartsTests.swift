import Glibc
import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// Steps that hold only changes, only some collections, or other dtypes than the model.
@Suite struct SavingPartsTests {
  let scratch = ScratchFolder()

  private func opened(
    _ keep: Retention = .all, _ change: (inout CheckpointManager.Settings) -> Void = { _ in }
  ) throws -> CheckpointManager {
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    change(&settings)
    return try CheckpointManager(scratch.file("run"), keep: keep, settings: settings)
  }

  private func clean() { scratch.removeFolder("run") }

  /// A large part that stays, and a small one that changes.
  private struct Tuned: Codable {
    @RefField(collection: "frozen") var frozen = Tuned.noise
    @RefField(collection: "frozen") var tied = Tensor([0] as [Float])
    @RefField(collection: "adapter") var adapter = Tensor([Float](repeating: 0, count: 64))
    var step = 0

    init() { $tied = $frozen }

    /// What no compression makes small.
    private static let noise: Tensor = {
      var random = SeededRandom(seed: 5)
      return Tensor((0..<50_000).map { _ in Float.random(in: 0..<1, using: &random) })
    }()

    static func after(_ steps: Int) -> Tuned {
      var model = Tuned()
      model.adapter = Tensor([Float](repeating: Float(steps), count: 64))
      model.step = steps
      return model
    }

    func isSame(as other: Tuned) -> Bool {
      frozen == other.frozen && $tied === $frozen && adapter == other.adapter && step == other.step
    }
  }

  // MARK: Changes

  @Test(arguments: [FormatName.refx, .hdf5]) func changesAloneAreWritten(format: FormatName) throws {
    defer { clean() }
    func open() throws -> CheckpointManager {
      try opened {
        $0.changesBetweenWholes = 3
        $0.format = format
      }
    }
    do {
      let manager = try open()
      for step in 1...9 { try manager.saveNow(Tuned.after(step), step: step) }
      #expect(
        manager.steps.map(\.isIncremental) == [false, true, true, true, false, true, true, true, false])
      for step in manager.steps {
        #expect(step.isIncremental == (step.byteCount < 20_000), "\(step.byteCount)")
      }
    }
    for step in 1...9 {
      var model = Tuned()
      try StepFolder(scratch.file("run")).restore(&model, step: step)
      #expect(model.isSame(as: .after(step)), "step \(step)")
    }
    // The next manager goes on where the last one was: a whole one, then changes.
    let manager = try open()
    for step in 10...13 { try manager.saveNow(Tuned.after(step), step: step) }
    #expect(manager.steps.suffix(4).map(\.isIncremental) == [true, true, true, false])
    // No file names another.
    let file = try InputFile(path: manager.steps[1].path)
    let text = String(decoding: try file.bytes(at: 0, count: file.byteCount), as: UTF8.self)
    #expect(!text.contains("step-"))
  }

  @Test func retentionNeverBreaksAChain() throws {
    defer { clean() }
    let manager = try opened(.latest(1)) { $0.changesBetweenWholes = 3 }
    for step in 1...10 {
      try manager.saveNow(Tuned.after(step), step: step)
      let steps = manager.steps
      #expect(steps.last?.step == step)
      #expect(steps.count == (steps.last?.isIncremental == true ? 2 : 1))
      var model = Tuned()
      try manager.resume(&model)
      #expect(model.isSame(as: .after(step)), "step \(step)")
    }
  }

  @Test func aMissingOrOtherBaseIsSaid() throws {
    defer { clean() }
    do {
      let manager = try opened { $0.changesBetweenWholes = 3 }
      for step in 1...3 { try manager.saveNow(Tuned.after(step), step: step) }
    }
    let folder = StepFolder(scratch.file("run"))
    let base = scratch.file("run") + "/" + StepName.text(1, suffix: ".refx")
    let file = try InputFile(path: base)
    let bytes = try file.bytes(at: 0, count: file.byteCount)
    var model = Tuned.after(77)
    // Other values under a right checksum of the file: the digest tells.
    var contents = try Checkpoint.open(base).contents
    contents.tree = try TreeEncoder().encode(Tuned.after(5))
    try Checkpoint.save(contents: contents, to: base, durability: .none)
    let other = try #require(refusal { try folder.restore(&model, step: 3) })
    #expect(other.summary.contains("values"), "\(other)")
    // A flipped bit.
    var flipped = bytes
    flipped[5000] ^= 4
    try AtomicFile.replace(base, durable: false) { try $0.append(flipped) }
    #expect(refusal { try folder.restore(&model, step: 3) }?.code == .damaged)
    // Gone.
    unlink(base)
    let missing = try #require(refusal { try folder.restore(&model, step: 3) })
    #expect(missing.message == "step 3 holds what changed since another step, which is not there")
    #expect(refusal { try folder.resume(&model) }?.code == .damaged && model.isSame(as: .after(77)))
    try AtomicFile.replace(base, durable: false) { try $0.append(bytes) }
    #expect(try folder.resume(&model)?.step == 3 && model.isSame(as: .after(3)))
  }

  @Test func aDamagedBaseIsNotBuiltOn() throws {
    defer { clean() }
    let manager = try opened { $0.changesBetweenWholes = 5 }
    try manager.saveNow(Tuned.after(1), step: 1)
    let base = manager.steps[0].path
    let file = try InputFile(path: base)
    var bytes = try file.bytes(at: 0, count: file.byteCount)
    bytes[5000] ^= 4
    try AtomicFile.replace(base, durable: false) { try $0.append(bytes) }
    #expect(try !manager.saveNow(Tuned.after(2), step: 2).isIncremental)
    var model = Tuned()
    #expect(try manager.resume(&model)?.step == 2)
  }

  @Test func whatChangesWhollyIsWrittenWhole() throws {
    defer { clean() }
    let manager = try opened { $0.changesBetweenWholes = 5 }
    for step in 1...3 { #expect(try !manager.saveNow(TrainedModel.after(step), step: step).isIncremental) }
  }

  @Test func tiesAndStaticValuesMayChange() throws {
    defer { clean() }
    struct Model: Codable {
      @RefField var a = Tensor((0..<9000).map { Float($0) })
      @RefField var b = Tensor((0..<9000).map { Float($0) })
      @RefField var frozen = Tensor((0..<90_000).map { Float($0) })
      var name = "one"
      var list = [1, 2]
    }
    let manager = try opened { $0.changesBetweenWholes = 9 }
    var model = Model()
    try manager.saveNow(model, step: 1)
    model.$b = model.$a
    model.name = "two"
    #expect(try manager.saveNow(model, step: 2).isIncremental)
    model.list = [1, 2, 3]
    model.b.withMutableElements(of: Float.self) { $0[0] = -1 }
    #expect(try manager.saveNow(model, step: 3).isIncremental)
    var loaded = try Checkpoint.load(Model.self, from: manager.steps[0].path, allowing: .unexpected)
    #expect(loaded.$a !== loaded.$b && loaded.name == "one")
    loaded = try TreeDecoder().decode(Model.self, from: manager.folder.contents(of: manager.steps[2]).tree)
    #expect(loaded.$a === loaded.$b && loaded.name == "two" && loaded.list == [1, 2, 3])
    #expect(loaded.a.elements(of: Float.self)[0] == -1)
  }

  // MARK: Selections and policies

  @Test func aSelectionIsSavedAndRestored() throws {
    defer { clean() }
    let manager = try opened()
    try manager.saveNow(TrainedModel.after(4), step: 4, select: [.collection("params")])
    try manager.saveNow(
      TrainedModel.after(5), step: 5,
      select: [.path(try PathPattern(glob: "head")), .collection("optimizer")])
    var model = TrainedModel()
    #expect(refusal { try manager.resume(&model) }?.code == .mismatch)
    #expect(model.isSame(as: TrainedModel()))
    try manager.folder.restore(&model, step: 4, select: .collection("params"))
    #expect(model.embedding == TrainedModel.after(4).embedding && model.isTied && model.step == 0)
    // A Ref is saved with all of its sites where one is chosen.
    let contents = try manager.folder.contents(of: manager.steps[1])
    let sites = try contents.tree.sites().map(\.path.text)
    #expect(sites.contains("head") && sites.contains("embedding") && sites.contains("moments"))
    try manager.folder.restore(&model, step: 5, select: .collection("optimizer"))
    #expect(model.moments == TrainedModel.after(5).moments)
  }

  @Test func policiesLeaveOutCastAndCompress() throws {
    defer { clean() }
    struct Model: Codable {
      @RefField(collection: "params") var weights = Tensor((0..<20_000).map { Float($0) / 7 })
      @RefField(collection: "optimizer") var moments = Tensor((0..<20_000).map { Float($0) / 7 })
      @RefField(collection: "optimizer") var wide = Tensor((0..<100).map { Double($0) })
      @RefField(collection: "optimizer") var count = Tensor([3] as [Int64])
      @RefField(collection: "cache") var cache = Tensor([1, 2] as [Float])
      @RefField(collection: "raw") var raw = Tensor([Float](repeating: 0, count: 20_000))
    }
    let manager = try opened {
      $0.policies = [
        .collection("optimizer", dtype: .bfloat16), .leavingOut("cache"),
        .collection("raw", compression: Compression.none),
      ]
    }
    let model = Model()
    try manager.saveNow(model, step: 1)
    let file = try Checkpoint.open(manager.steps[0].path).contents.tree
    var found: [String: (DType, stored: Int)] = [:]
    try file.forEachSite { site in
      if case .leaf(let leaf) = site.content {
        found[site.path.text] = (leaf.dtype, leaf.source.storedByteCount ?? 0)
      }
    }
    #expect(found["moments"]?.0 == .bfloat16 && found["wide"]?.0 == .bfloat16 && found["count"]?.0 == .int64)
    #expect(found["weights"]?.0 == .float32 && found["cache"] == nil)
    #expect(found["raw"]?.stored == 80_000 && found["weights"]?.stored ?? .max < 80_000)

    func zeros(like tensor: Tensor) -> Tensor {
      Tensor(
        dtype: tensor.dtype, shape: tensor.shape, bytes: MemoryBytes(count: tensor.bytes.byteCount) { _ in })
    }
    var loaded = Model(
      weights: zeros(like: model.weights), moments: zeros(like: model.moments), wide: zeros(like: model.wide),
      count: zeros(like: model.count), cache: Tensor([9, 9] as [Float]), raw: zeros(like: model.raw))
    // What was left out is missing unless that is said.
    #expect(refusal { try manager.resume(&loaded) }?.code == .mismatch)
    do { try manager.resume(&loaded, allowing: .missing) } catch let error as RefxError {
      Issue.record("\(error.details)")
    }
    #expect(loaded.weights == model.weights && loaded.wide.dtype == .float64 && loaded.raw == model.raw)
    #expect(loaded.cache == Tensor([9, 9] as [Float]) && loaded.count == model.count)
    #expect(loaded.moments.dtype == .float32)
    for (before, after) in zip(
      model.moments.elements(of: Float.self), loaded.moments.elements(of: Float.self))
    {
      #expect(abs(before - after) <= abs(before) / 256)
    }
    // Chunks of leaves that asked for another compression are not taken for those of the file's.
    let copy = scratch.file("copy.refx")
    try Checkpoint.save(
      contents: Checkpoint.open(manager.steps[0].path).contents, to: copy, durability: .none)
    let again = scratch.file("again.refx")
    try Checkpoint.save(tree: file, to: again, metadata: try Checkpoint.open(copy).contents.metadata)
    let (a, b) = (try InputFile(path: copy), try InputFile(path: again))
    #expect(try a.bytes(at: 0, count: a.byteCount) == b.bytes(at: 0, count: b.byteCount))
  }
}
