import Glibc
import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

/// Runs that do what the guide does not: replace steps, go back, call the manager from within a save, put files of
/// others beside their own.
@Suite struct UnrulyRunTests {
  let scratch = ScratchFolder()

  private func clean() { scratch.removeFolder("run") }

  /// Most of it stays as it was from step to step, so that a step that holds only changes is worth it.
  struct Frozen: Codable {
    @RefField(collection: "params") var body = Tensor([Float](repeating: 2, count: 4096))
    @RefField(collection: "params") var head = Tensor([0, 0] as [Float])
    init(_ step: Int) { head = Tensor([Float(step), 1]) }
  }

  // MARK: Steps that stand on others

  @Test func aStepThatOthersStandOnIsNotReplaced() throws {
    defer { clean() }
    let manager = try CheckpointManager(
      scratch.file("run"), settings: .quick { $0.changesBetweenWholes = 3 })
    for step in 1...3 { try manager.saveNow(Frozen(step), step: step) }
    #expect(manager.steps.map(\.isIncremental) == [false, true, true])
    let other = Frozen(9)
    other.body = Tensor([Float](repeating: 7, count: 4096))
    let error = try #require(refusal { try manager.save(other, step: 1, replacing: true) })
    #expect(error.code == .exists && error.message.contains("steps 2, 3 hold only what changed since it"))
    var model = Frozen(0)
    #expect(try manager.folder.restore(&model, step: 3).step == 3)
    #expect(model.head == Tensor([3, 1] as [Float]) && model.body == Frozen(0).body)
    // One that stands on it may be, and so may it once nothing does.
    #expect(try manager.saveNow(Frozen(5), step: 3, replacing: true).isIncremental)
    try manager.removeSteps(after: 1)
    #expect(try manager.saveNow(other, step: 1, replacing: true).step == 1)
    try manager.resume(&model)
    #expect(model.body == other.body)
  }

  @Test func aStepStandsOnAnEarlierOneOnly() throws {
    defer { clean() }
    let manager = try CheckpointManager(
      scratch.file("run"), settings: .quick { $0.changesBetweenWholes = 3 })
    try manager.saveNow(Frozen(20), step: 20)
    try manager.saveNow(Frozen(10), step: 10)
    try manager.removeSteps(after: 10)
    var model = Frozen(0)
    #expect(try manager.resume(&model)?.step == 10)
    #expect(model.head == Frozen(10).head && model.body == Frozen(10).body)
  }

