import Glibc

/// `refx ---complete SHELL …`: what the shells' completions call. It never fails, never waits for long, and
/// writes nothing but answers.
///
/// The first line says what follows: `answers`, `files` or `folders`. Then comes a line for each answer; for zsh
/// and fish with a tab and what the answer means.
enum CompletionServer {
  static let argument = "---complete"

  static func serve(_ arguments: [String]) -> Int32 {
    // Whatever goes wrong: silence. A file that takes longer than this is not worth the wait.
    let null = open("/dev/null", O_WRONLY)
    if null >= 0 { dup2(null, 2) }
    signal(SIGALRM) { _ in _exit(0) }
    alarm(3)
    guard arguments.count >= 2, let manual = try? Manual(of: RefxCommand.self) else { return 0 }
    let completion = Completion(manual: manual)
    let lines: [String]
    if arguments[0] == "bash" {
      let line = ShellLine(arguments[1], breaks: arguments.count > 2 ? arguments[2] : "")
      lines = words(completion.reply(to: withoutProgram(line.words))) { line.replacement($0.text) }
    } else {
      lines = words(completion.reply(to: Array(arguments.dropFirst()))) { answer in
        answer.meaning.isEmpty ? answer.text : "\(answer.text)\t\(answer.meaning)"
      }
    }
    try? StandardOutput.write(lines.joined(separator: "\n") + "\n")
    try? StandardOutput.flush()
    return 0
  }

  /// The words behind the program's name, before which variables may be set.
  private static func withoutProgram(_ words: [String]) -> [String] {
    let settings = words.prefix { $0.contains("=") && !$0.hasPrefix("-") && !$0.hasPrefix("/") }
    return Array(words.dropFirst(settings.count + 1))
  }

  private static func words(_ reply: Completion.Reply, _ show: (Completion.Answer) -> String) -> [String] {
    switch reply {
    case .files: ["files"]
    case .folders: ["folders"]
    case .answers(let answers): ["answers"] + answers.map(show).filter { !$0.isEmpty }
    }
  }
}
