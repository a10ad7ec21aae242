import Refx

extension Tree where Element == Leaf {
  /// The tree with a Ref of its own at every site: what was shared is there once for each site, with its
  /// collection. Copies no payload.
  ///
  /// - Throws: ``RefxError`` where a shared value contains itself, or the copies make the tree too large.
  package func copiedAtEverySite(nodeLimit: Int = 10_000_000) throws -> Tree {
    var copying = SiteCopying(nodeLimit: nodeLimit)
    return try copying.copy(self, at: .root)
  }
}

private struct SiteCopying {
  let nodeLimit: Int
  private var nodes = 0
  private var refs = 0
  private var known: [Int: Value<Tree<Leaf>>] = [:]
  private var open: Set<Int> = []

  init(nodeLimit: Int) {
    self.nodeLimit = nodeLimit
  }

  mutating func copy(_ tree: Tree<Leaf>, at path: Path) throws -> Tree<Leaf> {
    nodes += 1
    guard nodes <= nodeLimit else { throw RefxError.tooManyCopies(limit: nodeLimit, path: path) }
    guard path.keys.count <= maximumTreeDepth else {
      throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: path)
    }
    switch tree {
    case .value(let value):
      guard known.updateValue(value, forKey: value.index) == nil || !open.contains(value.index) else {
        throw RefxError.valueAlreadyExists(index: value.index, path: path)
      }
      return try copy(value, at: path)
    case .index(let index):
      guard let value = known[index.index] else {
        throw RefxError.indexWithoutValue(index: index.index, path: path)
      }
      return try copy(value, at: path)
    default: return try tree.mapMembers(at: path) { try copy($0, at: $1) }
    }
  }

  private mutating func copy(_ value: Value<Tree<Leaf>>, at path: Path) throws -> Tree<Leaf> {
    guard open.insert(value.index).inserted else {
      throw RefxError.endlessCopy(index: value.index, path: path)
    }
    defer { open.remove(value.index) }
    let index = refs
    refs += 1
    let inner = value.value.isReference ? path.appending("0") : path
    return .value(Value(try copy(value.value, at: inner), index: index, collection: value.collection))
  }
}
