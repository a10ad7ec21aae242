import Refx
import RefxStore

/// A checkpoint in which sites were untied, and what there is to say about it.
public struct UntiedCheckpoint: Sendable {
  /// The checkpoint without those ties.
  public let contents: CheckpointContents
  /// The sites that have a value of their own now, depth first. Where all sites of a value matched, the first one
  /// kept the value itself.
  public let untied: [Path]
  /// What matched and shared with nothing before.
  public let unshared: [Path]
  /// How many shared values there still are inside the untied ones: a shared subtree is copied with what is tied in it.
  public let tiedInside: Int
}

extension CheckpointContents {
  /// Gives each site that matches a value of its own, with its collection; sites that do not match stay tied to each
  /// other. A shared subtree is copied whole: what is tied inside it alone is copied along, what it shares with the
  /// outside stays shared. Reads no payload; attributes are copied too.
  ///
  /// What lies inside a shared subtree is matched under its first site, as a listing has it.
  ///
  /// - Throws: ``RefxError`` where nothing matches, where copies of subtrees inside each other grow beyond all
  ///   bounds, and for a part of a partition.
  public func untying(_ pattern: PathPattern) throws -> UntiedCheckpoint {
    if metadata[PartRecord.key] != nil { throw RefxError.rulesOnAPart("untie") }
    var table = try RuleTable(tree)
    let counts = table.siteCounts()
    var matched: [Int] = []
    var untied: [Path] = []
    var unshared: [Path] = []
    for item in table.itemsInOrder() {
      let path = table.path(of: item)
      guard try pattern.matches(path) else { continue }
      matched.append(item)
      let isShared = table.ref(at: item).map { counts[$0] > 1 } ?? false
      if isShared { untied.append(path) } else { unshared.append(path) }
    }
    let values = try ValueTable(of: tree)
    if matched.isEmpty { throw refusal(of: pattern, values) }
    _ = try table.untie(matched, rule: 1)
    var builder = RuleTreeBuilder(table)
    var result = self
    result.tree = builder.tree()
    if !attributes.isEmpty, !untied.isEmpty {
      result.attributes = try AttributeCarrying(from: tree, values, attributes).carried(
        to: result.tree, tied: []
      ).attributes
    }
    return UntiedCheckpoint(
      contents: result, untied: untied, unshared: unshared,
      tiedInside: try result.tree.countOfShared(below: Set(untied)))
  }

  /// Why a pattern matches nothing: it may be a path through a later site of a shared subtree.
  private func refusal(of pattern: PathPattern, _ values: ValueTable<Leaf>) -> RefxError {
    guard let path = Path(text: pattern.text), let place = values.place(path, in: tree), place.path != path
    else { return RefxError.nothingToUntie(pattern.text) }
    var outer = Path.root
    for end in path.keys.indices {
      let beginning = Path(Array(path.keys[..<end]))
      if case .index? = values.place(beginning, in: tree)?.node { outer = beginning }
    }
    return .untiedInsideShared(path, listedAs: place.path, sharedAt: outer)
  }
}

extension Tree where Element == Leaf {
  /// How many Refs with several sites have one below one of `paths`.
  fileprivate func countOfShared(below paths: Set<Path>) throws -> Int {
    if paths.isEmpty { return 0 }
    var sites: [Int: Int] = [:]
    var inside: Set<Int> = []
    try forEachSite { site in
      guard let index = site.reference?.index else { return }
      sites[index, default: 0] += 1
      if inside.contains(index) { return }
      let keys = site.path.keys
      if keys.indices.contains(where: { paths.contains(Path(Array(keys[..<$0]))) }) { inside.insert(index) }
    }
    return inside.count { sites[$0, default: 0] > 1 }
  }
}

extension RuleTable {
  /// The items that a listing shows, depth first.
  func itemsInOrder() -> [Int] {
    items.indices.filter { item in
      switch items[item].content {
      case .none, .empty: false
      default: !items[item].isGone
      }
    }
  }

  /// The items at some paths, each the one under which a listing has it.
  func items(at paths: Set<Path>) -> [Path: Int] {
    let ends = Set(paths.map(\.keys.last))
    var found: [Path: Int] = [:]
    for item in items.indices where !items[item].isGone {
      // Most are told apart by their last key, without a path being made.
      guard ends.contains(items[item].steps.last?.key) else { continue }
      let path = path(of: item)
      if paths.contains(path), found[path] == nil { found[path] = item }
    }
    return found
  }
}
