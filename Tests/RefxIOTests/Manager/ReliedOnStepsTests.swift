import Glibc
import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

/// Nothing is removed in reliance on a step that is not whole, whatever the folder's list says of it.
@Suite struct ReliedOnStepsTests {
  let scratch = ScratchFolder()

  private func clean() { scratch.removeFolder("run") }

  private func opened(
    _ keep: Retention..., words: Words = Words(),
    _ change: (inout CheckpointManager.Settings) -> Void = { _ in }
  ) throws -> CheckpointManager {
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    settings.compression = .none
    settings.warn = { words.add($0) }
    change(&settings)
    // The variadic parameter is handed on by hand.
    switch keep.count {
    case 0: return try CheckpointManager(scratch.file("run"), settings: settings)
    case 1: return try CheckpointManager(scratch.file("run"), keep: keep[0], settings: settings)
    default: return try CheckpointManager(scratch.file("run"), keep: keep[0], keep[1], settings: settings)
    }
  }

  private final class Words: Sendable {
    private let words = Mutex<[String]>([])
    func add(_ word: String) { words.withLock { $0.append(word) } }
    var all: [String] { words.withLock { $0 } }
  }

  enum Damage: String, CaseIterable, Sendable {
    case payloadBit, catalogueBit, trailerBit, cut, empty, hole, lastPage, otherFile, otherStep, gone
  }

  private func path(_ step: Int) -> String {
    scratch.file("run") + "/" + StepName.text(step, suffix: ".refx")
  }

  /// Damages the file in its place, and sets the time of its change back, as one that nobody noticed.
  private func damage(_ step: Int, _ damage: Damage, other: Int = 2) throws {
    let path = path(step)
    var before = stat()
    #expect(stat(path, &before) == 0)
    let size = Int(before.st_size)
    let file = open(path, O_RDWR)
    defer { close(file) }
    func flip(_ place: Int) {
      var byte: UInt8 = 0
      pread(file, &byte, 1, place)
      byte ^= 0x10
      pwrite(file, &byte, 1, place)
    }
    switch damage {
    case .payloadBit: flip(70)
    case .catalogueBit: flip(size - 700)
    case .trailerBit: flip(size - 40)
    case .cut: ftruncate(file, off_t(size / 2))
    case .empty: ftruncate(file, 0)
    case .hole:
      let zeros = [UInt8](repeating: 0, count: 24)
      pwrite(file, zeros, zeros.count, 64)
    case .lastPage:
      ftruncate(file, off_t(size - 100))
      ftruncate(file, off_t(size))
    case .otherFile:
      let garbage = [UInt8](repeating: 0x41, count: size)
      pwrite(file, garbage, size, 0)
    case .otherStep:
      let other = try InputFile(path: self.path(other))
      let bytes = try other.bytes(at: 0, count: other.byteCount)
      ftruncate(file, 0)
      pwrite(file, bytes, bytes.count, 0)
    case .gone: unlink(path)
    }
    var times = [before.st_atim, before.st_mtim]
    futimens(file, &times)
  }

