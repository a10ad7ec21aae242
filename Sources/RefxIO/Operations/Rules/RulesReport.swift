import Refx

/// What rules do to a tree: each path's new place, and what should make a reader look twice.
///
/// Rules are counted from 1. Paths are those of sites that a listing shows: Refs, arrays, static values, nothings;
/// what lies inside a shared subtree once, under its first site.
public struct RulesReport: Sendable {
  /// Where a site of the origin is now.
  public struct Mapping: Hashable, Sendable {
    /// The path in the origin. A site that an untying copied has a row for each copy.
    public let from: Path
    /// The path now; nil where it is gone.
    public let to: Path?
    /// The rules that touched it, in order.
    public let rules: [Int]
  }

  /// A shared value some of whose sites a rule matched and others not; these stay where they are, still tied.
  public struct HalfMatch: Hashable, Sendable {
    /// The number of the rule, from 1.
    public let rule: Int
    /// The paths that matched, as they were before the rule.
    public let matched: [Path]
    /// The others.
    public let unmatched: [Path]
  }

  /// Two sites that a rule would put on one path, or one below the other. No rule after it is run.
  public struct Collision: Hashable, Sendable {
    /// The number of the rule, from 1.
    public let rule: Int
    /// The path on which both would be.
    public let path: Path
    /// Their paths in the origin.
    public let first: Path
    /// Where the other was in the origin.
    public let second: Path
    /// The rules that moved each last; nil where none did.
    public let firstRule: Int?
    /// The rule that moved the second last; nil where none did.
    public let secondRule: Int?
  }

  /// A list or tuple of whose members one would be missing, or that would have one of another name.
  public struct BrokenList: Hashable, Sendable {
    /// Where the list or tuple stands.
    public let path: Path
    /// Whether it is a tuple.
    public let isTuple: Bool
    /// The names its members would have.
    public let members: [Key]
  }

  /// The rules themselves.
  public internal(set) var rules: Rules
  /// How many sites each rule matched; for `nest` and `flatten`, how many it moved; for `tie`, how many it tied;
  /// for `untie`, how many it untied. A rule that was not run has 0.
  public internal(set) var matches: [Int]
  /// In the order of the origin.
  public internal(set) var mappings: [Mapping] = []
  /// Shared values that a rule matched in part.
  public internal(set) var halfMatches: [HalfMatch] = []
  /// Sites that would have come to one path.
  public internal(set) var collisions: [Collision] = []
  /// Lists that would have had gaps.
  public internal(set) var brokenLists: [BrokenList] = []
  /// The paths of the origin whose attributes have no place any more, though their contents have one.
  public internal(set) var lostAttributes: [Path] = []

  init(_ rules: Rules) {
    self.rules = rules
    matches = Array(repeating: 0, count: rules.rules.count)
  }

  /// The rules that did nothing, counted from 1; with collisions, those alone that were run.
  public var unusedRules: [Int] {
    let last = collisions.first?.rule ?? matches.count
    return (1...max(last, 1)).filter { $0 <= last && $0 <= matches.count && matches[$0 - 1] == 0 }
  }

  /// The paths that no rule touched.
  public var unmappedPaths: [Path] { mappings.filter(\.rules.isEmpty).map(\.from) }

  /// Whether the rules fit the tree as `--strict` demands: each rule used, each path mapped, no tie half-matched.
  public var isStrict: Bool { unusedRules.isEmpty && halfMatches.isEmpty && unmappedPaths.isEmpty }
}

extension RulesReport {
  /// What is not as ``isStrict`` demands: a sentence for each.
  public var strictProblems: [String] {
    unusedRules.map { "rule \($0) matches nothing: \(rules.rules[$0 - 1])" }
      + halfMatches.map(\.sentence)
      + unmappedPaths.map { "no rule touches '\($0.text)'" }
  }
}

extension RulesReport.HalfMatch {
  /// The half-matched tie, in words.
  public var sentence: String {
    func list(_ paths: [Path]) -> String {
      paths.prefix(3).map { "'\($0.text)'" }.joined(separator: ", ")
        + (paths.count > 3 ? " and \(paths.count - 3) more" : "")
    }
    return
      "rule \(rule) matches \(list(matched)) and not \(list(unmatched)), which stays as it is, still tied"
  }
}

extension RulesReport.Collision {
  /// The collision, in words.
  public var sentence: String {
    func origin(_ path: Path, _ rule: Int?) -> String {
      "'\(path.text)' (" + (rule.map { "moved by rule \($0)" } ?? "which no rule moved") + ")"
    }
    return
      "rule \(rule) would put \(origin(first, firstRule)) and \(origin(second, secondRule)) on one path: "
      + "'\(path.text)'"
  }
}

extension RulesReport.BrokenList {
  /// What is wrong with the list, in words.
  public var sentence: String {
    let names = members.prefix(8).map(\.string).joined(separator: ", ") + (members.count > 8 ? ", …" : "")
    return "the \(isTuple ? "tuple" : "list") '\(path.text)' would have the members \(names); "
      + "they must be 0 to \(members.count - 1)"
  }
}
