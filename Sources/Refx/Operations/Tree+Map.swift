extension Tree {
  /// The same tree with each leaf replaced by a tree; visits leaves in order, each shared value's once.
  @inlinable
  public func flatMap<Other>(_ transform: (Element) throws -> Tree<Other>) rethrows -> Tree<Other> {
    switch self {
    case .leaf(let element): try transform(element)
    case .dictionary(let branches): .dictionary(try branches.map { try $1.flatMap(transform) })
    case .list(let members): .list(try members.map { try $0.flatMap(transform) })
    case .tuple(let members): .tuple(try members.map { try $0.flatMap(transform) })
    case .none: .none
    case .nothing: .nothing
    case .hole: .hole
    case .static(let value): .static(value)
    case .value(let value):
      .value(Refx.Value(try value.value.flatMap(transform), index: value.index, collection: value.collection))
    case .index(let index): .index(index)
    }
  }

  /// The same tree with each leaf transformed; visits leaves in order, each shared value's once.
  @inlinable
  public func map<Other>(_ transform: (Element) throws -> Other) rethrows -> Tree<Other> {
    try flatMap { .leaf(try transform($0)) }
  }

  /// The same node with each member of a dictionary, list or tuple replaced, in order; `transform` gets its
  /// path. Anything else stays as it is, a Ref too: what it holds is no member.
  package func mapMembers(at path: Path, _ transform: (Tree, Path) throws -> Tree) rethrows -> Tree {
    switch self {
    case .dictionary(let branches):
      return .dictionary(try branches.map { try transform($1, path.appending($0)) })
    case .list(let members):
      return .list(try members.indices.map { try transform(members[$0], path.appending(Key($0))) })
    case .tuple(let members):
      return .tuple(try members.indices.map { try transform(members[$0], path.appending(Key($0))) })
    default: return self
    }
  }

  /// Visits each member of a dictionary, list or tuple, in order, with its path; of anything else none.
  package func forEachMember(at path: Path, _ body: (Tree, Path) throws -> Void) rethrows {
    switch self {
    case .dictionary(let branches):
      for position in branches.members.indices {
        try body(branches.members[position], path.appending(branches.keys[position]))
      }
    case .list(let members), .tuple(let members):
      for position in members.indices { try body(members[position], path.appending(Key(position))) }
    default: break
    }
  }

  /// Visits the leaves in order, each shared value's once.
  @inlinable
  public func forEachLeaf(_ body: (Element) throws -> Void) rethrows {
    switch self {
    case .leaf(let element): try body(element)
    case .dictionary(let branches): for member in branches.members { try member.forEachLeaf(body) }
    case .list(let members), .tuple(let members): for member in members { try member.forEachLeaf(body) }
    case .value(let value): try value.value.forEachLeaf(body)
    case .none, .nothing, .hole, .static, .index: break
    }
  }

  /// The leaves in order, each shared value's once.
  @inlinable
  public func leaves() -> [Element] {
    var all: [Element] = []
    forEachLeaf { all.append($0) }
    return all
  }

  /// How many leaves there are, each shared value's counted once.
  @inlinable
  public var leafCount: Int {
    var count = 0
    forEachLeaf { _ in count += 1 }
    return count
  }

  /// What kind of node this is, in words.
  public var kindName: String {
    switch self {
    case .leaf(let element): (element as? RefLeaf)?.ref == nil ? "a leaf" : "a Ref"
    case .dictionary: "a dictionary"
    case .list: "a list"
    case .tuple: "a tuple"
    case .none: "None"
    case .nothing: "Nothing"
    case .hole: "a hole"
    case .static: "a static value"
    case .value: "a Value"
    case .index: "an Index"
    }
  }
}

extension Tree where Element == RefLeaf {
  /// Whether a live Ref, a Value or an Index stands here. From refx: `isinstance(x, Referential)`.
  public var isReferential: Bool {
    if case .leaf(.ref) = self { true } else { isReference }
  }
}

extension Tree {
  /// Whether a Value or an Index stands here. From refx: `isinstance(x, Referential)`.
  public var isReferential: Bool { isReference }
}
