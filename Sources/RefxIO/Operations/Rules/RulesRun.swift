import Refx
import RefxStore

/// The rules, one after the other.
struct RulesRun {
  var table: RuleTable
  var report: RulesReport
  var casts: [(path: Path, leaf: Leaf)] = []
  init(_ rules: Rules, _ table: RuleTable) {
    self.table = table
    report = RulesReport(rules)
  }

  mutating func run() throws {
    for (position, rule) in report.rules.rules.enumerated() {
      do {
        report.matches[position] = try apply(rule.action, number: position + 1)
      } catch let error as RefxError {
        throw error.ofRule(position + 1, rule.description)
      }
      if !report.collisions.isEmpty { return }
    }
  }

  /// - Returns: how many sites were matched.
  private mutating func apply(_ action: Rule.Action, number: Int) throws -> Int {
    switch action {
    case .rename(let pattern, let replacement):
      var wanted: [(item: Int, keys: [Key])] = []
      for (item, groups) in try table.matches(pattern) {
        wanted.append((item, try newKeys(replacement.text(groups), of: item)))
      }
      let targets = table.targets(wanted)
      report.halfMatches += table.halfMatches(Array(targets.keys), rule: number)
      try move(targets, number)
      return wanted.count
    case .drop(let pattern):
      let matched = try table.matches(pattern).map(\.item)
      let dropped = table.dropped(matched)
      report.halfMatches += table.halfMatches(dropped, rule: number)
      try table.drop(dropped, rule: number)
      return matched.count
    case .nest(let separator):
      var targets: [Int: [Key]] = [:]
      for item in table.items.indices where !table.items[item].isGone {
        let way = table.way(to: item)
        let keys = way.flatMap { table.isName($0) ? $0.key.split(by: separator) : [$0.key] }
        if keys != way.map(\.key) { targets[item] = keys }
      }
      try move(targets, number)
      return targets.count
    case .flatten(let separator):
      var targets: [Int: [Key]] = [:]
      for item in table.items.indices where !table.items[item].isGone && table.innerSpace(of: item) == nil {
        let keys = table.path(of: item).keys
        if keys.count > 1 { targets[item] = [Key(keys.map(\.string).joined(separator: separator))] }
      }
      try move(targets, number)
      return targets.count
    case .tag(let pattern, let collection):
      return table.tag(try table.matches(pattern).map(\.item), collection, rule: number)
    case .tie(let patterns, let take): return try tie(patterns, take, number)
    case .untie(let pattern):
      return try table.untie(table.matches(pattern).map(\.item), rule: number)
    case .cast(let pattern, let from, let dtype):
      return try table.change(table.matches(pattern).map(\.item), rule: number) { leaf, path in
        if let from, leaf.dtype != from { return nil }
        let cast = try leaf.cast(to: dtype, at: path)
        casts.append((path, cast))
        return cast
      }
    case .transpose(let pattern, let axes):
      // Each rule its own, since what one transposes another may have transposed before.
      let windows = TransposedWindows()
      return try table.change(table.matches(pattern).map(\.item), rule: number) { leaf, path in
        try leaf.transposed(axes, windows: windows, at: path)
      }
    }
  }

  private mutating func move(_ targets: [Int: [Key]], _ number: Int) throws {
    for (one, other) in try table.move(targets, rule: number) {
      let paths = [table.path(of: one), table.path(of: other)].sorted { $0.keys.count < $1.keys.count }
      report.collisions.append(
        .init(
          rule: number, path: paths[0], first: table.items[one].origin, second: table.items[other].origin,
          firstRule: table.items[one].movedBy, secondRule: table.items[other].movedBy))
    }
  }

  private mutating func tie(_ patterns: [RulePattern], _ take: RulePattern?, _ number: Int) throws -> Int {
    var groups: [[Key?]: [Int]] = [:]
    var order: [[Key?]] = []
    var seen: Set<Int> = []
    for pattern in patterns {
      for (item, match) in try table.matches(pattern) where table.canBeTied(item) {
        guard seen.insert(item).inserted else { continue }
        let name = match.dropFirst().map { $0.map { Key(String($0)) } }
        if groups[name] == nil { order.append(name) }
        groups[name, default: []].append(item)
      }
    }
    let taken = try take.map { Set(try table.matches($0).map(\.item)) }
    return try table.tie(order.map { groups[$0] ?? [] }, take: taken, rule: number)
  }

  /// Reads what a rename made of a path.
  private func newKeys(_ text: String, of item: Int) throws -> [Key] {
    let path = table.path(of: item)
    guard text.utf8.count <= Limits().nameBytes else { throw RefxError.renamedTooLong(path) }
    let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard text.isEmpty || parts.allSatisfy({ !$0.isEmpty }) else {
      throw RefxError.renamedToEmptyKey(text, path)
    }
    guard let keys = Path(text: text)?.keys else { throw RefxError.renamedToBadPath(text, path) }
    return keys
  }
}

extension RuleTable {
  /// The shared values of which some sites were matched and others not.
  fileprivate func halfMatches(_ matched: [Int], rule: Int) -> [RulesReport.HalfMatch] {
    var sites: [Int: Set<Int>] = [:]
    for item in matched {
      if let ref = ref(at: item) { sites[ref, default: []].insert(item) }
    }
    if sites.isEmpty { return [] }
    let counts = siteCounts()
    let half = sites.filter { $0.value.count < counts[$0.key] }
    return self.sites(of: Set(half.keys)).sorted { $0.value[0] < $1.value[0] }.map { ref, all in
      let mine = half[ref] ?? []
      return .init(
        rule: rule, matched: all.filter(mine.contains).map { path(of: $0) },
        unmatched: all.filter { !mine.contains($0) }.map { path(of: $0) })
    }
  }

  /// Whether a step names a member, and does not count one.
  fileprivate func isName(_ step: Step) -> Bool {
    guard let container = step.container else { return true }
    return containers[container].kind == .dictionary
  }

  fileprivate func canBeTied(_ item: Int) -> Bool {
    switch items[item].content {
    case .leaf, .site: true
    default: false
    }
  }
}

extension RuleTable.Item {
  /// Whether a listing has a row for it.
  var isListed: Bool {
    switch content {
    case .none, .empty: false
    default: true
    }
  }
}

extension Rule {
  /// Whether it changes more than arrays.
  var changesPlaces: Bool {
    switch action {
    case .cast, .transpose: false
    default: true
    }
  }
}

extension Path {
  /// The paths of what stands around this, and this.
  var beginnings: [Path] { (0...keys.count).map { Path(Array(keys[..<$0])) } }
}
