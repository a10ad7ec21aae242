/// The manual as man pages, in the macros of mdoc(7).
struct ManPage {
  private let manual: Manual
  private var text = ""

  init(_ manual: Manual) {
    self.manual = manual
  }

  /// Every page and the name of its file.
  static func all(_ manual: Manual) -> [(file: String, text: String)] {
    var page = ManPage(manual)
    return [("\(manual.program).1", page.overview())]
      + manual.commands.map { ("\(manual.program)-\($0.name).1", page.page(of: $0)) }
  }

  private mutating func overview() -> String {
    begin(manual.program, manual.root.abstract)
    macro("Sh", "SYNOPSIS")
    macro("Nm", manual.program)
    macro("Ar", "command")
    macro("Op", "Ar option ...")
    macro("Op", "Ar file ...")
    macro("Sh", "DESCRIPTION")
    write(manual.root.discussion)
    macro("Sh", "COMMANDS")
    list(manual.commands.map { ("Xr \(manual.program)-\($0.name) 1", $0.abstract) })
    for group in manual.root.groups { options(group.title, group.options) }
    macro("Sh", "ENVIRONMENT")
    list([
      (
        "Ev NO_COLOR",
        "Where it is set and not empty, nothing is coloured, unless --color always asks for it."
      ),
      ("Ev TERM", "Where it is dumb, nothing is coloured, and no progress is shown."),
    ])
    exitStatus()
    examples(manual.root.discussion.examples)
    macro("Sh", "SEE ALSO")
    let names = manual.commands.map(\.name).sorted()
    for (position, name) in names.enumerated() {
      macro("Xr", "\(manual.program)-\(name) 1" + (position < names.count - 1 ? " ," : ""))
    }
    return text
  }

  private mutating func page(of command: CommandManual) -> String {
    begin("\(manual.program)-\(command.name)", command.abstract)
    macro("Sh", "SYNOPSIS")
    macro("Nm", "\(manual.program) \(command.name)")
    macro("Op", "Ar option ...")
    for argument in command.positionals {
      let name = "Ar \(escaped(argument.valueName))" + (argument.isRepeating ? " ..." : "")
      text += argument.isOptional ? ".Op \(name)\n" : ".\(name)\n"
    }
    for option in command.options where !option.isOptional {
      macro("Fl", "\(flag(option.spellings.first ?? "")) Ar \(escaped(option.valueName))")
    }
    macro("Sh", "DESCRIPTION")
    sentence(command.abstract)
    write(command.discussion, isFirst: false)
    if !command.positionals.isEmpty {
      list(command.positionals.map { ("Ar \(escaped($0.valueName))", $0.sentence) })
    }
    for group in command.groups { options(group.title, group.options) }
    exitStatus()
    examples(command.discussion.examples)
    macro("Sh", "SEE ALSO")
    macro("Xr", "\(manual.program) 1")
    return text
  }

  // MARK: Parts

  private mutating func begin(_ name: String, _ abstract: String) {
    text = ".\\\" Made by \(manual.program) itself, of the words that its --help shows.\n"
    macro("Dd", refxDate)
    macro("Dt", "\(name.uppercased()) 1")
    macro("Os", "\(manual.version)")
    macro("Sh", "NAME")
    macro("Nm", name)
    macro("Nd", escaped(withoutStop(abstract)))
  }

  private mutating func exitStatus() {
    macro("Sh", "EXIT STATUS")
    list([
      ("0", "Done, equal or sound."),
      ("1", "The answer is no: files differ, something is damaged, something was found."),
      ("2", "Trouble: an unreadable file, a bad argument; nothing was written."),
    ])
  }

  private mutating func options(_ title: String, _ options: [ArgumentManual]) {
    macro("Sh", title == "Options" ? "OPTIONS" : "\(title.uppercased()) OPTIONS")
    list(
      options.map { option in
        let names = option.spellings.map { "Fl \(flag($0))" }.joined(separator: " , ")
        return (option.kind == .flag ? names : "\(names) Ar \(escaped(option.valueName))", option.sentence)
      })
  }

  private mutating func examples(_ examples: [Discussion.Example]) {
    if examples.isEmpty { return }
    macro("Sh", "EXAMPLES")
    for (position, example) in examples.enumerated() {
      if position > 0 { macro("Pp") }
      if let comment = example.comment { sentence(comment + ":") }
      macro("Dl", escaped(example.command))
    }
  }

  private mutating func write(_ discussion: Discussion, isFirst: Bool = true) {
    for (position, block) in discussion.blocks.enumerated() {
      // A list brings its own space.
      if case .terms(let terms) = block {
        list(terms.map { ("Sy \(escaped($0.term))", $0.meaning) })
        continue
      }
      if position > 0 || !isFirst { macro("Pp") }
      switch block {
      case .paragraph(let words): sentence(words)
      case .literal(let lines): for line in lines { macro("Dl", escaped(line)) }
      case .terms: break
      }
    }
  }

  private mutating func list(_ items: [(head: String, body: String)]) {
    macro("Bl", "-tag -width Ds")
    for item in items {
      macro("It", item.head)
      sentence(item.body)
    }
    macro("El")
  }

  // MARK: Text

  private mutating func macro(_ name: String, _ words: String = "") {
    text += words.isEmpty ? ".\(name)\n" : ".\(name) \(words)\n"
  }

  /// Running text, each sentence on a line of its own, as the macros want it.
  private mutating func sentence(_ words: String) {
    var line = ""
    for word in words.split(separator: " ") {
      line += line.isEmpty ? String(word) : " " + word
      let isEnd = word.hasSuffix(".") && word.utf8.count > 2
      if isEnd || columns(line) > 72 {
        plain(line)
        line = ""
      }
    }
    if !line.isEmpty { plain(line) }
  }

  private mutating func plain(_ line: String) {
    let safe = escaped(line)
    // At the start of a line these two begin a macro.
    text += (safe.hasPrefix(".") || safe.hasPrefix("'") ? "\\&" : "") + safe + "\n"
  }

  /// `-o` and `--output` as Fl takes them, which writes the first dash itself.
  private func flag(_ spelling: String) -> String {
    escaped(String(spelling.dropFirst()))
  }

  private func withoutStop(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }

  /// `text` with what these macros would read as their own made harmless.
  private func escaped(_ text: String) -> String {
    var safe = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": safe += "\\e"
      case "-": safe += "\\-"
      case "\"": safe += "\\(dq"
      case "'": safe += "\\(aq"
      case "^": safe += "\\(ha"
      case "~": safe += "\\(ti"
      case "`": safe += "\\(ga"
      case "…": safe += "..."
      case "–": safe += "\\(en"
      case "×": safe += "\\(mu"
      default: safe.unicodeScalars.append(scalar)
      }
    }
    return safe
  }
}
