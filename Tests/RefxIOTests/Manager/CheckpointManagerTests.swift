import Glibc
import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

@Suite struct CheckpointManagerTests {
  let scratch = ScratchFolder()

  private func clean() { scratch.removeFolder("run") }

  @Test(arguments: [FormatName.refx, .hdf5]) func aRunIsResumed(format: FormatName) throws {
    defer { clean() }
    do {
      let manager = try CheckpointManager(
        scratch.file("run"), keep: .latest(3), .best(1, by: "loss"), settings: .quick { $0.format = format }
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.format = format })
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 100 })
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 4 })
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 1 })
    let gate = Gate()
    try manager.save(GatedModel(gate), step: 1)
    let isThrough = Mutex(false)
    let thread = HelperThread { [manager] in
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 8 })
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
        scratch.file("run"), settings: .quick { $0.changesBetweenWholes = changes })
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
      scratch.file("run"), settings: .quick { $0.warn = { word in words.withLock { $0.append(word) } } })
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 8 })
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick { $0.mostPending = 8 })
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
    let manager = try CheckpointManager(scratch.file("run"), settings: .quick())
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
}
