import Glibc
import Refx

/// The story of a checkpoint, told by doing it: every line behind a `$` is a process that runs as it is printed,
/// in the current folder.
struct Demo {
  let folder: String
  let options: OutputOptions
  private var record = DemoRecord()

  init(folder: String, options: OutputOptions) {
    self.folder = folder
    self.options = options
  }

  /// - Throws: ``RefxError`` where a step does not come out as it should; ``Stopped``.
  mutating func run() throws {
    if !options.json { try say("$ cd \(visible(folder))") }
    try train()
    try look()
    try takeApart()
    try convert()
    try untie()
    if options.json { try StandardOutput.write(record.json(folder: folder)) }
  }

  // MARK: The steps

  private mutating func train() throws {
    try title(
      "A small language model whose embedding and head are one Ref is trained by Adam, without a break.")
    try code("try Checkpoint.save(model, to: \"unbroken.refx\")  // every \(DemoTraining.interval) steps")
    try refx("demo", "--train", "unbroken.refx")

    try title("The same again, and in the middle of it the process is killed.")
    let saved = try killInTheMiddle()
    try refx("verify", "killed.refx")
    try refx("inspect", "killed.refx", "optimizer/step")

    try title("It goes on from the last step that was saved, \(saved), with the optimizer's state.")
    try code("var model = try Checkpoint.load(DemoModel.self, from: \"killed.refx\")")
    try code("model.embedding === model.head  // still one Ref")
    try refx("convert", "killed.refx", "resumed.refx", "--force")
    try refx("demo", "--train", "resumed.refx")

    try title("Did the break change anything? Not one bit.")
    try refx("diff", "unbroken.refx", "resumed.refx", answers: 0)
  }

  /// Kills the training after it has saved half of the steps.
  ///
  /// - Returns: the step of the last save.
  private mutating func killInTheMiddle() throws -> Int {
    // A machine that is busy may let the training come to its end before we come to kill it.
    for pace in [20, 100, 500] {
      let line = ["demo", "--train", "killed.refx", "--pace", "\(pace)"]
      try announce(line)
      unlink("killed.refx")
      let half = "step \(DemoTraining.steps / 2) "
      let shows = !options.json
      let end = try DemoProcess.run(
        line,
        output: .watched { printed in
          if shows { try StandardOutput.write(printed + "\n") }
          try StandardOutput.flush()
          guard printed.hasPrefix(half) else { return true }
          // Into the steps that come before the next save.
          usleep(UInt32(pace) * 3500)
          return false
        })
      record.ran(line, end)
      let step = DemoRecord.lastStep(in: end.output)
      if end.signal == SIGKILL, let step, step < DemoTraining.steps {
        if shows { try say("   $ kill -9 …  # on its way to step \(step + DemoTraining.interval)") }
        return step
      }
    }
    throw RefxError.demoFailed("the training could not be killed in time")
  }

  private mutating func look() throws {
    try title("What is in the file? The embedding is stored once, under two names.")
    try refx("inspect", "resumed.refx")
    try refx("inspect", "resumed.refx", "--tree", "--collection", "params")

    try title("What did the second half of the training change?")
    try refx("diff", "killed.refx", "resumed.refx", answers: 1)
  }

  private mutating func takeApart() throws {
    try title("Taken apart by collection, and put together again.")
    try refx("partition", "resumed.refx", "--by-collection", "-o", "parts", "--force")
    try refx(
      "merge", "parts/params.refx", "parts/optimizer.refx", "parts/rest.refx", "-o", "merged.refx", "--force")
    try refx("diff", "resumed.refx", "merged.refx", answers: 0)
  }

  private mutating func convert() throws {
    try title("To HDF5, where the tie is a hard link that every HDF5 tool sees, and to safetensors.")
    try refx("convert", "resumed.refx", "resumed.h5", "--force")
    try refx("convert", "resumed.h5", "resumed.safetensors", "--force")
    try refx("digest", "resumed.refx")
    try refx("digest", "resumed.safetensors")
    try refx("diff", "resumed.refx", "resumed.safetensors", answers: 0)
  }

  private mutating func untie() throws {
    try title("A tie that gets lost is seen, though every number is equal; lint proposes it, tie mends it.")
    try refx("untie", "resumed.refx", "head", "-o", "untied.refx", "--force")
    try refx("diff", "resumed.refx", "untied.refx", answers: 1)
    try refx("lint", "untied.refx", answers: 1)
    try refx("tie", "untied.refx", "embedding", "head", "-o", "tied.refx", "--force")
    try refx("diff", "resumed.refx", "tied.refx", answers: 0)
  }

  // MARK: Telling

  func say(_ line: String) throws {
    try StandardOutput.write(line + "\n")
  }

  private mutating func title(_ text: String) throws {
    record.began(text)
    if !options.json {
      try say("\n" + Style(isColoured: options.isColoured).bold(folded("\(record.count). \(text)")))
    }
  }

  private func code(_ line: String) throws {
    if !options.json { try say("   > " + line) }
  }

  private func announce(_ arguments: [String]) throws {
    if !options.json { try say("   $ refx " + arguments.map(visible).joined(separator: " ")) }
  }

  /// Runs a command, which is printed as it can be typed.
  ///
  /// - Parameter code: the exit code that the story needs.
  private mutating func refx(_ arguments: String..., answers code: Int32 = 0) throws {
    try announce(arguments)
    let manner = options.json ? ["--json"] : ["--color", options.isColoured ? "always" : "never"]
    let end = try DemoProcess.run(arguments + manner, output: options.json ? .kept : .shown)
    record.ran(arguments, end)
    guard end.code == code else {
      let line = arguments.map(visible).joined(separator: " ")
      throw RefxError.demoFailed("`refx \(line)` ended with \(end.code) and not with \(code)")
    }
  }
}
