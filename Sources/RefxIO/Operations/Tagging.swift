import Refx

extension Tree where Element == Leaf {
  /// The positions of those of `rules` that give no leaf or Ref a collection in ``tagging(_:)``.
  public func unusedTags(
    among rules: [(pattern: PathPattern, collection: CollectionTag)]
  ) throws -> [Int] {
    var used: Set<Int> = []
    var settled: Set<Int> = []
    try forEachSite { site in
      if let reference = site.reference {
        if settled.contains(reference.index) { return }
      } else {
        guard case .leaf = site.content else { return }
      }
      guard let rule = try rules.firstIndex(where: { try $0.pattern.matches(site.path) }) else { return }
      used.insert(rule)
      if let reference = site.reference { settled.insert(reference.index) }
    }
    return rules.indices.filter { !used.contains($0) }
  }

  /// Makes every plain leaf whose path matches a Ref of the collection, and gives the Refs of which a site
  /// matches that collection. The first rule that matches wins.
  public func tagging(_ rules: [(pattern: PathPattern, collection: CollectionTag)]) throws -> Tree {
    func collection(at path: Path) throws -> CollectionTag? {
      try rules.first { try $0.pattern.matches(path) }?.collection
    }
    var tags: [Int: CollectionTag] = [:]
    var next = 0
    try forEachSite { site in
      guard let reference = site.reference else { return }
      next = Swift.max(next, reference.index + 1)
      if tags[reference.index] == nil { tags[reference.index] = try collection(at: site.path) }
    }
    func apply(_ tree: Tree<Leaf>, _ path: Path) throws -> Tree<Leaf> {
      switch tree {
      case .leaf:
        guard let collection = try collection(at: path) else { return tree }
        defer { next += 1 }
        return .value(.init(tree, index: next, collection: collection))
      case .value(var value):
        value.collection = tags[value.index] ?? value.collection
        // An array inside a Ref at the Ref's own path is the Ref's, not one of its own.
        if case .leaf = value.value { return .value(value) }
        value.value = try apply(value.value, value.value.isReference ? path.appending("0") : path)
        return .value(value)
      case .index(var index):
        index.collection = tags[index.index] ?? index.collection
        return .index(index)
      default: return try tree.mapMembers(at: path, apply)
      }
    }
    return try apply(self, .root).reindexed()
  }
}
