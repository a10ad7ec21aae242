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

    var json: JSON {
      let rows = problems.map { problem -> JSON in
        ["path": problem.path?.json ?? [], "what": .string(problem.what)]
      }
      return ["file": .string(file), "sound": .bool(problems.isEmpty), "problems": .array(rows)]
    }
  }

  private func verify(_ name: String) -> Verdict {
    var verdict = Verdict(file: name)
    let bar = ProgressBar("verifying", output)
    defer { bar.finish() }
    do {
      let opened = try input.open(name, output)
      try opened.verify(bar.handler) { problem in
        verdict.problems.append(problem)
        verdict.code = max(verdict.code, 1)
      }
    } catch {
      let failure = Failure(error)
      bar.finish()
      verdict.problems.append(Problem(path: failure.error.path, what: failure.error.summary))
      verdict.code = [.system, .notAFile, .limit].contains(failure.error.code) ? 2 : 1
      if verdict.code == 2 { StandardError.write(failure.text) }
    }
    return verdict
  }

  private func write(_ verdict: Verdict) throws {
    if verdict.problems.isEmpty {
      if !output.quiet { try StandardOutput.write("\(visible(verdict.file)): sound\n") }
      return
    }
    for problem in verdict.problems {
      let place = problem.path.map { "\($0.shown): " } ?? ""
      // A problem may name its file already.
      let what =
        problem.what.hasPrefix(verdict.file) ? problem.what : "\(verdict.file): \(place)\(problem.what)"
      try StandardOutput.write(visible(what) + "\n")
    }
  }
}
