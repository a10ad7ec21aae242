import Glibc
import Refx
import RefxIO

/// `demo --train FILE`: a training loop as anybody writes one. It goes on from what the file holds, and saves as
/// it goes.
struct DemoTraining {
  static let steps = 60
  /// So many steps lie between one save and the next.
  static let interval = 10

  private static let text =
    "the ref that is shared is one ref and the tree that holds it twice holds it once "

  let file: String
  /// A pause after each step, in milliseconds: time to kill it.
  let pace: Int

  /// What came of it.
  struct Outcome {
    /// The step it went on from; nil where it began anew.
    var resumed: Int?
    var losses: [(step: Int, loss: Float)] = []
  }

  /// - Parameter report: is told of every line that stands for a person.
  func run(report: (String) throws -> Void) throws -> Outcome {
    let alphabet = Set(DemoTraining.text.utf8).sorted()
    let letters = DemoTraining.text.utf8.compactMap { alphabet.firstIndex(of: $0) }
    var model = DemoModel(letters: alphabet.count, seed: 7)
    var outcome = Outcome()
    if DemoTraining.exists(file) {
      model = try load(like: model)
      outcome.resumed = model.optimizer.step.value
      try report("\(visible(file)) is at step \(model.optimizer.step.value) and goes on from there")
    }
    while model.optimizer.step.value < DemoTraining.steps {
      let loss = model.train(on: letters)
      if pace > 0 { usleep(UInt32(pace) * 1000) }
      let step = model.optimizer.step.value
      guard step % DemoTraining.interval == 0 else { continue }
      try Checkpoint.save(model, to: file)
      outcome.losses.append((step, loss))
      try report("step \(step)  loss \(loss)  saved")
    }
    if outcome.losses.isEmpty {
      try report("nothing is left to do: all \(DemoTraining.steps) steps are done")
    }
    return outcome
  }

  /// The model that the file holds, which anybody may have named: a model of other shapes ends here and not in
  /// the middle of a step.
  private func load(like model: DemoModel) throws -> DemoModel {
    let loaded = try Checkpoint.load(DemoModel.self, from: file)
    if let difference = loaded.difference(from: model) {
      throw RefxError.notOfTheDemonstration(difference).inFile(file)
    }
    guard (0...DemoTraining.steps).contains(loaded.optimizer.step.value) else {
      throw RefxError.notOfTheDemonstration("step \(loaded.optimizer.step.value)").inFile(file)
    }
    return loaded
  }

  private static func exists(_ file: String) -> Bool {
    var status = stat()
    return lstat(file, &status) == 0
  }
}

extension DemoModel {
  /// The first thing that is not as in `other`; nil where the two are of one make.
  func difference(from other: DemoModel) -> String? {
    if !isTied { return "embedding and head are not tied" }
    for (name, mine, its) in [("embedding", embedding, other.embedding), ("bias", bias, other.bias)]
    where mine.value.dtype != its.value.dtype || mine.value.shape != its.value.shape {
      return "\(name) is \(mine.value.dtype.name) \(mine.value.shape)"
    }
    let moments = [
      (optimizer.embedding, other.optimizer.embedding, "embedding"),
      (optimizer.bias, other.optimizer.bias, "bias"),
    ]
    for (mine, its, name) in moments
    where mine.mean.value.count != its.mean.value.count || mine.square.value.count != its.square.value.count {
      return "the optimizer's state of \(name) is of another size"
    }
    return nil
  }
}
