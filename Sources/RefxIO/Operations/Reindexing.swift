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
    case .dictionary(let branches):
      return .dictionary(
        try branches.mapMembers { key, member in try copy(member, at: path.appending(key)) })
    case .list(let members): return .list(try copy(members, at: path))
    case .tuple(let members): return .tuple(try copy(members, at: path))
    default: return tree
    }
  }

  private mutating func copy(_ members: [Tree<Element>], at path: Path) throws -> [Tree<Element>] {
    var copies: [Tree<Element>] = []
    copies.reserveCapacity(members.count)
    for (position, member) in members.enumerated() {
      copies.append(try copy(member, at: path.appending(Key(position))))
    }
    return copies
  }
}

extension Branches {
  /// The same keys with each member replaced.
  func mapMembers(_ transform: (Key, Tree<Element>) throws -> Tree<Element>) rethrows -> Branches {
    var replaced: [(Key, Tree<Element>)] = []
    replaced.reserveCapacity(count)
    for (key, member) in zip(keys, members) { replaced.append((key, try transform(key, member))) }
    return Branches(replaced)
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
