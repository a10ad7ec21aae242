import ArgumentParser
import Refx
import RefxIO
import RefxStore

struct LintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lint", abstract: "Find what may be wrong in a checkpoint that is sound.",
    discussion: """
      Each finding has a code:
        equal-not-shared  equal arrays that share nothing: perhaps a lost tie
        equal-constants   the same, of one value throughout; with --constants
        alias-differs     the metadata calls two names the same, and they differ
        dangling-index    an index that stands before its value, or without one
        dangling-link     a link of an HDF5 file that leads to nothing
        unsupported       a leaf of a type that cannot be represented
        unreadable        an array that cannot be read, or fails its checksum
        nan, infinite     how many elements are NaN or infinite
        untagged-ref      Refs without a collection, where others have one

      Equal arrays have the same dtype, shape and bytes; single elements are never compared. Floating-point arrays are read once, others only where they \
      have a peer of their dtype and shape and keep no hash of their contents; refx verify reads everything. A file \
      whose header or catalogue is damaged, or contradicts its own table of what is shared, cannot be opened: exit 2.

      Exits 0 where nothing is found, 1 where something is, 2 in trouble. --json prints {"file", "findings": \
      [{"code", "paths", "what", "advice", "command"}], "counts": {CODE: n}, "constantGroups": n}; command, a line \
      for a shell, may be null.

      Examples:
        refx lint model.safetensors
        refx lint run.refx --only nan,infinite
        refx lint run.refx --ignore untagged-ref --constants
      """)

  @Argument(help: "The checkpoint; - reads standard input.", completion: .file())
  var file: String

  @Option(help: ArgumentHelp("Only these codes, parted by commas.", valueName: "codes"))
  var only: [String] = []

  @Option(help: ArgumentHelp("Not these codes, parted by commas.", valueName: "codes"))
  var ignore: [String] = []

  @Flag(help: "Also equal arrays of one value throughout.")
  var constants = false

  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    var codes = only.isEmpty ? LintCode.usual : try self.codes(only, "--only")
    if constants { codes.insert(.equalConstants) }
    codes.subtract(try self.codes(ignore, "--ignore"))
    let opened = try input.open(file, output)
    let bar = ProgressBar("reading", output)
    defer { bar.finish() }
    let report: LintReport
    do {
      report = try opened.contents.lint(codes, progress: bar.handler)
    } catch let error as RefxError {
      throw error.inFile(file)
    }
    bar.finish()
    // A command that writes refuses them otherwise.
    let skips = !((try? opened.contents.tree.unsupportedLeaves()) ?? []).isEmpty
    let shown = report.findings.map { LintLine($0, of: file, format: opened.format, skips: skips) }
    if output.json {
      try write(json: shown, report, codes)
    } else {
      try write(text: shown, report)
    }
    if !report.findings.isEmpty { throw Answer.no }
  }

  private func codes(_ texts: [String], _ option: String) throws -> Set<LintCode> {
    let known = LintCode.allCases.map(\.rawValue)
    return Set(
      try texts.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }.map { name in
        guard let code = LintCode(rawValue: String(name)) else {
          throw RefxError.badLintCode(String(name), option: option, known: known)
        }
        return code
      })
  }

  private func write(json lines: [LintLine], _ report: LintReport, _ codes: Set<LintCode>) throws {
    let counts = LintCode.allCases.filter(codes.contains).map { code in
      JSONObject.Member(
        Key(code.rawValue), .integer(Int64(report.findings.filter { $0.code == code }.count)))
    }
    try StandardOutput.write([
      "file": .string(file), "findings": .array(lines.map(\.json)), "counts": .object(JSONObject(counts)),
      "constantGroups": .integer(Int64(report.constantGroups)),
    ])
  }

  private func write(text lines: [LintLine], _ report: LintReport) throws {
    let style = Style(isColoured: output.isColoured)
    var last: LintCode?
    for (place, line) in lines.enumerated() {
      let code = line.finding.code
      if code != last {
        let count = report.findings.filter { $0.code == code }.count
        let title = style.bold(style.yellow(code.rawValue)) + ": " + counted(count, "finding", "findings")
        try StandardOutput.write((last == nil ? "" : "\n") + title + "\n")
      }
      last = code
      // Neighbours of which the same is to be done have it said once.
      let next = lines.indices.contains(place + 1) ? lines[place + 1] : nil
      try line.write(style, isLast: next?.finding.code != code || next?.action != line.action)
    }
    if lines.isEmpty, !output.quiet { try StandardOutput.write("\(visible(file)): nothing found\n") }
    if report.constantGroups > 0 {
      StandardError.note(
        "\(visible(file)): \(counted(report.constantGroups, "group", "groups")) of equal constant arrays "
          + "\(report.constantGroups == 1 ? "is" : "are") passed over; --constants lists them", output)
    }
  }
}

