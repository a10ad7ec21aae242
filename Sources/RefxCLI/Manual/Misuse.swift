import Refx

/// What is wrong with a command line that the argument parser refused, in our words: which option is none and
/// which was meant, which value is not to be had, what is missing.
struct Misuse {
  private let manual: Manual
  private let command: CommandManual
  private let words: [String]

  /// - Returns: the error; nil where nothing is found that the parser could have meant.
  static func found(in arguments: [String], _ manual: Manual) -> RefxError? {
    guard let name = arguments.first else { return nil }
    if name.hasPrefix("-") {
      return Misuse(manual: manual, command: manual.root, words: arguments).beforeCommand(name)
    }
    guard let command = manual.command(named: name) else { return nil }
    return Misuse(manual: manual, command: command, words: Array(arguments.dropFirst())).error
  }

  private var help: String { "see \(manual.program) \(command.name) --help" }

  private func beforeCommand(_ option: String) -> RefxError? {
    let name = Misuse.name(of: option)
    if manual.root.option(name) != nil { return nil }
    if manual.commands.contains(where: { $0.option(name) != nil }) {
      return RefxError.optionBeforeCommand(name, program: manual.program)
    }
    return RefxError.unknownOption(
      name,
      meant: name == "-V" ? "--version" : Nearest.to(name, among: manual.root.options.flatMap(\.spellings)),
      help: "see \(manual.program) --help")
  }

  private var error: RefxError? {
    let line = ParsedLine(words, command)
    for option in line.unknown {
      return RefxError.unknownOption(option, meant: meant(option), help: help)
    }
    if let option = line.unfinished {
      return RefxError.missingValue(
        option.spelling, of: option.manual.placeholder, values: option.manual.values, help: help)
    }
    // The parser takes no word for a value that begins with a minus.
    for (spelling, option, value) in line.detached where value.hasPrefix("-") && value != "-" {
      if command.option(Misuse.name(of: value)) != nil {
        return RefxError.missingValue(spelling, of: option.placeholder, values: option.values, help: help)
      }
      let long = option.spellings.first { $0.hasPrefix("--") } ?? spelling
      return RefxError.valueBeginsWithMinus(value, of: long)
    }
    for (spelling, option, value) in line.values
    where !option.values.isEmpty && !option.values.contains(value) {
      return RefxError.valueNotKnown(value, of: spelling, known: option.values)
    }
    for (spelling, option, _) in line.values where option.kind == .flag {
      return RefxError.flagTakesNoValue(spelling)
    }
    for (argument, value) in zip(command.positionals, line.positionals)
    where !argument.values.isEmpty && !argument.values.contains(value) {
      return RefxError.valueNotKnown(value, of: argument.placeholder, known: argument.values)
    }
    let needed = command.positionals.filter { !$0.isOptional }
    if line.positionals.count < needed.count {
      let argument = needed[line.positionals.count]
      return RefxError.missingArgument(
        argument.placeholder, what: argument.abstract, usage: command.usage(manual.program))
    }
    if let option = command.options.first(where: { option in
      !option.isOptional && !line.given.contains { $0.long == option.long && $0.short == option.short }
    }) {
      return RefxError.missingOption(
        option.title, what: option.abstract, usage: command.usage(manual.program))
    }
    if !command.positionals.contains(where: \.isRepeating), line.positionals.count > command.positionals.count
    {
      return RefxError.unexpectedArgument(
        line.positionals[command.positionals.count], usage: command.usage(manual.program))
    }
    return nil
  }

  private func meant(_ option: String) -> String? {
    let known = command.options.flatMap(\.spellings).filter { $0.hasPrefix("--") }
    if let near = Nearest.to(option, among: known) { return near }
    // -shared, -json: the second dash is missing.
    return known.first { $0 == "-" + option }
  }

  /// `--color` of `--color=always`.
  static func name(of word: String) -> String {
    guard let mark = word.utf8.firstIndex(of: UInt8(ascii: "=")), word.hasPrefix("--") else { return word }
    return String(word[..<mark])
  }
}

/// The words behind a command, told apart without judging them.
struct ParsedLine {
  typealias Given = (spelling: String, manual: ArgumentManual)

  private(set) var positionals: [String] = []
  /// Every option that was given with a value, in order.
  private(set) var values: [(spelling: String, option: ArgumentManual, value: String)] = []
  /// Those of them whose value is a word of its own.
  private(set) var detached: [(spelling: String, option: ArgumentManual, value: String)] = []
  private(set) var given: [ArgumentManual] = []
  private(set) var unknown: [String] = []
  /// The option at the end whose value is still to come.
  private(set) var unfinished: Given?
  /// Whether only positional arguments can follow.
  private(set) var isOver = false

  init(_ words: [String], _ command: CommandManual) {
    for word in words {
      if let option = unfinished {
        values.append((option.spelling, option.manual, word))
        detached.append((option.spelling, option.manual, word))
        unfinished = nil
      } else if isOver || word == "-" || !word.hasPrefix("-") {
        positionals.append(word)
      } else if word == "--" {
        isOver = true
      } else if word.hasPrefix("--") {
        let name = Misuse.name(of: word)
        add(name, command.option(name), value: name == word ? nil : String(word.dropFirst(name.count + 1)))
      } else if Double(word) != nil {
        positionals.append(word)
      } else {
        addShort(Array(word.dropFirst()), word, command)
      }
    }
  }

  private mutating func add(_ spelling: String, _ option: ArgumentManual?, value: String?) {
    guard let option else { return unknown.append(spelling) }
    given.append(option)
    if let value {
      values.append((spelling, option, value))
    } else if option.kind == .option {
      unfinished = (spelling, option)
    }
  }

  /// `-q`, `-qo` and the like.
  private mutating func addShort(_ letters: [Character], _ word: String, _ command: CommandManual) {
    for letter in letters {
      guard let option = command.option("-\(letter)") else { return unknown.append(word) }
      add("-\(letter)", option, value: nil)
    }
  }
}
