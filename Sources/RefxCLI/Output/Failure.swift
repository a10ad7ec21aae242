import Refx
import RefxStore

/// An error as the command says it: one line first, then details; the same as JSON where that is asked for.
struct Failure {
  let error: RefxError

  init(_ error: RefxError) {
    self.error = error
  }

  init(_ error: any Error) {
    self.error = error as? RefxError ?? RefxError(.system, "\(error)")
  }

  /// What the argument parser found, whose first line says it.
  init(usage message: String, of command: String?) {
    let lines = message.split(separator: "\n").map(String.init)
    var first = lines.first ?? "the command line cannot be read"
    for prefix in ["Error: "] where first.hasPrefix(prefix) { first.removeFirst(prefix.count) }
    // What follows is the parser's own help, which is not the one that --help shows.
    error = RefxError(.usage, first, advice: "see refx \(command.map { $0 + " " } ?? "")--help")
  }

  /// Says it on standard error and, for JSON, on standard output in the place of what was to come there.
  ///
  /// - Returns: the exit code.
  func report(asJSON isJSON: Bool) -> Int32 {
    if error.code == .brokenPipe && error.file == StandardOutputFile.name { return 0 }
    StandardError.write(text)
    guard isJSON else {
      try? StandardOutput.flush()
      return 2
    }
    StandardOutput.discard()
    do {
      try StandardOutput.write(json)
      try StandardOutput.flush()
    } catch {
      return 2
    }
    return 2
  }

  /// `refx: FILE: PATH: …`, then the details, indented.
  var text: String {
    let detailLines = error.details.flatMap { $0.split(separator: "\n").map { "  " + visible(String($0)) } }
    return (["refx: " + error.summary] + detailLines).joined(separator: "\n")
  }

  /// `{"error": …}`.
  private var json: JSON { ["error": body] }

  /// What happened, as JSON.
  var body: JSON {
    [
      "code": .string(error.code.rawValue),
      "file": error.file.map { .string($0) } ?? .null,
      "path": error.path.map { .array($0.keys.map { .string($0.string) }) } ?? .null,
      "message": .string(error.summary),
      "details": .array(error.details.map { .string($0) }),
    ]
  }
}
