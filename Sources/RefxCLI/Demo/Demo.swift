import Refx
import RefxIO
import RefxStore

/// The story of a checkpoint, told by doing it.
struct Demo {
  let folder: String

  private static let text =
    "the ref that is shared is one ref and the tree that holds it twice holds it once "
  private static let steps = 60

  func run() throws {
    let alphabet = Set(Demo.text.utf8).sorted()
    let letters = Demo.text.utf8.compactMap { alphabet.firstIndex(of: $0) }
    func fresh() -> DemoModel { DemoModel(letters: alphabet.count, seed: 7) }
    func train(_ model: inout DemoModel, steps: Int) -> Float {
      var loss: Float = 0
      for _ in 0..<steps { loss = model.train(on: letters) }
      return loss
    }

    try say(
      "1. A model whose embedding and head are one Ref is trained for \(Demo.steps) steps without a break.")
    var unbroken = fresh()
    let expected = train(&unbroken, steps: Demo.steps)
    try say("   loss \(expected)")

    try say(
      "\n2. The same model is trained for half of them, saved and thrown away, as if it had been killed.")
    var first = fresh()
    let half = train(&first, steps: Demo.steps / 2)
    try code("try Checkpoint.save(model, to: \"half.refx\")")
    try Checkpoint.save(first, to: file("half.refx"))
    try say("   loss \(half)")

    try say("\n3. It is loaded and trained on, with the optimizer's state where it was.")
    try code("var model = try Checkpoint.load(DemoModel.self, from: \"half.refx\")")
    var resumed = try Checkpoint.load(DemoModel.self, from: file("half.refx"))
    guard resumed.isTied else { throw RefxError.demoFailed("the loaded model is not tied") }
    try code("model.embedding === model.head  // \(resumed.isTied)")
    let loss = train(&resumed, steps: Demo.steps - Demo.steps / 2)
    guard loss == expected else { throw RefxError.demoFailed("the resumed loss is \(loss)") }
    try say("   loss \(loss): that of the unbroken run, bit by bit")
    try Checkpoint.save(resumed, to: file("full.refx"))

    try say("\n4. What is in the file?")
    try command("inspect", file("full.refx"))
    try command("inspect", file("full.refx"), "--tree", "--collection", "params")

    try say("\n5. What did the second half of the training change?")
    try command("diff", file("half.refx"), file("full.refx"))

    try say("\n6. Taken apart by collection, and put together again.")
    try command("partition", file("full.refx"), "--by-collection", "-o", file("parts"), "--force")
    try command(
      "merge", file("parts/params.refx"), file("parts/optimizer.refx"), file("parts/rest.refx"), "-o",
      file("merged.refx"), "--force")
    try command("diff", file("full.refx"), file("merged.refx"))

    try say("\n7. To HDF5, where the tie is a hard link that every HDF5 tool sees, and to safetensors.")
    try command("convert", file("full.refx"), file("full.h5"), "--force")
    try command("convert", file("full.h5"), file("full.safetensors"), "--force")
    try command("digest", file("full.refx"))
    try command("digest", file("full.safetensors"))
    let back = try Checkpoint.load(DemoModel.self, from: file("full.safetensors"))
    guard back.isTied, back.embedding.value == resumed.embedding.value else {
      throw RefxError.demoFailed("the model did not come back through HDF5 and safetensors")
    }

    try say("\n8. A tie that was lost on the way is seen at once, though every number is equal.")
    var untied = back
    untied.head = Ref(back.embedding.value, collection: "params")
    try Checkpoint.save(untied, to: file("untied.refx"))
    try command("diff", file("full.refx"), file("untied.refx"))
  }

  func say(_ line: String) throws {
    try StandardOutput.write(line + "\n")
  }

  private func file(_ name: String) -> String { folder + "/" + name }

  private func code(_ line: String) throws {
    try say("   > " + line)
  }

  /// Prints a command and runs it.
  private func command(_ arguments: String...) throws {
    try say("   $ refx " + arguments.map(visible).joined(separator: " "))
    do {
      var command = try RefxCommand.parseAsRoot(arguments)
      try command.run()
    } catch let answer as Answer where answer.code == 1 {
      // A diff that finds something says so by its exit code.
    }
  }
}
