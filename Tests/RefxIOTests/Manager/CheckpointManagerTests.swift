import Glibc
import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

@Suite struct CheckpointManagerTests {
  let scratch = ScratchFolder()

  private func settings(_ change: (inout CheckpointManager.Settings) -> Void = { _ in })
    -> CheckpointManager.Settings
  {
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    change(&settings)
    return settings
  }

  private func clean() { scratch.removeFolder("run") }

  private func refusal(_ body: () throws -> Void) -> RefxError? {
    do { try body() } catch { return error as? RefxError }
    return nil
  }

  @Test(arguments: [FormatName.refx, .hdf5]) func aRunIsResumed(format: FormatName) throws {
    defer { clean() }
    do {
      let manager = try CheckpointManager(
        scratch.file("run"), keep: .latest(3), .best(1, by: "loss"), settings: settings { $0.format = format }
      )
      var model = TrainedModel()
      #expect(try manager.resume(&model) == nil)
      for step in 1...8 {
        model.train()
        try manager.save(
          model, step: step, metrics: ["loss": Double(abs(step - 3))], metadata: ["note": .string("s\(step)")]
        )
      }
      try manager.finish()
      #expect(manager.steps.map(\.step) == [3, 6, 7, 8])
    }
    var model = TrainedModel()
    let embedding = model.$embedding
    let manager = try CheckpointManager(scratch.file("run"), settings: settings { $0.format = format })
    let step = try #require(try manager.resume(&model))
    #expect(step.step == 8 && step.metrics == ["loss": 5] && step.metadata == ["note": "s8"])
    #expect(model.isSame(as: .after(8)) && model.isTied && model.$embedding === embedding)
    var third = TrainedModel()
    #expect(try manager.folder.restore(&third, step: 3).step == 3)
    #expect(third.isSame(as: .after(3)))
    #expect(try manager.folder.best(by: "loss")?.step == 3)
    #expect(try manager.folder.latest()?.step == 8)
    #expect(refusal { _ = try manager.folder.step(4) }?.summary.contains("there is no whole step 4") == true)
  }

