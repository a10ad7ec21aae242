import ArgumentParser
import Refx
import RefxIO
import RefxStore

/// The options that bring rules into a command.
struct RuleOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Rename, drop, tag, tie, cast and more, by the rules in FILE.", valueName: "file"),
    completion: .file())
  var rules: String?

  @Flag(help: "Refuse rules that match nothing or half a tie, and paths that no rule touches.")
  var strict = false

  func validate() throws {
    if strict && rules == nil { throw ValidationError("--strict goes with --rules") }
  }

  /// The rules that were asked for; nil where none were. Read before any checkpoint is.
  func read() throws -> Rules? { try rules.map { try Rules(contentsOf: $0) } }
}

/// What rules do to a checkpoint, as the command says it.
struct RulePlan {
  private let plan: RulesPlan
  private let file: String
  private let isStrict: Bool

  init(_ rules: Rules, for contents: CheckpointContents, of file: String, _ options: RuleOptions) throws {
    do {
      plan = try contents.planning(rules)
    } catch let error as RefxError {
      throw error.inFile(file)
    }
    self.file = file
    isStrict = options.strict
  }

  private var report: RulesReport { plan.report }

  /// Why nothing may be written; nil where something may.
  var refusal: RefxError? {
    do {
      _ = try plan.result()
    } catch {
      return (error as? RefxError)?.inFile(file)
    }
    guard isStrict, !report.isStrict else { return nil }
    return RefxError.rulesNotStrict(
      report.strictProblems, unused: report.unusedRules.count, half: report.halfMatches.count,
      unmapped: report.unmappedPaths.count
    ).inFile(file)
  }

  /// The checkpoint after the rules. Says on standard error what should be looked at.
  func contents(_ options: OutputOptions) throws -> CheckpointContents {
    if let refusal { throw refusal }
    func note(_ sentence: String) { StandardError.note("\(visible(file)): \(visible(sentence))", options) }
    for rule in report.unusedRules { note("rule \(rule) matches nothing: \(report.rules.rules[rule - 1])") }
    for half in report.halfMatches { note(half.sentence) }
    for path in report.lostAttributes {
      StandardError.loss("\(visible(file)): the attributes of '\(path.shown)' have no place any more")
    }
    return try plan.result()
  }

  /// The arrays whose casts met a value that is too large, once they were read.
  var overflowedCasts: [Path] { plan.overflowedCasts() }

  // MARK: Showing

  var json: JSON {
    func numbers(_ rules: [Int]) -> JSON { .array(rules.map { .integer(Int64($0)) }) }
    func paths(_ paths: [Path]) -> JSON { .array(paths.map(\.json)) }
    return [
      "rules": .array(
        report.rules.rules.enumerated().map { position, rule in
          [
            "rule": .integer(Int64(position + 1)), "does": .string(rule.name),
            "text": .string(rule.description),
            "matches": .integer(Int64(report.matches[position])),
          ]
        }),
      "mappings": .array(
        report.mappings.map {
          ["from": $0.from.json, "to": $0.to?.json ?? .null, "rules": numbers($0.rules)]
        }),
      "unused": numbers(report.unusedRules),
      "halfMatched": .array(
        report.halfMatches.map {
          ["rule": .integer(Int64($0.rule)), "matched": paths($0.matched), "unmatched": paths($0.unmatched)]
        }),
      "collisions": .array(
        report.collisions.map {
          [
            "rule": .integer(Int64($0.rule)), "path": $0.path.json, "sites": paths([$0.first, $0.second]),
            "rules": .array([$0.firstRule, $0.secondRule].map { $0.map { .integer(Int64($0)) } ?? .null }),
          ]
        }),
      "brokenLists": .array(
        report.brokenLists.map {
          ["path": $0.path.json, "members": .array($0.members.map { .string($0.string) })]
        }),
      "unmapped": paths(report.unmappedPaths),
      "lostAttributes": paths(report.lostAttributes),
    ]
  }

  func write(_ style: Style) throws {
    var rules = Table([("rule", .left), ("matches", .right), ("does", .left)])
    for (position, rule) in report.rules.rules.enumerated() {
      rules.add(["\(position + 1)", "\(report.matches[position])", visible(rule.description)])
    }
    try rules.write(style)
    try StandardOutput.write("\n")
    var mappings = Table([("path", .left), ("becomes", .left), ("rules", .left)])
    for row in report.mappings {
      mappings.add([
        row.from.shown, row.to.map { $0 == row.from ? "the same" : $0.shown } ?? "gone",
        row.rules.map { "\($0)" }.joined(separator: ", "),
      ])
    }
    try mappings.write(style)
    try write(
      "unused rules", report.unusedRules.map { "\($0): \(report.rules.rules[$0 - 1])" }, style)
    try write("half-matched ties", report.halfMatches.map(\.sentence), style)
    try write("collisions", report.collisions.map(\.sentence), style)
    try write("lists with gaps", report.brokenLists.map(\.sentence), style)
    try write("unmapped paths", report.unmappedPaths.map(\.shown), style)
    try write("attributes without a place", report.lostAttributes.map(\.shown), style)
    try StandardOutput.write("\n")
  }

  private func write(_ title: String, _ lines: [String], _ style: Style) throws {
    if lines.isEmpty { return }
    try StandardOutput.write("\n" + style.bold(title) + "\n")
    for line in lines { try StandardOutput.write("  " + visible(line) + "\n") }
  }
}