/// A finding as the command says it, with what to do.
struct LintLine {
  let finding: LintFinding
  private let file: String
  private let suffix: String
  private let skips: Bool

  init(_ finding: LintFinding, of file: String, format: String, skips: Bool) {
    self.skips = skips
    self.finding = finding
    self.file = file
    let store = Formats.all.stores.first { $0.format.name == format }?.format
    let suffixes = store?.canWrite ?? false ? store?.suffixes ?? [] : []
    suffix = suffixes.first { file.hasSuffix($0) } ?? suffixes.first ?? ".refx"
  }

  var json: JSON {
    [
      "code": .string(finding.code.rawValue), "paths": .array(finding.paths.map(\.json)),
      "what": .string(finding.what), "advice": .string(advice),
      "command": command.map { .string($0) } ?? .null,
    ]
  }

  func write(_ style: Style, isLast: Bool) throws {
    // Of a tie the command below has every path.
    let most = 4
    let names = finding.paths.prefix(most).map(\.shown).joined(separator: ", ")
    let rest = finding.paths.count > most ? " and \(finding.paths.count - most) more" : ""
    try StandardOutput.write("  \(style.cyan(names))\(rest): \(visible(finding.what))\n")
    if isLast { try StandardOutput.write("    \(advice)\(command.map { ": " + style.faint($0) } ?? "")\n") }
  }

  /// What to do, in one line.
  var action: String { advice + (command.map { ": " + $0 } ?? "") }

  private var advice: String {
    switch finding.remedy {
    case .tie(take: .some, _): "if they are one value, say which wins"
    case .tie: "if they are one value"
    case .tag:
      "give them a collection with convert, as --tag "
        + ((finding.paths.first?.globText ?? "PATTERN") + "=COLLECTION").shellWord
    case .look: "see how far it goes"
    case .skip: "leave it out"
    case .verify: "see what else is damaged"
    case .mergeFirst: "merge the parts first, and lint the whole"
    }
  }

  /// What to type; nil where one line does not do it.
  private var command: String? {
    // Standard input has been read to its end.
    if file == "-" { return nil }
    let name = file.shellWord
    switch finding.remedy {
    case .tie(let take, let collection):
      var words = ["tie"]
      if let take { words.append("--take=" + take.text.shellWord) }
      if let collection { words.append("--collection=" + collection.description.shellWord) }
      // Behind -- nothing is an option, whatever it begins with.
      let paths = finding.paths.map(\.text)
      if skips { words.append("--skip-unsupported") }
      words += ["-o", "tied\(suffix)"]
      if ([file] + paths).contains(where: { $0.hasPrefix("-") && $0 != "-" }) { words.append("--") }
      return "refx " + (words + [name] + paths.map(\.shellWord)).joined(separator: " ")
    // Which collection, nobody but the user knows.
    case .tag, .mergeFirst: return nil
    case .look:
      guard let path = finding.paths.first else { return nil }
      return "refx inspect --stats \(name) \(path.globText.shellWord)"
    case .skip: return "refx convert --skip-unsupported \(name) rest\(suffix)"
    case .verify: return "refx verify \(name)"
    }
  }
}

extension Path {
  /// A pattern that matches this path alone.
  fileprivate var globText: String {
    var pattern = ""
    for scalar in text.unicodeScalars {
      if scalar == "*" || scalar == "\\" { pattern.unicodeScalars.append("\\") }
      pattern.unicodeScalars.append(scalar)
    }
    return pattern
  }
}

extension String {
  /// The text as one word of a shell, in letters that do nothing to a terminal.
  fileprivate var shellWord: String {
    if visible(self).utf8.count != utf8.count {
      let digits = Array("0123456789abcdef")
      return "$'"
        + utf8.map { byte in
          switch byte {
          case UInt8(ascii: "'"), UInt8(ascii: "\\"): "\\" + String(UnicodeScalar(byte))
          case 0x20..<0x7F: String(UnicodeScalar(byte))
          default: "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
          }
        }.joined() + "'"
    }
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,".utf8)
    if !utf8.isEmpty, utf8.allSatisfy(plain.contains) { return self }
    var quoted = "'"
    for scalar in unicodeScalars {
      if scalar == "'" { quoted += "'\\''" } else { quoted.unicodeScalars.append(scalar) }
    }
    return quoted + "'"
  }
}