  /// The best step is damaged while the manager that saved it goes on.
  @Test(arguments: Damage.allCases) func aBestStepThatIsDamagedPushesNothingOut(damage: Damage) throws {
    defer { clean() }
    let words = Words()
    let manager = try opened(.latest(1), .best(1, by: "loss"), words: words)
    for (step, loss) in [(1, 5.0), (2, 4), (3, 1)] {
      try manager.saveNow(TrainedModel.after(step), step: step, metrics: ["loss": loss])
    }
    #expect(manager.steps.map(\.step) == [3])
    try manager.saveNow(TrainedModel.after(4), step: 4, metrics: ["loss": 2])
    #expect(manager.steps.map(\.step) == [3, 4])
    try self.damage(3, damage, other: 4)
    // Without the damage the fourth would go; now it is the best that is whole.
    try manager.saveNow(TrainedModel.after(5), step: 5, metrics: ["loss": 3])
    #expect(manager.steps.map(\.step) == [4, 5], "\(damage): \(words.all)")
    #expect(
      words.all.count == 1 && words.all[0].contains("step-0000000003.refx is passed over"), "\(words.all)")
    #expect(try manager.folder.best(by: "loss", verifying: true)?.step == 4)
    // What is damaged is left where it is.
    let names = scratch.visibleNames(in: "run")
    #expect(names.contains("step-0000000003.refx") == (damage != .gone))
    var model = TrainedModel()
    try manager.folder.restore(&model, step: 4)
    #expect(model.isSame(as: .after(4)))
  }

  /// A damaged latest step that an earlier process saved, and of which the folder's list still speaks well.
  @Test(arguments: Damage.allCases) func ofAnEarlierProcessAsWell(damage: Damage) throws {
    defer { clean() }
    do {
      let manager = try opened(.latest(3))
      for step in 1...3 { try manager.saveNow(TrainedModel.after(step), step: step) }
    }
    try self.damage(3, damage)
    let words = Words()
    let manager = try opened(.latest(2), words: words)
    try manager.saveNow(TrainedModel.after(4), step: 4)
    #expect(manager.steps.map(\.step) == [2, 4], "\(damage): \(words.all)")
    var model = TrainedModel()
    try manager.folder.restore(&model, step: 2)
    #expect(model.isSame(as: .after(2)))
  }

  /// Damage that no look at the file shows, as of a disk that forgets: before this process came, its first removal
  /// finds it by reading; the setting says not to.
  @Test(arguments: [true, false]) func whatNoLookShowsIsFoundByReading(verifies: Bool) throws {
    defer { clean() }
    do {
      let manager = try opened(.latest(3))
      for step in 1...3 { try manager.saveNow(TrainedModel.after(step), step: step) }
    }
    try damage(3, .payloadBit)
    // The list is made again from the file as it is.
    unlink(scratch.file("run") + "/" + StepIndex.fileName)
    let manager = try opened(.latest(2)) { $0.verifiesBeforeRemoving = verifies }
    #expect(manager.steps.map(\.step) == [1, 2, 3])
    try manager.saveNow(TrainedModel.after(4), step: 4)
    #expect(manager.steps.map(\.step) == (verifies ? [2, 4] : [3, 4]))
  }

  @Test func aDamagedBaseTakesItsChangesWithIt() throws {
    defer { clean() }
    struct Tuned: Codable {
      @RefField(collection: "frozen") var frozen = Tensor((0..<60_000).map { Float($0) })
      @RefField(collection: "adapter") var adapter = Tensor([Float](repeating: 0, count: 64))
      static func after(_ step: Int) -> Tuned {
        let model = Tuned()
        model.adapter = Tensor([Float](repeating: Float(step), count: 64))
        return model
      }
    }
    let words = Words()
    let manager = try opened(.latest(3), words: words) { $0.changesBetweenWholes = 1 }
    for step in 1...4 { try manager.saveNow(Tuned.after(step), step: step) }
    #expect(manager.steps.map(\.step) == [1, 2, 3, 4])
    try damage(3, .payloadBit)
    try manager.saveNow(Tuned.after(5), step: 5)
    // The third is damaged and the fourth stands on it, so the first two stay beside the fifth.
    #expect(manager.steps.map(\.step) == [1, 2, 5], "\(words.all)")
    for step in [1, 2, 5] {
      var model = Tuned()
      try manager.folder.restore(&model, step: step)
      #expect(model.adapter == Tuned.after(step).adapter)
    }
  }

  @Test func allStepsAreVerifiedWhenAsked() throws {
    defer { clean() }
    let manager = try opened()
    for step in 1...4 { try manager.saveNow(TrainedModel.after(step), step: step) }
    #expect(try manager.verifySteps().isEmpty && manager.steps.count == 4)
    try damage(2, .payloadBit)
    try damage(4, .payloadBit)
    let folder = manager.folder
    #expect(try folder.latest()?.step == 4 && folder.latest(verifying: true)?.step == 3)
    let listed = try folder.step(2)
    do {
      try folder.verify(listed)
      Issue.record("nothing was found")
    } catch let error as RefxError {
      #expect(error.message == "step 2 was read as a whole, and is damaged" && error.file == path(2))
      #expect(error.details.count == 1 && error.details[0].contains("checksum"), "\(error.details)")
    }
    let problems = try manager.verifySteps()
    #expect(problems.map(\.file) == [path(2), path(4)] && manager.steps.map(\.step) == [1, 3])
    // A damaged step may be saved again, though its file can be opened; a whole one may not.
    try manager.saveNow(TrainedModel.after(4), step: 4)
    #expect(try manager.verifySteps().isEmpty && manager.steps.map(\.step) == [1, 3, 4])
    #expect(throws: RefxError.self) { try manager.saveNow(TrainedModel.after(3), step: 3) }
  }

  /// What stood on a step that is gone can be saved again, and is whole then.
  @Test func aStepWithoutItsBaseIsSavedAgain() throws {
    defer { clean() }
    let manager = try opened { $0.changesBetweenWholes = 1 }
    for step in 1...4 { try manager.saveNow(UnrulyRunTests.Frozen(step), step: step) }
    try #require(manager.steps.map(\.isIncremental) == [false, true, false, true])
    unlink(path(3))
    #expect(try manager.verifySteps().map(\.file) == [path(3), path(4)])
    for step in [3, 4] { try manager.saveNow(UnrulyRunTests.Frozen(step + 10), step: step) }
    #expect(try manager.verifySteps().isEmpty && manager.steps.map(\.step) == [1, 2, 3, 4])
    for step in [3, 4] {
      var model = UnrulyRunTests.Frozen(0)
      try manager.folder.restore(&model, step: step)
      #expect(model.head == UnrulyRunTests.Frozen(step + 10).head)
    }
  }

  @Test(arguments: [FormatName.refx, .hdf5]) func whatIsWrittenIsReadBack(format: FormatName) throws {
    defer { clean() }
    let manager = try opened(.latest(2)) {
      $0.readsBack = true
      $0.format = format
      $0.changesBetweenWholes = 1
    }
    for step in 1...5 { try manager.saveNow(TrainedModel.after(step), step: step) }
    #expect(manager.steps.map(\.step).suffix(2) == [4, 5])
    var model = TrainedModel()
    #expect(try manager.resume(&model)?.step == 5 && model.isSame(as: .after(5)))
    // One that does not read as it was written is no step.
    let bad = manager.steps[0]
    guard format == .refx else { return }
    try damage(4, .payloadBit)
    #expect(throws: RefxError.self) { try manager.readBack(bad, among: manager.steps) }
    #expect(!scratch.visibleNames(in: "run").contains("step-0000000004.refx"))
  }

  private struct Seen { weak var bytes: MemoryBytes? }

  /// What is written is let go of, while the rest of the save still waits.
  @Test func whatIsWrittenIsLetGoOf() throws {
    defer { clean() }
    struct Pair: Codable {
      @RefField var large = Tensor([Float](repeating: 1, count: 1 << 20))
      @RefField var cast = Tensor([Float](repeating: 2, count: 1 << 20))
      var other = Tensor([Float](repeating: 3, count: 1 << 20))
      var z: Gated
    }
    let gate = Gate()
    let policy = try SavePolicy.path("cast", dtype: .bfloat16, compression: .best)
    let manager = try opened { $0.policies = [policy] }
    var model: Pair? = Pair(z: Gated(gate))
    let seen = [model?.large, model?.cast, model?.other].map { Seen(bytes: $0?.bytes) }
    #expect(seen.allSatisfy { $0.bytes != nil })
    let pending = try manager.save(try #require(model), step: 1)
    model = nil
    gate.waitUntilReached()
    for _ in 0..<5000 where seen.contains(where: { $0.bytes != nil }) { usleep(1000) }
    #expect(seen.allSatisfy { $0.bytes == nil } && !pending.isDone)
    gate.open()
    try pending.wait()
  }
}
