import Glibc
import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

/// The folder of a run: who may save to it, what else lies there, what is listed of it.
@Suite struct RunFolderTests {
  let scratch = ScratchFolder()

  private func clean() { scratch.removeFolder("run") }

  @Test func onlyOneManagerSavesToAFolder() throws {
    defer { clean() }
    do {
      let manager = try CheckpointManager(scratch.file("run"), settings: .quick())
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
      let other = try CheckpointManager(scratch.file("other"), settings: .quick())
      try other.saveNow(TrainedModel.after(2), step: 2)
      rename(scratch.file("other") + "/step-0000000002.refx", folder + "/step-0000000002.refx")
    }
    scratch.removeFolder("other")
    let before = scratch.visibleNames(in: "run")

    let words = Mutex<[String]>([])
    let manager = try CheckpointManager(
      folder, keep: .latest(1),
      settings: .quick { $0.warn = { word in words.withLock { $0.append(word) } } })
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
      let manager = try CheckpointManager(folder, settings: .quick())
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
    let manager = try CheckpointManager(folder, settings: .quick())
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick())
    try manager.saveNow(Other(), step: 1)
    try manager.saveNow(TrainedModel(), step: 2)
    var other = Other()
    #expect(refusal { _ = try manager.resume(&other) }?.code == .mismatch)
    #expect(other.embedding == Tensor([1] as [Float]))
  }

  @Test func aTrainingGoesOnFromAnEarlierStep() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick())
    for step in 1...5 { try manager.saveNow(TrainedModel.after(step), step: step) }
    try manager.removeSteps(after: 2)
    #expect(manager.steps.map(\.step) == [1, 2] && scratch.visibleNames(in: "run").count == 2)
    #expect(try manager.saveNow(TrainedModel.after(3), step: 3).step == 3)
  }

  @Test func aThousandStepsAreListedWithoutBeingOpened() throws {
    defer { clean() }
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick())
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
    let manager = try CheckpointManager(scratch.file("run"), keep: .latest(2), settings: .quick())
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick())
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
    let manager = try CheckpointManager(scratch.file("run"), keep: .latest(2), settings: .quick())
    try manager.saveNow(TrainedModel.after(1), step: 1)
    let isOver = Mutex(false)
    let failures = Mutex<[String]>([])
    let reads = Mutex(0)
    let folder = StepFolder(scratch.file("run"))
    let readers = (0..<8).map { _ in
      HelperThread {
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
