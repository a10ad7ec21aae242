import Refx
import RefxStore

/// What rules make of a checkpoint: the report, and the result where there is one.
public struct RulesPlan: Sendable {
  /// Each path's new place, and what should be looked at.
  public let report: RulesReport
  private let contents: CheckpointContents?
  let casts: [(path: Path, leaf: Leaf)]

  /// The checkpoint after the rules. Its arrays are cast and transposed as they are read.
  ///
  /// - Throws: ``RefxError`` with every collision and every broken list in its details.
  public func result() throws -> CheckpointContents {
    if !report.collisions.isEmpty { throw RefxError.rulesCollide(report.collisions.map(\.sentence)) }
    guard let contents, report.brokenLists.isEmpty else {
      throw RefxError.rulesBreakLists(report.brokenLists.map(\.sentence))
    }
    return contents
  }

  /// After the payload was read: the arrays in which a cast made a finite value infinite or NaN because it was too
  /// large, by their paths in the origin.
  public func overflowedCasts() -> [Path] { casts.filter { $0.leaf.hasOverflowed }.map(\.path) }

  fileprivate init(_ run: RulesRun, _ origin: CheckpointContents) throws {
    var report = run.report
    casts = run.casts
    for item in run.table.items where item.isListed {
      let keys = run.table.spaces[item.space].prefix + item.steps
      report.mappings.append(
        .init(from: item.origin, to: item.isGone ? nil : Path(keys.map(\.key)), rules: item.rules))
    }
    if report.collisions.isEmpty {
      var builder = RuleTreeBuilder(run.table)
      var contents = origin
      contents.tree = builder.tree()
      report.brokenLists = builder.brokenLists
      if !origin.attributes.isEmpty {
        let places = run.places(builder)
        contents.attributes = try run.attributes(of: origin, places, in: contents.tree)
        let kept = Set(run.table.items.filter { !$0.isGone }.flatMap { $0.origin.beginnings })
        report.lostAttributes = origin.attributes.paths.filter { places[$0] == nil && kept.contains($0) }
      }
      self.contents = contents
    } else {
      contents = nil
    }
    self.report = report
  }
}

extension CheckpointContents {
  /// What `rules` would make of this checkpoint. Payload is read only where values are tied that must be equal and
  /// no stored hash says so.
  ///
  /// - Throws: ``RefxError`` with the rule's number where a rule cannot do what it says.
  public func planning(_ rules: Rules) throws -> RulesPlan {
    if metadata[PartRecord.key] != nil, let rule = rules.rules.first(where: \.changesPlaces) {
      throw RefxError.rulesOnAPart(rule.name)
    }
    var run = RulesRun(rules, try RuleTable(tree))
    try run.run()
    return try RulesPlan(run, self)
  }

  /// The checkpoint after `rules`.
  ///
  /// - Throws: ``RefxError`` where a rule cannot do what it says, two sites fall on one path, or a list would have a
  ///   gap.
  public func applying(_ rules: Rules) throws -> CheckpointContents { try planning(rules).result() }
}

extension Tree where Element == Leaf {
  /// The tree after `rules`; see ``CheckpointContents/applying(_:)``.
  public func applying(_ rules: Rules) throws -> Tree {
    try CheckpointContents(tree: self).applying(rules).tree
  }
}
