import Glibc
import RefxIO

/// Runs one job and prints what it took; see ``Job``.
@main
enum RefxBench {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    do {
      guard let id = words.first, id != "--help" else { throw Trouble("refx-bench list | JOB key=value…") }
      if id == "list" { return list() }
      guard let job = Registry.all.first(where: { $0.id == id }) else {
        throw Trouble("\(id) is no job; refx-bench list names them")
      }
      let run = try Run(id, arguments(words.dropFirst()))
      try job.body(run)
      guard let line = run.line() else { throw Trouble("\(id) measured nothing") }
      print(String(decoding: line.bytes(), as: UTF8.self))
    } catch let error as RefxError {
      end(error.description)
    } catch {
      end("\(error)")
    }
  }

  private static func arguments(_ words: ArraySlice<String>) throws -> [String: String] {
    var arguments: [String: String] = [:]
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw Trouble("\(word) is not key=value") }
      arguments[String(parts[0])] = String(parts[1])
    }
    return arguments
  }

  private static func list() {
    for job in Registry.all { print("\(job.id)  \(job.keys)\n    \(job.summary)") }
  }

  private static func end(_ words: String) -> Never {
    let line = Array("refx-bench: \(words)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(1)
  }
}