  /// A file that says of itself to be the step that others stand on takes nobody in.
  @Test func aForgedBaseIsNoHarm() throws {
    defer { clean() }
    let folder = scratch.file("run")
    var forged: JSON?
    do {
      let manager = try CheckpointManager(folder, settings: .quick { $0.changesBetweenWholes = 9 })
      for step in 1...3 { try manager.saveNow(Frozen(step), step: step) }
      let first = folder + "/" + StepName.text(1, suffix: ".refx")
      guard case .object(var record)? = try Checkpoint.open(first).contents.metadata[StepRecord.key] else {
        Issue.record("no record")
        return
      }
      record["step"] = 2_000
      record["run"] = nil
      forged = .object(record)
    }
    let other = Frozen(0)
    other.body = Tensor([Float](repeating: -1, count: 4096))
    let contents = CheckpointContents(
      tree: try TreeEncoder().encode(other),
      metadata: JSONObject([.init(StepRecord.key, try #require(forged))]))
    try Checkpoint.save(
      contents: contents, to: folder + "/" + StepName.text(2_000, suffix: ".refx"), durability: .none)

    let manager = try CheckpointManager(
      folder, keep: .latest(1), settings: .quick { $0.changesBetweenWholes = 9 })
    #expect(manager.steps.map(\.step) == [1, 2, 3, 2_000])
    try manager.saveNow(Frozen(4), step: 4)
    #expect(manager.steps.map(\.step) == [1, 4, 2_000])
    var model = Frozen(0)
    try manager.folder.restore(&model, step: 4)
    #expect(model.head == Frozen(4).head && model.body == Frozen(4).body)
    try manager.saveNow(Frozen(5), step: 2_001)
    #expect(manager.steps.map(\.step) == [1, 2_000, 2_001])
    #expect(try manager.resume(&model)?.step == 2_001)
    #expect(model.head == Frozen(5).head && model.body == Frozen(5).body)
  }

  // MARK: What stays

  @Test func stepsOfOthersPushNothingOut() throws {
    defer { clean() }
    let folder = scratch.file("run")
    do {
      let other = try CheckpointManager(scratch.file("other"), settings: .quick())
      for step in 1...2 {
        try other.saveNow(TrainedModel.after(1), step: 900 + step, metrics: ["loss": -1e308])
      }
      try AtomicFile.makeFolder(folder)
      for step in 901...902 {
        let name = "/" + StepName.text(step, suffix: ".refx")
        rename(scratch.file("other") + name, folder + name)
      }
      // Nobody relies on them either, so nobody minds that one is damaged.
      let file = open(folder + "/" + StepName.text(902, suffix: ".refx"), O_RDWR)
      defer { close(file) }
      var byte: UInt8 = 0
      #expect(pread(file, &byte, 1, 70) == 1)
      byte ^= 1
      #expect(pwrite(file, &byte, 1, 70) == 1)
    }
    scratch.removeFolder("other")
    let words = Mutex<[String]>([])
    let manager = try CheckpointManager(
      folder, keep: .latest(2), .best(1, by: "loss"),
      settings: .quick { $0.warn = { word in words.withLock { $0.append(word) } } })
    for step in 1...5 { try manager.saveNow(TrainedModel(), step: step, metrics: ["loss": Double(step)]) }
    #expect(manager.steps.map(\.step) == [1, 4, 5, 901, 902])
    #expect(scratch.visibleNames(in: "run").count == 5 && words.withLock { $0.isEmpty })
  }

  @Test func whatWasJustSavedIsThere() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), keep: .latest(2), settings: .quick())
    for step in [100, 200, 300] { try manager.saveNow(TrainedModel.after(1), step: step) }
    let saved = try manager.saveNow(TrainedModel.after(2), step: 150)
    var model = TrainedModel()
    try manager.folder.restore(&model, step: 150)
    #expect(access(saved.path, F_OK) == 0 && model.isSame(as: .after(2)))
    #expect(manager.steps.map(\.step) == [150, 200, 300])
  }

  @Test func whatIsInTheWayKeepsItsBytes() throws {
    defer { clean() }
    let folder = scratch.file("run")
    try AtomicFile.makeFolder(folder)
    let words = Mutex<[String]>([])
    let manager = try CheckpointManager(
      folder, settings: .quick { $0.warn = { word in words.withLock { $0.append(word) } } })
    let path = folder + "/" + StepName.text(3, suffix: ".refx")
    for text in ["mine", "mine as well"] {
      try AtomicFile.replace(path) { try $0.append(Array(text.utf8)) }
      #expect(try manager.saveNow(TrainedModel.after(3), step: 3).step == 3)
      try manager.removeSteps(after: 2)
    }
    for (name, text) in [(".damaged", "mine"), (".damaged-2", "mine as well")] {
      let file = try InputFile(path: path + name)
      #expect(try file.bytes(at: 0, count: file.byteCount) == Array(text.utf8))
    }
    #expect(words.withLock { $0.count { $0.contains("is called") } } == 2)
    #expect(manager.steps.isEmpty)
  }

  // MARK: Errors that nobody may miss

  @Test func everyErrorIsToldOnce() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 8 })
    try manager.saveNow(TrainedModel(), step: 1)
    func fail(_ step: Int, _ words: String) throws {
      let gate = Gate()
      gate.fail(RefxError(.damaged, words))
      try manager.save(GatedModel(gate), step: step)
    }
    let gate = Gate()
    try manager.save(GatedModel(gate), step: 2)
    try fail(3, "first")
    try fail(4, "second")
    try fail(5, "third")
    try fail(6, "fourth")
    gate.open()
    while manager.state.withLock({ $0.pending.contains { !$0.isDone } }) { usleep(1000) }
    // A refusal is not the moment, and nothing is forgotten over it.
    #expect(refusal { try manager.save(TrainedModel(), step: 1) }?.code == .exists)
    let told = try #require(refusal { try manager.save(TrainedModel(), step: 7) })
    #expect(told.message == "first" && told.details.contains { $0.contains("step 3 was not saved;") })
    for (step, word) in [(4, "second"), (5, "third"), (6, "fourth")] {
      #expect(told.details.contains("step \(step) was not saved either: gated: \(word)"), "\(told.details)")
    }
    try manager.save(TrainedModel(), step: 8)
    try manager.finish()
    #expect(manager.steps.map(\.step) == [1, 2, 7, 8])
  }

  // MARK: Callbacks

  @Test func aSaveDoesNotWaitForItself() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 1 })
    let found = Mutex<[String: RefxError?]>([:])
    let holder = Mutex<PendingSave?>(nil)
    let gate = Gate()
    let pending = try manager.save(GatedModel(gate), step: 1) { _, _ in
      let own = holder.withLock { $0 }
      let errors: [String: RefxError?] = [
        "save": refusal { try manager.save(TrainedModel(), step: 2) },
        "finish": refusal { try manager.finish() },
        "remove": refusal { try manager.removeSteps(after: 0) },
        "wait": refusal { try own?.wait() },
      ]
      found.withLock { $0 = errors }
    }
    holder.withLock { $0 = pending }
    gate.open()
    #expect(try pending.wait().step == 1)
    let errors = found.withLock { $0 }
    #expect(errors.count == 4)
    for (name, error) in errors {
      #expect(error?.message == "a save that is under way would wait for its own end", "\(name)")
    }
    #expect(try manager.saveNow(TrainedModel(), step: 2).step == 2)
  }

  @Test func theProcessEndsFromWithinASave() async {
    await #expect(processExitsWith: .exitCode(7)) {
      alarm(60)
      let folder = "/tmp/refx-exit-\(getpid())"
      let manager = try CheckpointManager(folder)
      try manager.save(TrainedModel(), step: 1) { _, _ in
        for name in ["/.refx-lock", "/.refx-steps"] { unlink(folder + name) }
        rmdir(folder)
        exit(7)
      }.wait()
    }
  }

  @Test func noMoreThanWasSaidAreUnderWay() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 2 })
    let gate = Gate()
    try manager.save(GatedModel(gate), step: 100)
    gate.waitUntilReached()
    let threads = (0..<6).map { number in
      HelperThread { _ = try? manager.save(TrainedModel(), step: number) }
    }
    usleep(200_000)
    #expect(manager.state.withLock { $0.pending.count } == 2)
    gate.open()
    for thread in threads { thread.join() }
    try manager.finish()
    #expect(manager.steps.map(\.step) == [0, 1, 2, 3, 4, 5, 100])
  }

  /// A model that cannot become a tree gives back the room that was kept for it.
  @Test func aRefusedModelTakesNoRoom() throws {
    defer { clean() }
    struct Refusing: Encodable {
      func encode(to encoder: any Encoder) throws { throw RefxError(.model, "planted") }
    }
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 1 })
    for step in 1...4 { #expect(refusal { try manager.save(Refusing(), step: step) }?.message == "planted") }
    try manager.saveNow(TrainedModel(), step: 5)
    #expect(refusal { try manager.save(TrainedModel(), step: 5) }?.code == .exists)
    #expect(try manager.saveNow(TrainedModel(), step: 6).step == 6)
  }
}
