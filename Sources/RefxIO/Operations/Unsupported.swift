import Refx

extension Tree where Element == Leaf {
  /// The leaves whose payload cannot be represented, each at its first site.
  public func unsupportedLeaves() throws -> [(path: Path, reason: UnsupportedLeaf)] {
    var found: [(path: Path, reason: UnsupportedLeaf)] = []
    try forEachSite { site in
      guard site.reference?.isFirst ?? true, case .leaf(let leaf) = site.content,
        let reason = leaf.source.unsupported
      else { return }
      found.append((site.path, reason))
    }
    return found
  }

  /// The tree without the leaves whose payload cannot be represented: they leave their dictionaries, and a
  /// nothing in lists, tuples and Refs with other contents.
  public func skippingUnsupported() throws -> Tree {
    try leavingOut { $0.source.unsupported != nil }
  }

  /// The tree without some leaves: they leave their dictionaries, and a nothing elsewhere. A shared one goes at
  /// each of its sites. Reads no payload.
  package func leavingOut(_ isLeftOut: (Leaf) -> Bool) throws -> Tree {
    let values = try ValueTable(of: self)
    func goes(_ tree: Tree<Leaf>) -> Bool {
      if case .leaf(let leaf) = values.open(tree) { isLeftOut(leaf) } else { false }
    }
    func strip(_ tree: Tree<Leaf>) -> Tree<Leaf> {
      if goes(tree) { return .nothing }
      switch tree {
      case .dictionary(let branches):
        return .dictionary(
          zip(branches.keys, branches.members).compactMap { goes($1) ? nil : ($0, strip($1)) })
      case .list(let members): return .list(members.map(strip))
      case .tuple(let members): return .tuple(members.map(strip))
      case .value(var value):
        value.value = strip(value.value)
        return .value(value)
      default: return tree
      }
    }
    return try strip(self).reindexed()
  }
}
