/// Two arrays of one dtype and shape whose elements are to be compared.
public struct DiffPair: Sendable {
  /// The first tree's path: of a Ref, its first site.
  public let path: Path
  /// The array on the first side.
  public let leaf: Leaf
  /// What stands for it in the second tree: several arrays where it was untied.
  public var others: [(path: Path, leaf: Leaf)]
}

extension Tree where Element == Leaf {
  /// What differs from this tree to `other`, but for the values: reads no payload.
  ///
  /// - Parameter marks: finds what moved, by its contents; nil to leave it removed and added. What moved is
  ///   compared as what stayed is, so that its ties and collections have rows too.
  /// - Returns: the difference, and the pairs of arrays whose elements decide about the rest.
  /// - Throws: what `marks` throws, and ``RefxError`` where an index comes before its value, or where the shared
  ///   values of the two trees lie inside each other deeper than a tree may be.
  public func catalogueDiff(
    to other: Tree<Leaf>, findingMovesBy marks: ContentMarks? = nil
  ) throws -> (diff: TreeDiff, pairs: [DiffPair]) {
    var walk = DiffWalk(a: try ValueTable(of: self), b: try ValueTable(of: other))
    try walk.compare(self, other, at: DiffPlace(path: .root))
    if let marks {
      var search = try MoveSearch(walk.diff.structure, self, other, walk.a, walk.b)
      let found = try search.found(marks)
      walk.diff.structure = found.rows
      for move in found.moves { try walk.compare(move, self, other) }
    }
    walk.diff.topology = walk.sites.changes()
    try forEachSite { site in
      if case .leaf = site.content, site.reference?.isFirst ?? true { walk.diff.arrays += 1 }
    }
    return (walk.diff, walk.pairs)
  }
}
