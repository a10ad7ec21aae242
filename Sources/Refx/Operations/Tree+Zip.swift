extension Tree {
  /// The tree of what `transform` makes of each two leaves that stand at the same place. The nodes, keys,
  /// static values and indexes are this tree's, and must be the other's.
  ///
  /// - Throws: ``RefxError`` where the shapes differ, and what `transform` throws.
  public func map<Other, Result>(
    with other: Tree<Other>, _ transform: (Element, Other) throws -> Result
  ) throws -> Tree<Result> {
    switch (self, other) {
    case (.leaf(let one), .leaf(let two)): return .leaf(try transform(one, two))
    case (.dictionary(let one), .dictionary(let two)):
      guard one.keys == two.keys else {
        throw RefxError.shapesDiffer(expected: "the keys \(one.keys)", found: "\(two.keys)")
      }
      let members = try Tree.map(one.members, two.members, { one.keys[$0] }, transform)
      return .dictionary(Branches<Result>(ascending: one.keys, members: members))
    case (.list(let one), .list(let two)): return .list(try Tree.map(one, two, { Key($0) }, transform))
    case (.tuple(let one), .tuple(let two)): return .tuple(try Tree.map(one, two, { Key($0) }, transform))
    case (.value(let one), .value(let two)) where one.index == two.index:
      return .value(
        Refx.Value(
          try one.value.map(with: two.value, transform), index: one.index, collection: one.collection))
    case (.index(let one), .index(let two)) where one.index == two.index: return .index(one)
    case (.none, .none): return .none
    case (.nothing, .nothing): return .nothing
    case (.hole, .hole): return .hole
    case (.static(let one), .static(let two)) where one == two: return .static(one)
    default: throw RefxError.shapesDiffer(expected: placeName, found: other.placeName)
    }
  }

  private static func map<Other, Result>(
    _ one: [Tree], _ two: [Tree<Other>], _ key: (Int) -> Key,
    _ transform: (Element, Other) throws -> Result
  ) throws -> [Tree<Result>] {
    guard one.count == two.count else {
      throw RefxError.shapesDiffer(expected: "\(one.count) members", found: "\(two.count)")
    }
    var mapped: [Tree<Result>] = []
    mapped.reserveCapacity(one.count)
    for position in one.indices {
      do {
        mapped.append(try one[position].map(with: two[position], transform))
      } catch let error as RefxError {
        throw error.under(key(position))
      }
    }
    return mapped
  }

  private var placeName: String {
    switch self {
    case .value(let value): "Value \(value.index)"
    case .index(let index): "Index \(index.index)"
    case .static(let value): "\(value)"
    default: kindName
    }
  }
}

extension Partition {
  /// The part that `transform` makes of each two leaves of two parts with the same paths: a step of gradient
  /// descent, say.
  ///
  /// - Throws: ``RefxError`` where paths or shapes differ, and what `transform` throws.
  public func map<Other, Result>(
    with other: Partition<Other>, _ transform: (Element, Other) throws -> Result
  ) throws -> Partition<Result> {
    guard layout.hasPaths(of: other.layout) else {
      throw RefxError.shapesDiffer(expected: "the same \(count) paths", found: "\(other.count) other ones")
    }
    var mapped: [Tree<Result>] = []
    mapped.reserveCapacity(count)
    for (position, (one, two)) in zip(leaves, other.leaves).enumerated() {
      do {
        mapped.append(try one.map(with: two, transform))
      } catch let error as RefxError {
        throw error.under(layout.path(of: position))
      }
    }
    return Partition<Result>(layout: layout, leaves: PartLeaves(all: mapped))
  }
}
