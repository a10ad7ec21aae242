import Glibc
import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

/// The files that a manager keeps for itself, and its own end.
@Suite struct ManagersFilesTests {
  let scratch = ScratchFolder()

  private func clean() { scratch.removeFolder("run") }

  private final class Words: Sendable {
    private let words = Mutex<[String]>([])
    func add(_ word: String) { words.withLock { $0.append(word) } }
    var all: [String] { words.withLock { $0 } }
  }

  private func opened(_ words: Words = Words()) throws -> CheckpointManager {
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    settings.mostPending = 8
    settings.warn = { words.add($0) }
    return try CheckpointManager(scratch.file("run"), settings: settings)
  }

  // MARK: The list

  /// A digit of a metric changes within a line, and the file that the line is about is the same as before.
  @Test func aLineThatWasChangedCountsForNothing() throws {
    defer { clean() }
    do {
      let manager = try opened()
      for step in 1...3 {
        try manager.saveNow(TrainedModel.after(step), step: step, metrics: ["loss": 0.1234375])
      }
    }
    let list = scratch.file("run") + "/" + StepIndex.fileName
    let file = try InputFile(path: list)
    var bytes = try file.bytes(at: 0, count: file.byteCount)
    let digits = Array("0.1234375".utf8)
    let places = bytes.indices.filter { bytes[$0...].starts(with: digits) }
    try #require(places.count == 3)
    bytes[places[1] + 3] = UInt8(ascii: "9")
    try AtomicFile.replace(list, durable: false) { try $0.append(bytes) }

    let listing = try StepFolder(scratch.file("run")).list()
    #expect(listing.steps.map { $0.metrics["loss"] } == [0.1234375, 0.1234375, 0.1234375])
    #expect(listing.opened == 1 && listing.problems.isEmpty)
    // And so for the manager, which makes the list anew.
    #expect(try opened().steps.map { $0.metrics["loss"] } == [0.1234375, 0.1234375, 0.1234375])
    #expect(try StepFolder(scratch.file("run")).list().opened == 0)
  }

  // MARK: The lock

  private func bytes(_ path: String) throws -> [UInt8] {
    let file = try InputFile(path: path)
    return try file.bytes(at: 0, count: file.byteCount)
  }

  @Test(arguments: ["link", "symlink", "fifo", "folder", "words"]) func aLockOfSomebodyElseIsLeftAlone(
    kind: String
  ) throws {
    defer { clean() }
    let folder = scratch.file("run")
    try AtomicFile.makeFolder(folder)
    let mine = folder + "/mine"
    let lock = folder + "/.refx-lock"
    let text = Array("what somebody wrote".utf8)
    try AtomicFile.replace(mine, durable: false) { try $0.append(text) }
    let found: String
    switch kind {
    case "link":
      link(mine, lock)
      found = "a file that has another name as well"
    case "symlink":
      symlink(mine, lock)
      found = "a symbolic link"
    case "fifo":
      mkfifo(lock, 0o666)
      found = "a named pipe"
    case "folder":
      mkdir(lock, 0o777)
      found = "a folder"
    default:
      rename(mine, lock)
      found = "a file that no manager has written"
    }
    defer { if kind == "folder" { rmdir(lock) } }
    do {
      _ = try opened()
      Issue.record("it was taken")
    } catch let error as RefxError {
      #expect(error.code == .exists && error.file == lock && error.advice != nil)
      #expect(error.message.contains("is \(found), and was left as it is"), "\(error)")
    }
    #expect(try bytes(kind == "words" ? lock : mine) == text)
  }

  /// What a power failure leaves of it is written anew.
  @Test(arguments: ["", "0123456789ab", "\0\0\0\0\0\0\0\0"]) func aLockWrittenInPartIsWrittenAnew(
    text: String
  ) throws {
    defer { clean() }
    try AtomicFile.makeFolder(scratch.file("run"))
    let lock = scratch.file("run") + "/.refx-lock"
    try AtomicFile.replace(lock, durable: false) { try $0.append(Array(text.utf8)) }
    try opened().saveNow(TrainedModel(), step: 1)
    #expect(try bytes(lock).count == 33)
    let run = try bytes(lock)
    #expect(try opened().steps.count == 1 && bytes(lock) == run)
  }

  // MARK: The manager's end

  enum Ending: CaseIterable, Sendable { case underWay, afterwards, told, calledOff, held }

  /// An error of which nobody was told is told when the manager goes.
  @Test(arguments: Ending.allCases) func aManagerThatGoesLeavesAWord(ending: Ending) throws {
    defer { clean() }
    let words = Words()
    var held: PendingSave?
    let gate = Gate()
    do {
      let manager = try opened(words)
      let pending = try manager.save(GatedModel(gate), step: 3)
      if ending == .calledOff { pending.cancel() }
      if ending == .held { held = pending }
      if ending != .underWay {
        gate.fail(RefxError(.damaged, "planted"))
        while !pending.isDone { usleep(1000) }
      }
      if ending == .told { #expect(throws: RefxError.self) { try pending.wait() } }
    }
    #expect(ending != .underWay || words.all.isEmpty)
    gate.fail(RefxError(.damaged, "planted"))
    switch ending {
    case .underWay, .afterwards:
      for _ in 0..<10_000 where words.all.isEmpty { usleep(1000) }
      #expect(words.all == ["gated: planted; step 3 was not saved; earlier steps are as they were"])
    case .told, .calledOff: #expect(words.all.isEmpty)
    case .held:
      #expect(throws: RefxError.self) { try held?.wait() }
      held = nil
      #expect(words.all.isEmpty)
    }
    // The folder is free.
    for _ in 0..<10_000 where (try? opened().steps) == nil { usleep(1000) }
    #expect(try opened().steps.isEmpty)
  }

  @Test func metadataThatNoFileHoldsIsRefused() throws {
    defer { clean() }
    let manager = try opened()
    let bad: [(JSON, String)] = [
      (.number(.nan), "'a' of step 1 is nan"), (.array([1, .number(.infinity)]), "'a[1]' of step 1 is inf"),
      (.object(["b": .array([.object(["c": .number(-.infinity)])])]), "'a.b[0].c' of step 1 is -inf"),
    ]
    for (value, words) in bad {
      do {
        try manager.save(TrainedModel(), step: 1, metadata: ["fine": .number(1.5), "a": value])
        Issue.record("\(words)")
      } catch let error as RefxError {
        #expect(error.code == .usage && error.message == "the metadata \(words), and nothing was saved")
      }
    }
    try manager.finish()
    #expect(manager.steps.isEmpty)
    #expect(try manager.saveNow(TrainedModel(), step: 1, metadata: ["a": [.number(1.5), .null]]).step == 1)
  }
}
