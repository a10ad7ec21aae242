import Glibc
import Refx
import RefxIO
import RefxStore
import Synchronization

/// Trains a small language model, saves its steps while it trains, and goes on where it was broken off. Its arguments are
/// `FOLDER [--steps N] [--every N] [--keep N] [--text FILE] [--pause MILLISECONDS]`.
///
/// SIGTERM ends it after the step it is in, which is saved; what is lost by SIGKILL is the steps since the last save.
/// In every case the run goes on to the same bits.
@main struct TrainText {
  static func main() {
    do {
      try run(Arguments(CommandLine.arguments.dropFirst()))
    } catch {
      let line = Array("train-text: \(error)\n".utf8)
      _ = write(2, line, line.count)
      exit(2)
    }
  }

  private static func run(_ arguments: Arguments) throws {
    let text = try arguments.text()
    stopWhenTold()
    let manager = try CheckpointManager(
      arguments.folder, keep: .latest(arguments.keep), .best(1, by: "loss"), settings: arguments.settings)
    var training = Training(text: text, seed: 7)
    if let saved = try manager.resume(&training) {
      say("goes on from step \(saved.step)")
      guard training.model.isTied else { throw RefxError(.mismatch, "the embedding and the head are apart") }
    }
    while training.step < arguments.steps {
      let loss = training.advance(on: text)
      if arguments.pause > 0 { usleep(UInt32(arguments.pause) * 1000) }
      let isLast = training.step == arguments.steps || isStopped
      if training.step % 10 == 0 || isLast {
        say("step \(training.step)  loss \(loss)  bits \(String(loss.bitPattern, radix: 16))")
      }
      // It returns as soon as the state is captured: the training goes on while the file is written.
      if training.step % arguments.every == 0 || isLast {
        try manager.save(training, step: training.step, metrics: ["loss": Double(loss)])
      }
      if isStopped { break }
    }
    try manager.finish()
    if isStopped { say("stopped at step \(training.step), which is saved") }
  }

  // MARK: Being told to stop

  private static let stop = Atomic<Bool>(false)
  private static var isStopped: Bool { stop.load(ordering: .relaxed) }

  private static func stopWhenTold() {
    _ = isStopped
    for number in [SIGTERM, SIGINT] {
      signal(number) { _ in TrainText.stop.store(true, ordering: .relaxed) }
    }
  }

  private static func say(_ line: String) {
    print(line)
    fflush(nil)
  }
}

/// What stands on the command line.
private struct Arguments {
  private(set) var folder = ""
  private(set) var steps = 400
  private(set) var every = 20
  private(set) var keep = 3
  private(set) var pause = 0
  private var file: String?
  private var changes = 0
  private var isDurable = true

  init(_ words: some Sequence<String>) throws {
    var words = Array(words)[...]
    func number(_ option: String, from least: Int) throws -> Int {
      guard let word = words.popFirst(), let number = Int(word), number >= least else {
        throw RefxError(.usage, expected: "a number of at least \(least) behind \(option)")
      }
      return number
    }
    while let word = words.popFirst() {
      switch word {
      case "--steps": steps = try number(word, from: 1)
      case "--every": every = try number(word, from: 1)
      case "--keep": keep = try number(word, from: 1)
      case "--pause": pause = try number(word, from: 0)
      case "--changes": changes = try number(word, from: 0)
      case "--fast": isDurable = false
      case "--text": file = words.popFirst()
      case _ where word.hasPrefix("-") || !folder.isEmpty:
        throw RefxError(
          .usage, "'\(visible(word))' is not known", advice: "see the first lines of TrainText.swift")
      default: folder = word
      }
    }
    if folder.isEmpty { throw RefxError(.usage, expected: "a folder for the steps") }
  }

  var settings: CheckpointManager.Settings {
    var settings = CheckpointManager.Settings()
    settings.changesBetweenWholes = changes
    settings.durability = isDurable ? .full : .none
    settings.warn = { word in
      let line = Array("train-text: \(word)\n".utf8)
      _ = write(2, line, line.count)
    }
    return settings
  }

  func text() throws -> TrainingText {
    guard let file else { return try TrainingText(Array(TrainingText.own.utf8), named: "the text") }
    let input = try InputFile(path: file)
    return try TrainingText(input.bytes(at: 0, count: min(input.byteCount, 1 << 20)), named: file)
  }
}
