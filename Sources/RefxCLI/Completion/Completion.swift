import Refx
import RefxIO

/// What a word of a command line may become: asked by the shells' completions on every press of the key, so it
/// is quick, says nothing about anything that is wrong, and reads of files no more than their headers.
struct Completion {
  struct Answer {
    var text: String
    var meaning = ""
  }

  /// What the shell is to do.
  enum Reply {
    case answers([Answer])
    /// The shell knows files best.
    case files
    case folders
  }

  let manual: Manual

  /// - Parameter words: what stands behind the program's name, the last word being the one that is written.
  func reply(to words: [String]) -> Reply {
    guard let last = words.last else { return .answers([]) }
    let before = words.dropLast()
    guard let name = before.first else {
      return .answers(commandNames(last) + options(of: manual.root, last, []))
    }
    if name == "help" { return .answers(before.count == 1 ? commandNames(last) : []) }
    guard let command = manual.command(named: name) else { return .answers([]) }
    let line = ParsedLine(Array(before.dropFirst()), command)
    if let option = line.unfinished { return values(of: option.manual, last, line, command) }
    if !line.isOver, last.hasPrefix("--"), last.contains("=") {
      let spelling = Misuse.name(of: last)
      guard let option = command.option(spelling), option.kind == .option else { return .answers([]) }
      let start = spelling + "="
      let reply = values(of: option, String(last.dropFirst(start.count)), line, command)
      guard case .answers(let answers) = reply else { return reply }
      return .answers(answers.map { Answer(text: start + $0.text, meaning: $0.meaning) })
    }
    if !line.isOver, last.hasPrefix("-"), last != "-" || command.positionals.isEmpty {
      return .answers(options(of: command, last, line.given))
    }
    let place = min(line.positionals.count, command.positionals.count - 1)
    guard place >= 0, place == line.positionals.count || command.positionals[place].isRepeating else {
      return .answers(options(of: command, last, line.given))
    }
    return values(of: command.positionals[place], last, line, command)
  }

  private func commandNames(_ start: String) -> [Answer] {
    (manual.commands.map { Answer(text: $0.name, meaning: $0.abstract) }
      + [Answer(text: "help", meaning: "Show the help of a command.")])
      .filter { $0.text.hasPrefix(start) }
  }

  private func options(of command: CommandManual, _ start: String, _ given: [ArgumentManual]) -> [Answer] {
    guard start.hasPrefix("-") else { return [] }
    return command.options.filter { option in
      option.isRepeating || !given.contains { $0.long == option.long && $0.short == option.short }
    }
    .flatMap { option in option.spellings.map { Answer(text: $0, meaning: option.abstract) } }
    .filter { $0.text.hasPrefix(start) && ($0.text.hasPrefix("--") || start == "-" || start == $0.text) }
  }

  // MARK: Values

  /// Told by the declared values, and by the name that the value has in the help: `path`, `format`, `file`.
  private func values(
    of argument: ArgumentManual, _ start: String, _ line: ParsedLine, _ command: CommandManual
  ) -> Reply {
    func among(_ known: [String]) -> Reply {
      .answers(known.filter { $0.hasPrefix(start) }.map { Answer(text: $0) })
    }
    if !argument.values.isEmpty { return among(argument.values) }
    if argument.completesFiles { return .files }
    if argument.completesFolders { return .folders }
    let file = FileInLine(line, command)
    switch argument.valueName {
    case "path", "paths", "site", "sites": return .answers(file?.paths(start, isPattern: false) ?? [])
    case "pattern", "patterns": return .answers(file?.paths(start, isPattern: true) ?? [])
    case "format": return among(Formats.all.stores.map { $0.format.name })
    case "dir", "folder": return .folders
    case "file", "out", "in", "base", "old", "new", "part", "other", "patch": return .files
    case "from=to": return .answers(casts(start))
    case "codes": return .answers(list(LintCode.allCases.map(\.rawValue), start))
    case "kind,…": return .answers(list(TreeDiff.Kind.allCases.map(\.rawValue), start))
    case "pattern=collection":
      guard let mark = start.utf8.lastIndex(of: UInt8(ascii: "=")) else {
        return .answers(file?.paths(start, isPattern: true) ?? [])
      }
      return .answers(file?.collections(from: start, behind: mark) ?? [])
    case "selector=out": return selector(start, file)
    case _ where argument.long == "dtype": return among(Completion.dtypes)
    case _ where argument.long == "collection":
      return .answers(file?.collections(from: start, behind: nil) ?? [])
    default: return .answers([])
    }
  }

  private static let dtypes = DType.allCases.filter { $0 != .unsupported }.map(\.name)

  private func casts(_ start: String) -> [Answer] {
    let mark = start.utf8.firstIndex(of: UInt8(ascii: "="))
    return Completion.dtypes.map { name in Answer(text: mark.map { start[...$0] + name } ?? name + "=") }
      .filter { $0.text.hasPrefix(start) }
  }

  /// The last of several names with commas between; none comes twice.
  private func list(_ known: [String], _ start: String) -> [Answer] {
    let taken = start.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let before = taken.dropLast()
    return known.filter { !before.contains($0) && $0.hasPrefix(taken.last ?? "") }
      .map { Answer(text: (before + [$0]).joined(separator: ",")) }
  }

  private func selector(_ start: String, _ file: FileInLine?) -> Reply {
    if start.contains("=") { return .files }
    for kind in ["path:", "collection:", "dtype:"] where start.hasPrefix(kind) {
      let rest = String(start.dropFirst(kind.count))
      let found: [Answer] =
        switch kind {
        case "path:": file?.paths(rest, isPattern: true) ?? []
        case "dtype:": Completion.dtypes.filter { $0.hasPrefix(rest) }.map { Answer(text: $0) }
        default: file?.collections(from: rest, behind: nil) ?? []
        }
      return .answers(
        found.map { Answer(text: kind + $0.text + ($0.text.hasSuffix("/") ? "" : "="), meaning: $0.meaning) })
    }
    return .answers(
      ["collection:", "path:", "dtype:"].filter { $0.hasPrefix(start) }.map { Answer(text: $0) })
  }
}
