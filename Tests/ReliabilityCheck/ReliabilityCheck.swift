import Glibc
import RefxIO
import RefxStore
import RefxTestSupport

/// The long runs of what the tests do in short, one a process, which counts only what it did itself.
/// `Tools/checks` runs them.
///
///     ReliabilityCheck roundtrip COUNT SEED    random trees through every pair of formats
///     ReliabilityCheck stress SECONDS SEED     eight threads through the front door
///     ReliabilityCheck handles COUNT           files opened and closed
///     ReliabilityCheck manager STEPS SEED      a training that saves, calls off and fails at random
///     ReliabilityCheck exit FOLDER             saves twenty steps and ends at once
///     ReliabilityCheck save FOLDER STEPS [WORD=NUMBER...]     a walk that saves each step (WalkPrograms.swift)
///     ReliabilityCheck look FOLDER SIZE        says which steps are there, and whether they are whole
///     ReliabilityCheck read FOLDER SECONDS SEED SIZE          reads what another process saves
///
/// The last line has the figures. Exit code 1 where something does not hold.
@main struct ReliabilityCheck {
  static func main() {
    let arguments = CommandLine.arguments.dropFirst().map { $0 }
    let numbers = arguments.dropFirst().map { UInt64($0) ?? 0 }
    do {
      switch (arguments.first, numbers.count) {
      case ("roundtrip", 2): try roundTrip(numbers[0], from: numbers[1])
      case ("stress", 2): try stress(seconds: numbers[0], seed: numbers[1])
      case ("handles", 1): try handles(Int(numbers[0]))
      case ("manager", 2): try manager(Int(numbers[0]), seed: numbers[1])
      case ("exit", 1): try saveAndEnd(arguments.last ?? "")
      case ("save", 2...):
        try WalkPrograms.save(arguments[1], steps: Int(numbers[1]), arguments.dropFirst(3))
      case ("look", 2): try WalkPrograms.look(arguments[1], size: Int(numbers[1]))
      case ("read", 4):
        try WalkPrograms.read(
          arguments[1], seconds: Double(numbers[1]), seed: numbers[2], size: Int(numbers[3]))
      default:
        fail(
          "usage: ReliabilityCheck roundtrip COUNT SEED | stress SECONDS SEED | handles COUNT "
            + "| manager STEPS SEED | exit FOLDER | save FOLDER STEPS [WORD=NUMBER...] | look FOLDER SIZE "
            + "| read FOLDER SECONDS SEED SIZE")
      }
    } catch { fail("\(error)") }
  }

  private static func roundTrip(_ count: UInt64, from seed: UInt64) throws {
    let blocks = Int((count + 99) / 100)
    let all = Sum()
    try forEachInParallel(blocks, threads: Cores.available) { block in
      var figures = RoundTrips.Figures()
      for number in (UInt64(block) * 100)..<min(count, UInt64(block + 1) * 100) {
        figures.add(try RoundTrips.run(seed: seed &+ number, inAllPairs: true))
      }
      all.add(figures)
    }
    let figures = all.figures
    let least = figures.pairs.min() ?? 0
    print(
      "roundtrip: \(figures.trees) trees, \(figures.trips) trips, each of \(figures.pairs.count) pairs at least "
        + "\(least) times, \(figures.refusals) refusals, 0 violations, \(peakMiB()) MiB")
  }

  private static func stress(seconds: UInt64, seed: UInt64) throws {
    let count = try ThreadStress(seed: seed).run(seconds: Double(seconds))
    print("stress: 8 threads, \(seconds) s, \(count) turns, 0 violations, \(peakMiB()) MiB")
  }

  private static func handles(_ count: Int) throws {
    let figures = try OpenCloseLoop().run(count: count)
    try OpenCloseLoop.judge(figures)
    print(
      "handles: \(figures.opened) files opened, \(figures.refused) refused, 0 violations; before: "
        + "\(figures.before); after: \(figures.after)")
  }

  private static func manager(_ steps: Int, seed: UInt64) throws {
    let folder = ScratchFolder()
    defer { folder.removeFolder("run") }
    var stress = ManagerStress(folder: folder.file("run"), seed: seed)
    let figures = try stress.run(steps: steps)
    print(
      "manager: \(steps) steps, \(figures.saved) saved, \(figures.cancelled) called off, \(figures.failed) failed, "
        + "\(figures.restarts) managers, 0 violations, \(peakMiB()) MiB")
  }

  /// Nobody waits for what is under way: the end of the process does.
  private static func saveAndEnd(_ folder: String) throws {
    struct Model: Codable {
      var numbers = Tensor((0..<500_000).map { Float($0) })
      var step = 0
    }
    var settings = CheckpointManager.Settings()
    settings.mostPending = 100
    let manager = try CheckpointManager(folder, settings: settings)
    for step in 1...20 { try manager.save(Model(step: step), step: step) }
    exit(manager.steps.count == 20 ? 3 : 0)
  }

  private static func peakMiB() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss / 1024
  }

  private static func fail(_ message: String) -> Never {
    let line = Array("ReliabilityCheck: \(message)\n".utf8)
    _ = write(2, line, line.count)
    exit(1)
  }
}

/// Figures of several threads.
private final class Sum: @unchecked Sendable {
  // Sendable: what changes is changed under the lock.
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var all = RoundTrips.Figures()

  init() { pthread_mutex_init(lock, nil) }

  func add(_ figures: RoundTrips.Figures) {
    pthread_mutex_lock(lock)
    all.add(figures)
    pthread_mutex_unlock(lock)
  }

  var figures: RoundTrips.Figures {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return all
  }
}
