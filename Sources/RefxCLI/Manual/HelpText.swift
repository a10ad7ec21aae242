/// The manual for a terminal, as wide as that is.
struct HelpText {
  private let manual: Manual
  private let style: Style
  private let width: Int
  private var text = ""

  /// - Parameter width: the columns of the terminal. Lines of more than a hundred are hard to read.
  init(_ manual: Manual, style: Style, width: Int) {
    self.manual = manual
    self.style = style
    self.width = max(20, min(width, 100))
  }

  /// What the program is and which commands it has.
  mutating func overview() -> String {
    text = ""
    paragraph("\(manual.program): \(manual.root.abstract)")
    heading("Usage")
    line("  \(manual.program) COMMAND [options] [FILE…]")
    write(manual.root.discussion)
    heading("Commands")
    rows(manual.commands.map { ($0.name, $0.abstract) }, column: 16)
    for group in manual.root.groups {
      heading(group.title)
      rows(group.options.map { ($0.title, $0.sentence) }, column: 16)
    }
    examples(manual.root.discussion.examples)
    line("")
    paragraph(
      "\(manual.program) COMMAND --help says more about each command, and man refx as well.")
    return text
  }

  /// All about one command.
  mutating func page(of command: CommandManual) -> String {
    text = ""
    paragraph("\(manual.program) \(command.name): \(command.abstract)")
    heading("Usage")
    wrapped(command.usage(manual.program), first: 2, rest: 6)
    write(command.discussion)
    examples(command.discussion.examples)
    if !command.positionals.isEmpty {
      heading("Arguments")
      rows(command.positionals.map { ($0.title, $0.sentence) }, column: 26)
    }
    for group in command.groups {
      heading(group.title)
      rows(
        group.options.map { ($0.short == nil ? "    " + $0.title : $0.title, $0.sentence) }, column: 26)
    }
    return text
  }

  // MARK: Blocks

  private mutating func heading(_ title: String) {
    line("")
    line(style.bold(title + ":"))
  }

  private mutating func write(_ discussion: Discussion) {
    for block in discussion.blocks {
      line("")
      switch block {
      case .paragraph(let words): paragraph(words)
      case .terms(let terms):
        let longest = terms.map { columns($0.term) }.max() ?? 0
        rows(terms.map { ($0.term, $0.meaning) }, column: longest + 4)
      case .literal(let lines): for literal in lines { wrapped(literal, first: 2, rest: 6) }
      }
    }
  }

  private mutating func examples(_ examples: [Discussion.Example]) {
    if examples.isEmpty { return }
    heading("Examples")
    for example in examples {
      if let comment = example.comment { wrapped("# " + comment, first: 2, rest: 4, paint: style.faint) }
      wrapped(example.command, first: 2, rest: 6)
    }
  }

  /// Names on the left and what they mean on the right; below each other where there is no room.
  private mutating func rows(_ rows: [(name: String, meaning: String)], column: Int) {
    let isNarrow = width < column + 24
    for row in rows {
      let name = "  " + row.name
      if isNarrow {
        wrapped(row.name.drop(while: { $0 == " " }).description, first: 2, rest: 4)
        wrapped(row.meaning, first: 4, rest: 4)
        continue
      }
      let room = columns(name) + 2 <= column
      var lines = filled(row.meaning, width - column)[...]
      if room {
        let padding = String(repeating: " ", count: column - columns(name))
        line(name + (lines.first.map { padding + $0 } ?? ""))
        lines = lines.dropFirst()
      } else {
        line(name)
      }
      for rest in lines { line(String(repeating: " ", count: column) + rest) }
    }
  }

  private mutating func paragraph(_ words: String) {
    for filled in filled(words, width) { line(filled) }
  }

  /// A line, its continuations farther in.
  private mutating func wrapped(_ words: String, first: Int, rest: Int, paint: (String) -> String = { $0 }) {
    let indentation = String(repeating: " ", count: rest)
    for (position, part) in filled(words, width - rest, first: width - first).enumerated() {
      line((position == 0 ? String(repeating: " ", count: first) : indentation) + paint(part))
    }
  }

  private mutating func line(_ content: String) { text += content + "\n" }

  /// `words` in lines of at most so many columns, but for words that are longer.
  private func filled(_ words: String, _ width: Int, first: Int? = nil) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in words.split(separator: " ") {
      let room = lines.isEmpty ? first ?? width : width
      if !line.isEmpty && columns(line) + 1 + columns(String(word)) > room {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " " + word
    }
    if !line.isEmpty { lines.append(line) }
    return lines
  }
}
