import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Read everything and check every checksum and bound.",
    discussion: """
      Goes on after a bad file. Exits 0 where all are sound; 1 where one is damaged, cut or no checkpoint; 2 \
      where the system cannot open or read one.

      Some formats keep no checksums: of what has none, only bounds and sizes are checked, and a changed number \
      looks like any other. What is said of a sound file tells how much of it was vouched for; in JSON, where \
      "arrays" counts what was read, "unchecked" those without a checksum and "unsupported" leaves that cannot be \
      decoded.

      Examples:
        # after a copy
        refx verify /backup/*.refx
        # in a script: nothing is said of sound files
        refx verify --quiet run.refx && rm run-old.refx
        # what is wrong, for a program
        refx verify --json run.refx | jq '.[].problems'
      """)

  @Argument(help: "The checkpoints; - reads standard input.", completion: .file())
  var file: [String]

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    // A mistake in the command line is not the files' fault.
    _ = try input.from.map { try Checkpoints.format(named: $0) }
    var worst: Int32 = 0
    var documents: [JSON] = []
    for name in file {
      let verdict = verify(name)
      worst = max(worst, verdict.code)
      documents.append(verdict.json)
      if !output.json { try write(verdict) }
    }
    if output.json { try StandardOutput.write(.array(documents)) }
    if worst > 0 { throw Answer(code: worst) }
  }

  private struct Verdict {
    let file: String
    var problems: [Problem] = []
    var code: Int32 = 0
    /// nil where the file could not be opened.
    var coverage: Coverage?

    var json: JSON {
      let rows = problems.map { problem -> JSON in
        ["path": problem.path?.json ?? [], "what": .string(problem.what)]
      }
      func number(_ count: Int?) -> JSON { count.map { .integer(Int64($0)) } ?? .null }
      return [
        "file": .string(file), "sound": .bool(problems.isEmpty), "problems": .array(rows),
        "arrays": number(coverage?.arrays), "unchecked": number(coverage?.unchecked),
        "unsupported": number(coverage?.unsupported),
      ]
    }
  }

  private func verify(_ name: String) -> Verdict {
    var verdict = Verdict(file: name)
    let bar = ProgressBar("verifying", output)
    defer { bar.finish() }
    do {
      let opened = try input.open(name, output)
      verdict.coverage = try opened.coverage()
      try opened.verify(bar.handler) { problem in
        verdict.problems.append(problem)
        verdict.code = max(verdict.code, 1)
      }
    } catch {
      let failure = Failure(error)
      bar.finish()
      // File and path are said beside it.
      var problem = failure.error
      (problem.file, problem.path) = (nil, nil)
      verdict.problems.append(Problem(path: failure.error.path, what: problem.summary))
      verdict.code = [.system, .notAFile, .limit].contains(failure.error.code) ? 2 : 1
      if verdict.code == 2 { StandardError.write(Failure(failure.error.inFile(name)).text) }
    }
    return verdict
  }

  private func write(_ verdict: Verdict) throws {
    if verdict.problems.isEmpty {
      let words = "\(visible(verdict.file)): sound\(verdict.coverage.map(VerifyCommand.words) ?? "")"
      if !output.quiet { try StandardOutput.write(words + "\n") }
      return
    }
    // What the system refuses is an error, and was said as one.
    if verdict.code == 2 { return }
    for problem in verdict.problems {
      let place = problem.path.map { "\($0.shown): " } ?? ""
      try StandardOutput.write("\(visible(verdict.file)): \(place)\(visible(problem.what))\n")
    }
  }

  /// How much of a sound file was vouched for.
  private static func words(_ coverage: Coverage) -> String {
    let words =
      switch (coverage.arrays, coverage.unchecked) {
      case (0, _): ", it has no arrays"
      case (let all, 0): ", \(counted(all, "array", "arrays")) checked"
      case (1, _): ", but its array has no checksum"
      case (let all, let unchecked) where all == unchecked: ", but none of its \(all) arrays has a checksum"
      case (let all, 1): ", but 1 of its \(all) arrays has no checksum"
      case (let all, let unchecked): ", but \(unchecked) of its \(all) arrays have no checksum"
      }
    if coverage.unsupported == 0 { return words }
    let left =
      coverage.unsupported == 1
      ? "1 leaf that cannot be decoded was" : "\(coverage.unsupported) leaves that cannot be decoded were"
    return "\(words); \(left) not looked at"
  }
}