  /// The state at the call is what lands, whatever the model does afterwards, in each of its aliases.
  @Test func laterChangesDoNotReachTheFile() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings { $0.mostPending = 100 })
    var model = TrainedModel()
    var pending: [PendingSave] = []
    for step in 1...60 {
      model.train()
      pending.append(try manager.save(model, step: step))
      // Both names of the one Ref, and the rest.
      model.head = Tensor([-1, -2, -3, -4] as [Float], shape: [2, 2])
      model.moments[0] = -99
      model = .after(step)
    }
    for (number, save) in pending.enumerated() {
      #expect(try save.wait().step == number + 1)
      var loaded = TrainedModel()
      try manager.folder.restore(&loaded, step: number + 1)
      #expect(loaded.isSame(as: .after(number + 1)), "step \(number + 1)")
    }
  }

  @Test func savesLandInOrderAndDoNotBlock() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings { $0.mostPending = 4 })
    let gate = Gate()
    let first = try manager.save(GatedModel(gate), step: 1)
    let second = try manager.save(TrainedModel(), step: 2)
    gate.waitUntilReached()
    #expect(!first.isDone && !second.isDone && manager.steps.isEmpty)
    #expect(scratch.visibleNames(in: "run").isEmpty)
    gate.open()
    try manager.finish()
    #expect(first.isDone && second.isDone && manager.steps.map(\.step) == [1, 2])
  }

  @Test func aFullQueueMakesTheNextSaveWait() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings { $0.mostPending = 1 })
    let gate = Gate()
    try manager.save(GatedModel(gate), step: 1)
    let isThrough = Mutex(false)
    let thread = Thread { [manager] in
      _ = try? manager.save(TrainedModel(), step: 2)
      isThrough.withLock { $0 = true }
    }
    gate.waitUntilReached()
    usleep(50_000)
    #expect(!isThrough.withLock { $0 })
    gate.open()
    thread.join()
    try manager.finish()
    #expect(isThrough.withLock { $0 } && manager.steps.count == 2)
  }

  @Test func errorsReachTheCaller() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings { $0.mostPending = 8 })
    let gate = Gate()
    let pending = try manager.save(GatedModel(gate), step: 1)
    gate.fail(RefxError(.damaged, "planted"))
    let error = try #require(refusal { try pending.wait() })
    #expect(error.message == "planted" && error.details.last?.contains("step 1 was not saved") == true)
    // Told once is enough.
    try manager.finish()

    let other = Gate()
    try manager.save(GatedModel(other), step: 2)
    other.fail(RefxError(.damaged, "unseen"))
    other.waitUntilReached()
    while manager.state.withLock({ $0.pending.contains { !$0.isDone } }) { usleep(1000) }
    // The next save tells of it, and goes on all the same.
    let next = try #require(refusal { try manager.save(TrainedModel(), step: 3) })
    #expect(next.message == "unseen" && next.details.last?.contains("step 3 is on its way") == true)
    try manager.finish()
    #expect(manager.steps.map(\.step) == [3])

    let last = Gate()
    try manager.save(GatedModel(last), step: 4)
    last.fail(RefxError(.damaged, "at the end"))
    #expect(refusal { try manager.finish() }?.message == "at the end")
    #expect(scratch.visibleNames(in: "run") == ["step-0000000003.refx"])

    // Of several that nobody was told of, none is forgotten; and a refused save takes no error with it.
    for step in 5...7 {
      let gate = Gate()
      try manager.save(GatedModel(gate), step: step)
      gate.fail(RefxError(.damaged, "planted in \(step)"))
    }
    while manager.state.withLock({ $0.pending.contains { !$0.isDone } }) { usleep(1000) }
    #expect(refusal { try manager.save(TrainedModel(), step: 3) }?.code == .exists)
    let several = try #require(refusal { try manager.finish() })
    #expect(several.message == "planted in 5")
    #expect(several.details.filter { $0.contains("was not saved either: gated: planted in") }.count == 2)
    try manager.finish()
  }

  /// A step whose file opens, and whose values are damaged or stand on a step that is gone, is saved anew when the
  /// training comes by it again.
  @Test(arguments: [0, 2]) func whatWasPassedOverIsSavedAnew(changes: Int) throws {
    defer { clean() }
    struct Tuned: Codable {
      @RefField(collection: "frozen") var frozen = Tensor((0..<1000).map { Float($0) })
      var trained = TrainedModel()
    }
    var model = Tuned()
    do {
      let manager = try CheckpointManager(
        scratch.file("run"), settings: settings { $0.changesBetweenWholes = changes })
      for step in 1...5 {
        model.trained.train()
        try manager.saveNow(model, step: step)
      }
      if changes == 0 {
        let path = manager.steps[4].path
        let file = open(path, O_RDWR)
        var byte: UInt8 = 0
        let place = manager.steps[4].byteCount / 2
        #expect(pread(file, &byte, 1, place) == 1)
        byte ^= 1
        #expect(pwrite(file, &byte, 1, place) == 1)
        close(file)
      } else {
        try #require(manager.steps[4].isIncremental && !manager.steps[3].isIncremental)
        unlink(manager.steps[3].path)
      }
    }
    let words = Mutex<[String]>([])
    let manager = try CheckpointManager(
      scratch.file("run"), settings: settings { $0.warn = { word in words.withLock { $0.append(word) } } })
    model = Tuned()
    let found = try #require(try manager.resume(&model))
    #expect(found.step == (changes == 0 ? 4 : 3) && model.trained.isSame(as: .after(found.step)))
    #expect(words.withLock { $0.contains { $0.contains("step-0000000005.refx is passed over") } })
    for step in found.step + 1...6 {
      model.trained.train()
      try manager.saveNow(model, step: step)
    }
    #expect(manager.steps.map(\.step) == Array(1...6))
    var read = Tuned()
    try manager.folder.restore(&read, step: 5)
    #expect(read.trained.isSame(as: .after(5)))
    // The bytes of what was passed over stay.
    #expect(scratch.visibleNames(in: "run").contains("step-0000000005.refx.damaged"))
  }

  @Test func aSaveIsAwaited() async throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings { $0.mostPending = 8 })
    let gate = Gate()
    let pending = try manager.save(GatedModel(gate), step: 7)
    async let saved = pending.saved
    gate.waitUntilReached()
    gate.open()
    #expect(try await saved.step == 7)
    #expect(try await pending.saved.step == 7)
  }

  @Test func whatIsCalledOffLeavesNoTrace() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings { $0.mostPending = 8 })
    try manager.saveNow(TrainedModel(), step: 1)
    let gate = Gate()
    let running = try manager.save(GatedModel(gate), step: 2)
    let queued = try manager.save(TrainedModel(), step: 3)
    gate.waitUntilReached()
    running.cancel()
    queued.cancel()
    gate.open()
    #expect(refusal { try running.wait() }?.code == .cancelled)
    #expect(refusal { try queued.wait() }?.code == .cancelled)
    try manager.finish()
    #expect(manager.steps.map(\.step) == [1])
    #expect(Set(try names()) == ["step-0000000001.refx", ".refx-lock", ".refx-steps"])
    // Its number is free again.
    #expect(try manager.saveNow(TrainedModel(), step: 2).step == 2)
  }

  private func names() throws -> [String] {
    var names: [String] = []
    let folder = try #require(opendir(scratch.file("run")))
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  @Test func whatCannotBeSavedIsRefusedAtOnce() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings())
    try manager.saveNow(TrainedModel(), step: 5)
    for value in [Double.nan, .infinity, -.infinity] {
      let error = try #require(
        refusal { try manager.save(TrainedModel(), step: 6, metrics: ["a": 1, "loss": value]) })
      #expect(error.message == "the metric 'loss' of step 6 is \(value), and nothing was saved")
    }
    #expect(refusal { try manager.save(TrainedModel(), step: -1) }?.found == "-1")
    #expect(refusal { try manager.save(TrainedModel(), step: 5) }?.message == "step 5 is there already")
    #expect(
      refusal { try manager.save(TrainedModel(), step: 6, metadata: ["refx_step": 1]) }?.message.contains(
        "taken")
        == true)
    #expect(try manager.saveNow(TrainedModel.after(2), step: 5, replacing: true).step == 5)
    var model = TrainedModel()
    try manager.resume(&model)
    #expect(model.isSame(as: .after(2)) && manager.steps.count == 1)
  }

  @Test func onlyOneManagerSavesToAFolder() throws {
    defer { clean() }
    do {
      let manager = try CheckpointManager(scratch.file("run"), settings: settings())
      try manager.saveNow(TrainedModel.after(1), step: 1)
      let error = try #require(refusal { _ = try CheckpointManager(scratch.file("run")) })
      #expect(error.message == "another checkpoint manager saves to the folder")
      // Looking needs none.
      var model = TrainedModel()
      #expect(try StepFolder(scratch.file("run")).resume(&model)?.step == 1)
      withExtendedLifetime(manager) {}
    }
    #expect(try CheckpointManager(scratch.file("run")).steps.map(\.step) == [1])
  }

  @Test func filesOfOthersAreNeverTouched() throws {
    defer { clean() }
    let folder = scratch.file("run")
    try AtomicFile.makeFolder(folder)
    // A checkpoint called as a step is, one of another training, one that is no checkpoint, and a folder.
    try Checkpoint.save(TrainedModel(), to: folder + "/step-0000000001.refx", durability: .none)
    try AtomicFile.replace(folder + "/step-0000000003.refx") { try $0.append(Array("hello".utf8)) }
    try AtomicFile.replace(folder + "/notes.txt") { try $0.append(Array("mine".utf8)) }
    mkdir(folder + "/step-0000000004.refx", 0o777)
    defer { rmdir(folder + "/step-0000000004.refx") }
    do {
      let other = try CheckpointManager(scratch.file("other"), settings: settings())
      try other.saveNow(TrainedModel.after(2), step: 2)
      rename(scratch.file("other") + "/step-0000000002.refx", folder + "/step-0000000002.refx")
    }
    scratch.removeFolder("other")
    let before = scratch.visibleNames(in: "run")

    let words = Mutex<[String]>([])
    let manager = try CheckpointManager(
      folder, keep: .latest(1),
      settings: settings { $0.warn = { word in words.withLock { $0.append(word) } } })
    #expect(manager.steps.map(\.step) == [2])
    #expect(words.withLock { $0.count } == 3)
    for step in 10...14 { try manager.saveNow(TrainedModel.after(step), step: step) }
    #expect(Set(scratch.visibleNames(in: "run")) == Set(before + ["step-0000000014.refx"]))
    #expect(manager.steps.map(\.step) == [2, 14])
    // Nor under a number that a save asks for.
    let foreign = try InputFile(path: folder + "/step-0000000001.refx")
    let bytes = try foreign.bytes(at: 0, count: foreign.byteCount)
    #expect(refusal { try manager.saveNow(TrainedModel.after(1), step: 1) }?.code == .exists)
    #expect(refusal { try manager.saveNow(TrainedModel.after(2), step: 2) }?.code == .exists)
    let after = try InputFile(path: folder + "/step-0000000001.refx")
    #expect(try after.bytes(at: 0, count: after.byteCount) == bytes)
  }

  @Test func damagedStepsArePassedOver() throws {
    defer { clean() }
    let folder = scratch.file("run")
    do {
      let manager = try CheckpointManager(folder, settings: settings())
      for step in 1...4 { try manager.saveNow(TrainedModel.after(step), step: step) }
    }
    func damage(_ step: Int, _ change: (inout [UInt8]) -> Void) throws {
      let path = folder + "/" + StepName.text(step, suffix: ".refx")
      let file = try InputFile(path: path)
      var bytes = try file.bytes(at: 0, count: file.byteCount)
      change(&bytes)
      try AtomicFile.replace(path, durable: false) { try $0.append(bytes) }
    }
    // One is cut, one is empty, one has a flipped bit in its payload, which only reading it shows.
    try damage(4) { $0.removeLast($0.count / 2) }
    try damage(3) { $0 = [] }
    try damage(2) { $0[70] ^= 1 }
    var passed: [String] = []
    var model = TrainedModel.after(9)
    let step = try StepFolder(folder).resume(&model) { passed.append($0.what) }
    #expect(step?.step == 1 && model.isSame(as: .after(1)) && passed.count == 3, "\(passed)")
    #expect(try StepFolder(folder).latest()?.step == 2)

    // A damaged step may be saved again, as a training that goes on from an earlier one does.
    let manager = try CheckpointManager(folder, settings: settings())
    #expect(try manager.saveNow(TrainedModel.after(4), step: 4).step == 4)
    try damage(1) { $0[70] ^= 1 }
    try damage(2) { $0.removeLast(1) }
    try damage(4) { $0.removeLast(1) }
    let error = try #require(
      refusal { _ = try StepFolder(folder).resume(&model) })
    #expect(error.message == "the folder has steps, and none of them can be read" && error.details.count == 4)
    #expect(model.isSame(as: .after(1)))
  }

  @Test func aModelOfAnotherShapeIsNoReasonToGoBack() throws {
    defer { clean() }
    struct Other: Codable {
      @RefField(collection: "params") var embedding = Tensor([1] as [Float])
      init() {}
    }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings())
    try manager.saveNow(Other(), step: 1)
    try manager.saveNow(TrainedModel(), step: 2)
    var other = Other()
    #expect(refusal { _ = try manager.resume(&other) }?.code == .mismatch)
    #expect(other.embedding == Tensor([1] as [Float]))
  }

  @Test func aTrainingGoesOnFromAnEarlierStep() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings())
    for step in 1...5 { try manager.saveNow(TrainedModel.after(step), step: step) }
    try manager.removeSteps(after: 2)
    #expect(manager.steps.map(\.step) == [1, 2] && scratch.visibleNames(in: "run").count == 2)
    #expect(try manager.saveNow(TrainedModel.after(3), step: 3).step == 3)
  }

  @Test func aThousandStepsAreListedWithoutBeingOpened() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings())
    for step in 0..<200 { try manager.saveNow(TrainedModel(), step: step, metrics: ["loss": Double(step)]) }
    let folder = StepFolder(scratch.file("run"))
    func opened() throws -> Int {
      let listing = try folder.list()
      #expect(listing.steps.map(\.step) == Array(0..<200) && listing.problems.isEmpty)
      #expect(listing.steps.allSatisfy { $0.metrics == ["loss": Double($0.step)] })
      return listing.opened
    }
    #expect(try opened() == 0)
    let path = scratch.file("run") + "/" + StepIndex.fileName
    let file = try InputFile(path: path)
    let whole = try file.bytes(at: 0, count: file.byteCount)
    // Damaged, cut, garbage or gone: what it does not say is looked up.
    let lines = whole.split(separator: UInt8(ascii: "\n"))
    #expect(lines.count == 201)
    var flipped = whole
    flipped[lines[8].startIndex + 30] ^= 1
    for (bytes, expected) in [
      (flipped, 1), (Array(whole.dropLast()), 1), (Array(whole[..<lines[151].startIndex]), 50),
      (Array("{\"version\":1,".utf8), 200), ([], 200), (whole + Array("half a li".utf8), 0),
      (Array(whole.dropFirst(3)), 200), (whole, 0),
    ] {
      try AtomicFile.replace(path, durable: false) { try $0.append(bytes) }
      #expect(try opened() == expected)
    }
    unlink(path)
    #expect(try opened() == 200)
    // The next save writes the whole list again.
    try manager.saveNow(TrainedModel(), step: 200, metrics: ["loss": 200])
    #expect(try folder.list().opened == 0 && folder.list().steps.count == 201)
  }

  @Test func theListDoesNotGrowForever() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), keep: .latest(2), settings: settings())
    var largest = 0
    for step in 0..<300 {
      try manager.saveNow(TrainedModel(), step: step)
      largest = max(largest, try InputFile(path: scratch.file("run") + "/" + StepIndex.fileName).byteCount)
    }
    #expect(largest > 5_000 && largest < 40_000, "\(largest)")
    let listing = try StepFolder(scratch.file("run")).list()
    #expect(listing.steps.map(\.step) == [298, 299] && listing.opened == 0)
  }

  @Test func aVersionedModelKeepsItsMark() throws {
    defer { clean() }
    struct Versioned: Codable, VersionedModel {
      static var structureVersion: Int { 3 }
      static var migrations: [Migration] { [] }
      var value = 1
    }
    let manager = try CheckpointManager(scratch.file("run"), settings: settings())
    try manager.saveNow(Versioned(), step: 1)
    var model = Versioned(value: 0)
    #expect(try manager.resume(&model)?.metadata["refx_structure_version"] == 3)
    #expect(model.value == 1)
  }

  /// Saves that are waited for, called off, that fail, while the model goes on changing.
  @Test(arguments: 1...6) func whateverBecomesOfThem(seed: UInt64) throws {
    defer { clean() }
    var stress = ManagerStress(folder: scratch.file("run"), seed: seed)
    let figures = try stress.run(steps: 150)
    #expect(figures.saved > 60 && figures.cancelled > 0, "seed \(seed): \(figures)")
  }

  @Test func eightReadersWhileOneSaves() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), keep: .latest(2), settings: settings())
    try manager.saveNow(TrainedModel.after(1), step: 1)
    let isOver = Mutex(false)
    let failures = Mutex<[String]>([])
    let reads = Mutex(0)
    let folder = StepFolder(scratch.file("run"))
    let readers = (0..<8).map { _ in
      Thread {
        while !isOver.withLock({ $0 }) {
          do {
            var model = TrainedModel()
            guard let step = try folder.resume(&model), model.isSame(as: .after(step.step)) else {
              failures.withLock { $0.append("another model") }
              return
            }
            reads.withLock { $0 += 1 }
          } catch {
            failures.withLock { $0.append("\(error)") }
          }
        }
      }
    }
    for step in 2...60 { try manager.saveNow(TrainedModel.after(step), step: step) }
    while reads.withLock({ $0 }) < 8 { usleep(1000) }
    isOver.withLock { $0 = true }
    for reader in readers { reader.join() }
    #expect(failures.withLock { $0 } == [])
  }
}

/// A thread of the test.
private struct Thread {
  private var handle = pthread_t()

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  init(_ body: @escaping @Sendable () -> Void) {
    let body = Unmanaged.passRetained(Body(body))
    pthread_create(
      &handle, nil,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
  }

  func join() { pthread_join(handle, nil) }
}
