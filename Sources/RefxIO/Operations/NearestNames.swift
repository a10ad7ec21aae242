import Refx

extension ValueTable {
  /// The members of the last node on the way to `path`, where nothing stands, that are spelled most like what was
  /// asked for: three at most, the nearest first.
  package func names(near path: Path, in tree: Tree<Element>) -> [Key] {
    var parent = path
    while let key = parent.keys.popLast() {
      guard let node = resolve(parent, in: tree) else { continue }
      let wanted = key.string
      let far = max(2, wanted.utf8.prefix(64).count / 2)
      return node.memberKeys.prefix(1000)
        .map { ($0, Nearest.distance(wanted, $0.string)) }
        .filter { $0.1 <= far }
        .sorted { ($0.1, $0.0) < ($1.1, $1.0) }
        .prefix(3).map(\.0)
    }
    return []
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
