import Refx

/// Copies trees so that their indexes count from 0 in order of first sight, whatever they were before: a
/// value is put where it is first met, an index wherever it is met again.
struct Reindexing<Element> {
  let values: ValueTable<Element>
  private var numbers: [Int: Int] = [:]
  /// The old index of each new one.
  private(set) var originals: [Int] = []

  init(_ values: ValueTable<Element>) {
    self.values = values
  }

  /// The site of the Ref that had the index `old`.
  mutating func reference(_ old: Int, at path: Path) throws -> Tree<Element> {
    guard let entry = values[old] else { throw RefxError.indexWithoutValue(index: old, path: path) }
    if let number = numbers[old] { return .index(Index(number, collection: entry.collection)) }
    let number = originals.count
    numbers[old] = number
    originals.append(old)
    let inside = try copy(entry.value, at: entry.value.isReference ? path.appending("0") : path)
    return .value(Value(inside, index: number, collection: entry.collection))
  }

  /// - Throws: ``RefxError`` where an index has no value, or values that were put inside each other make the
  ///   tree too deep.
  mutating func copy(_ tree: Tree<Element>, at path: Path) throws -> Tree<Element> {
    guard path.keys.count <= maximumTreeDepth else {
      throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: path)
    }
    switch tree {
    case .value(let value): return try reference(value.index, at: path)
    case .index(let index): return try reference(index.index, at: path)
    default: return try tree.mapMembers(at: path) { try copy($0, at: $1) }
    }
  }
}

extension Tree {
  /// The same tree with its indexes counted anew from 0 in order of first sight. An index may come before
  /// its value here.
  public func reindexed() throws -> Tree {
    var reindexing = Reindexing(try ValueTable(of: self, inAnyOrder: true))
    return try reindexing.copy(self, at: .root)
  }
}
