import Refx

extension ValueTable {
  /// The members of the last node on the way to `path`, where nothing stands, that are spelled most like what was
  /// asked for: three at most, the nearest first.
  package func names(near path: Path, in tree: Tree<Element>) -> [Key] {
    var parent = path
    while let key = parent.keys.popLast() {
      guard let node = resolve(parent, in: tree) else { continue }
      return Nearest.keys(to: key, among: node.memberKeys.prefix(1000))
    }
    return []
  }
}

extension Nearest {
  /// Those of `known` that are spelled most like `wanted`: three at most, the nearest first.
  static func keys(to wanted: Key, among known: some Sequence<Key>) -> [Key] {
    let far = max(2, wanted.string.utf8.prefix(64).count / 2)
    return known.map { ($0, distance(wanted.string, $0.string)) }
      .filter { $0.1 <= far }
      .sorted { ($0.1, $0.0) < ($1.1, $1.0) }
      .prefix(3).map(\.0)
  }
}

extension PathPattern {
  /// Of a pattern that matches none of `paths`: names on them that are spelled most like the first of its own that
  /// stands on none. Nothing where it is a regular expression, or all its names are there.
  package func nearestNames(on paths: some Sequence<Path>) -> [Key] {
    var known: Set<Key> = []
    let wanted = literals
    var missing = Set(wanted)
    for path in paths {
      for key in path.keys {
        missing.remove(key)
        // Those of a row of millions need not all be looked at.
        if known.count < 10_000 { known.insert(key) }
      }
    }
    guard let name = wanted.first(where: missing.contains) else { return [] }
    return Nearest.keys(to: name, among: known)
  }
}

extension Tree {
  /// The keys by which the node's members are named.
  package var memberKeys: [Key] {
    switch self {
    case .dictionary(let branches): branches.keys
    case .list(let members), .tuple(let members): members.indices.map { Key($0) }
    case .value, .index: ["0"]
    default: []
    }
  }
}
