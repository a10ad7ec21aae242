import Refx

/// One change of a tree. It acts on values: what it does to a shared one it does once.
public struct Rule: Hashable, Sendable {
  /// What a rule does.
  public enum Action: Hashable, Sendable {
    /// Moves each site that matches to another path.
    case rename(RulePattern, to: RuleReplacement)
    /// Takes each site that matches away.
    case drop(RulePattern)
    /// Makes each array that matches a Ref of the collection, and gives it to each Ref of which a site matches; nil
    /// takes a Ref's collection away.
    case tag(RulePattern, CollectionTag?)
    /// Makes the sites that match share one value. They must be equal, unless `take` matches the one that wins.
    /// Where the patterns have groups, those sites are tied whose groups are the same.
    case tie([RulePattern], take: RulePattern?)
    /// Gives each site that matches a value of its own, with its collection.
    case untie(RulePattern)
    /// Changes the dtype of each array that matches: of one dtype alone where `from` is given.
    case cast(RulePattern, from: DType?, to: DType)
    /// Puts the dimensions of each array that matches into another order: axis k of the result is `axes[k]` of the
    /// array. nil turns them round.
    case transpose(RulePattern, axes: [Int]?)
    /// Turns names into structure: keys are parted at the separator.
    case nest(separator: String)
    /// Turns structure into names: the keys of each path are joined to one.
    case flatten(separator: String)
  }

  /// What the rule does.
  public let action: Action

  /// - Throws: ``RefxError`` where an argument makes no sense: an empty separator, axes that are no permutation.
  public init(_ action: Action) throws {
    switch action {
    case .nest(let separator), .flatten(let separator):
      if separator.utf8.isEmpty { throw RefxError.emptySeparator() }
    case .transpose(_, let axes?):
      guard axes.sorted() == Array(axes.indices) else { throw RefxError.noPermutation(axes) }
    case .tie(let patterns, _):
      if patterns.isEmpty { throw RefxError.nothingToTie() }
    default: break
    }
    self.action = action
  }

  /// Moves what matches: `.rename("encoder/(.*)", to: "enc/$1")`.
  public static func rename(_ pattern: String, to replacement: String) throws -> Rule {
    let pattern = try RulePattern(pattern)
    return try Rule(.rename(pattern, to: RuleReplacement(replacement, for: pattern)))
  }

  /// Takes away what matches.
  public static func drop(_ pattern: String) throws -> Rule { try Rule(.drop(RulePattern(pattern))) }

  /// Gives what matches a collection.
  public static func tag(_ pattern: String, _ collection: CollectionTag?) throws -> Rule {
    try Rule(.tag(RulePattern(pattern), collection))
  }

  /// Makes what matches one value.
  public static func tie(_ patterns: String..., take: String? = nil) throws -> Rule {
    try Rule(.tie(patterns.map { try RulePattern($0) }, take: take.map { try RulePattern($0) }))
  }

  /// Gives what matches values of their own.
  public static func untie(_ pattern: String) throws -> Rule { try Rule(.untie(RulePattern(pattern))) }

  /// Changes the dtype of what matches.
  public static func cast(_ pattern: String, from: DType? = nil, to dtype: DType) throws -> Rule {
    try Rule(.cast(RulePattern(pattern), from: from, to: dtype))
  }

  /// Puts dimensions into another order, by default the reverse.
  public static func transpose(_ pattern: String, axes: [Int]? = nil) throws -> Rule {
    try Rule(.transpose(RulePattern(pattern), axes: axes))
  }

  /// Parts keys at a separator.
  public static func nest(_ separator: String) throws -> Rule { try Rule(.nest(separator: separator)) }

  /// Joins keys with a separator.
  public static func flatten(_ separator: String) throws -> Rule { try Rule(.flatten(separator: separator)) }
}

extension Rule: CustomStringConvertible {
  /// The key that a rule begins with in a file.
  public var name: String {
    switch action {
    case .rename: "rename"
    case .drop: "drop"
    case .tag: "tag"
    case .tie: "tie"
    case .untie: "untie"
    case .cast: "cast"
    case .transpose: "transpose"
    case .nest: "nest"
    case .flatten: "flatten"
    }
  }

  /// What it does, in one line.
  public var description: String {
    switch action {
    case .rename(let pattern, let to): "rename '\(pattern.text)' to '\(to.text)'"
    case .drop(let pattern): "drop '\(pattern.text)'"
    case .tag(let pattern, let collection): "tag '\(pattern.text)' as \(CollectionTag.text(of: collection))"
    case .tie(let patterns, let take):
      "tie " + patterns.map { "'\($0.text)'" }.joined(separator: ", ")
        + (take.map { ", taking '\($0.text)'" } ?? "")
    case .untie(let pattern): "untie '\(pattern.text)'"
    case .cast(let pattern, let from, let to):
      "cast '\(pattern.text)' " + (from.map { "from \($0.name) " } ?? "") + "to \(to.name)"
    case .transpose(let pattern, let axes): "transpose '\(pattern.text)'" + (axes.map { " by \($0)" } ?? "")
    case .nest(let separator): "nest by '\(separator)'"
    case .flatten(let separator): "flatten by '\(separator)'"
    }
  }
}

/// Changes of a tree in order, each acting on the result of the one before: how a checkpoint of one naming becomes
/// one of another. `Documentation/rules.md` says what each does, and how they are written in a file.
public struct Rules: Hashable, Sendable {
  /// The rules, in the order in which they run.
  public var rules: [Rule]

  /// Rules that run in this order.
  public init(_ rules: [Rule]) {
    self.rules = rules
  }
}

extension Rules: ExpressibleByArrayLiteral {
  public init(arrayLiteral rules: Rule...) { self.init(rules) }
}
