import ArgumentParser
import Refx
import RefxStore

/// All that is known about the commands: what help, the man pages, completions and errors are made of. It comes
/// from the declarations of the commands themselves, so that a new one has all of these at once.
struct Manual {
  let program: String
  let version: String
  let root: CommandManual
  let commands: [CommandManual]

  /// The manual of `command` and of what stands below it.
  ///
  /// - Throws: where the argument parser describes its commands in a form of its own that is not known here.
  init(of command: any ParsableCommand.Type) throws {
    let document = try JSON.parse(Array(command._dumpHelp().utf8))
    guard let description = document["command"] else { throw RefxError.noManual() }
    root = CommandManual(description, types: [])
    // The parser's own command for help is described where help is.
    commands = (description["subcommands"]?.members ?? [])
      .map { CommandManual($0, types: command.configuration.subcommands) }
      .filter { $0.isShown && $0.name != "help" }
    program = root.name
    version = command.configuration.version
  }

  func command(named name: String) -> CommandManual? { commands.first { $0.name == name } }
}

/// One command: its words, its arguments and its options.
struct CommandManual {
  let name: String
  let isShown: Bool
  let abstract: String
  let discussion: Discussion
  /// Those without a name, in order.
  let positionals: [ArgumentManual]
  /// The options by group, the command's own first.
  let groups: [(title: String, options: [ArgumentManual])]

  var options: [ArgumentManual] { groups.flatMap(\.options) }

  fileprivate init(_ description: JSON, types: [any ParsableCommand.Type]) {
    let name = description["commandName"]?.text ?? ""
    self.name = name
    isShown = description["shouldDisplay"]?.isTrue ?? true
    abstract = description["abstract"]?.text ?? ""
    discussion = Discussion(description["discussion"]?.text ?? "")
    let arguments = (description["arguments"]?.members ?? []).map(ArgumentManual.init).filter(\.isShown)
    positionals = arguments.filter { $0.kind == .positional }
    let isRoot = types.isEmpty
    var groups: [(title: String, options: [ArgumentManual])] = []
    for option in arguments where option.kind != .positional {
      // The version is that of the program, and is told by it.
      if !isRoot && option.long == "version" { continue }
      let title = isRoot ? "Options" : CommandManual.title(of: option)
      if let place = groups.firstIndex(where: { $0.title == title }) {
        groups[place].options.append(option)
      } else {
        groups.append((title, [option]))
      }
    }
    func rank(_ title: String) -> Int { CommandManual.order.firstIndex(of: title) ?? 1 }
    self.groups = groups.enumerated().sorted {
      (rank($0.element.title), $0.offset) < (rank($1.element.title), $1.offset)
    }
    .map(\.element)
  }

  private static let order = ["Options", "", "Reading", "Writing", "Output", "Limits"]

  /// The group that an option which several commands have stands in, whatever each of them says.
  private static func title(of option: ArgumentManual) -> String {
    switch option.long {
    case "from", "skip-unsupported": "Reading"
    case "to", "compression", "force", "max-shard-size": "Writing"
    case "json", "quiet", "color", "progress", "help": "Output"
    default: option.group ?? "Options"
    }
  }

  /// The option that is written so on a command line, without its value: `--json`, `-q`.
  func option(_ spelling: String) -> ArgumentManual? {
    options.first { $0.spellings.contains(spelling) }
  }

  /// `refx get [options] FILE PATH`
  func usage(_ program: String) -> String {
    (["\(program) \(name)", "[options]"] + positionals.map(\.usage)
      + options.filter { !$0.isOptional }.map { "\($0.spellings.first ?? "") \($0.placeholder)" })
      .joined(separator: " ")
  }
}

/// One argument or option.
struct ArgumentManual {
  enum Kind { case positional, option, flag }

  let kind: Kind
  let isShown: Bool
  let isOptional: Bool
  let isRepeating: Bool
  let long: String?
  let short: String?
  let valueName: String
  let group: String?
  let values: [String]
  let defaultValue: String?
  let abstract: String
  let completesFiles: Bool
  let completesFolders: Bool

  fileprivate init(_ description: JSON) {
    kind =
      switch description["kind"]?.text {
      case "positional": .positional
      case "flag": .flag
      default: .option
      }
    isShown = description["shouldDisplay"]?.isTrue ?? true
    isOptional = description["isOptional"]?.isTrue ?? false
    isRepeating = description["isRepeating"]?.isTrue ?? false
    let names = description["names"]?.members ?? []
    func name(_ kind: String) -> String? { names.first { $0["kind"]?.text == kind }?["name"]?.text }
    long = name("long")
    short = name("short")
    valueName = description["valueName"]?.text ?? "value"
    group = description["sectionTitle"]?.text
    values = (description["allValues"]?.members ?? []).compactMap(\.text)
    defaultValue = description["defaultValue"]?.text
    let words = description["abstract"]?.text ?? ""
    abstract = long == "help" ? "Show this help." : words
    completesFiles = description["completionKind"]?["file"] != nil
    completesFolders = description["completionKind"]?["directory"] != nil
  }

  /// `-o`, `--output`: as they are written on a command line, the short one first.
  var spellings: [String] { (short.map { ["-" + $0] } ?? []) + (long.map { ["--" + $0] } ?? []) }

  /// What stands for the value: `FILE`, `FROM=TO`; the value itself where there is only a flag.
  var placeholder: String { kind == .flag ? "" : valueName.uppercased() }

  /// `-o, --output OUT`
  var title: String {
    if kind == .positional { return placeholder }
    let names = spellings.joined(separator: ", ")
    return kind == .flag ? names : "\(names) \(placeholder)"
  }

  /// `FILE`, `[PATTERN…]`
  var usage: String {
    let name = isRepeating ? placeholder + "…" : placeholder
    return isOptional ? "[\(name)]" : name
  }

  /// What it does, which values it takes, and which it has where it is not given.
  var sentence: String {
    var text = abstract
    if !values.isEmpty, !values.allSatisfy({ text.contains($0) }) {
      text += " One of \(values.joined(separator: ", "))."
    }
    if let defaultValue, !defaultValue.isEmpty, kind == .option { text += " Default: \(defaultValue)." }
    return text
  }
}

extension JSON {
  fileprivate subscript(_ name: Key) -> JSON? {
    if case .object(let object) = self { object[name] } else { nil }
  }

  fileprivate var members: [JSON] { if case .array(let members) = self { members } else { [] } }

  fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }

  fileprivate var isTrue: Bool { self == .bool(true) }
}
