import Glibc
import Refx
import RefxIO

/// One process that saves, and others that read, for the harnesses that end them in the middle, fill the disk under
/// them and take away their files.
enum WalkPrograms {
  /// What the words behind the folder say: `latest=3`, `best=2`, `highest=2`, `every=10`, `period=50` (milliseconds)
  /// are rules; the others are of the manager and of the walk.
  private struct Manner {
    var rules: [Retention] = []
    var settings = CheckpointManager.Settings()
    var size = 3000
    /// Milliseconds between two steps.
    var pause = 0
    /// The step whose metric is none.
    var withoutNumber = -1
    /// Every so many saves one is called off.
    var callsOff = 0

    init(_ words: some Sequence<String>) throws {
      settings.warn = { say("warning: \($0)") }
      for word in words {
        let parts = word.split(separator: "=").map(String.init)
        guard parts.count == 2, let number = Int(parts[1]), number >= 0 else {
          throw RefxError(.usage, "'\(visible(word))' is not known")
        }
        switch parts[0] {
        case "latest": rules.append(.latest(number))
        case "best": rules.append(.best(number, by: "loss"))
        case "highest": rules.append(.best(number, by: "loss", .higher))
        case "every": rules.append(.every(number))
        case "period": rules.append(.period(seconds: Double(number) / 1000))
        case "changes": settings.changesBetweenWholes = number
        case "pending": settings.mostPending = number
        case "fast": settings.durability = number > 0 ? .none : .full
        case "size": size = number
        case "pause": pause = number
        case "nan": withoutNumber = number
        case "cancel": callsOff = number
        default: throw RefxError(.usage, "'\(visible(word))' is not known")
        }
      }
    }
  }

  /// Walks so many steps and saves each. What cannot be saved is said, and the walk goes on.
  static func save(_ folder: String, steps: Int, _ words: some Sequence<String>) throws {
    let manner = try Manner(words)
    let manager = try CheckpointManager(folder, keep: manner.rules, settings: manner.settings)
    var walk = Walk(size: manner.size)
    if let found = try manager.resume(&walk) {
      say("goes on from step \(found.step)")
      guard found.step == walk.step, walk.flaw == nil else {
        throw RefxError(.mismatch, "step \(found.step) is not whole: \(walk.flaw ?? "another step")")
      }
    } else {
      say("begins")
    }
    var errors = 0
    func trying(_ body: () throws -> Void) {
      do { try body() } catch {
        errors += 1
        say("error at step \(walk.step): " + "\(error)".split(separator: "\n").joined(separator: " | "))
      }
    }
    while walk.step < steps {
      walk.advance()
      if manner.pause > 0 { usleep(UInt32(manner.pause) * 1000) }
      say("step \(walk.step)  loss \(walk.loss)  bits \(String(walk.loss.bitPattern, radix: 16))")
      let metric = walk.step == manner.withoutNumber ? Double.nan : Walk.metric(of: walk.step)
      trying {
        let pending = try manager.save(walk, step: walk.step, metrics: ["loss": metric])
        if manner.callsOff > 0, walk.step % manner.callsOff == 0 {
          // Before it begins, in the middle, or when it is on the disk: from a millionth of a second to 1/30.
          usleep(UInt32.random(in: 0..<(1 << UInt32.random(in: 0...15))))
          pending.cancel()
        }
      }
    }
    trying { try manager.finish() }
    say("ends at step \(walk.step) with \(manager.steps.count) steps and \(errors) errors")
  }

  /// Says what lies in a folder, and whether it is what it should be.
  static func look(_ folder: String, size: Int) throws {
    let folder = StepFolder(folder)
    let listing = try folder.list()
    for problem in listing.problems { say("problem: \(problem.file): \(problem.what)") }
    for step in listing.steps {
      do {
        var walk = Walk(size: size)
        try folder.restore(&walk, step: step.step)
        let flaw =
          walk.flaw ?? (walk.step == step.step ? nil : "step \(walk.step) in the file of \(step.step)")
        if let flaw {
          say("problem: \(step.path): \(flaw)")
          continue
        }
        say("step \(step.step) time \(step.time) \(step.isIncremental ? "change" : "whole")")
      } catch {
        say("problem: \(step.path): " + "\(error)".split(separator: "\n").joined(separator: " | "))
      }
    }
  }

  /// Reads for so long what another process saves meanwhile, in every way there is.
  static func read(_ path: String, seconds: Double, seed: UInt64, size: Int) throws {
    let folder = StepFolder(path)
    var random = seed
    var (reads, passed, gone, last) = (0, 0, 0, -1)
    func check(_ walk: Walk, _ step: Int, _ what: String) throws {
      if let flaw = walk.flaw { throw RefxError(.mismatch, "\(what) of step \(step): \(flaw)") }
      if walk.step != step {
        throw RefxError(.mismatch, "\(what) of step \(step): it holds step \(walk.step)")
      }
    }
    func isLatest(_ step: SavedStep?, _ what: String) throws {
      guard let step else {
        if last >= 0 { throw RefxError(.mismatch, "\(what): no step, and step \(last) was there") }
        return
      }
      if step.step < last { throw RefxError(.mismatch, "\(what): step \(step.step) after step \(last)") }
      last = step.step
    }
    let end = now() + seconds
    while now() < end {
      reads += 1
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var walk = Walk(size: size)
      switch (random >> 33) % 4 {
      case 0, 1:
        let step = try folder.resume(&walk) { problem in
          say("problem: \(problem.file): \(problem.what)")
          passed += 1
        }
        try isLatest(step, "resume")
        if let step { try check(walk, step.step, "resume") }
      case 2:
        let step = try folder.latest { problem in
          say("problem: \(problem.file): \(problem.what)")
          passed += 1
        }
        try isLatest(step, "latest")
      default:
        let listing = try folder.list()
        passed += listing.problems.count
        for problem in listing.problems { say("problem: \(problem.file): \(problem.what)") }
        try isLatest(listing.steps.last, "list")
        guard !listing.steps.isEmpty else { continue }
        let step = listing.steps[Int((random >> 40) % UInt64(listing.steps.count))]
        do {
          try folder.restore(&walk, step: step.step)
          try check(walk, step.step, "restore")
        } catch  where access(step.path, F_OK) != 0 {
          // Who asks for one step by its number is told that it is there no more.
          gone += 1
        }
      }
    }
    if passed > 0 { throw RefxError(.mismatch, "\(passed) files were passed over, and all were whole") }
    say("read: \(reads) reads, \(gone) of steps that were gone, up to step \(last)")
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private static func say(_ line: String) {
    print(line)
    fflush(nil)
  }
}
