/// What counts as a leaf when a tree is taken apart.
struct Flattening<Element> {
  /// Values and Indexes are leaves, as they are; else a Value is a node and an Index part of the structure.
  var derefsAreLeaves = false
  /// Nothings and holes are leaves.
  var nothingsAreLeaves = false
  /// Further subtrees that are leaves, where they are asked for.
  var isLeaf: ((Tree<Element>) -> Bool)?
}

/// Takes a tree apart: hands on its leaves in order, and makes its structure.
struct Flattener<Element> {
  private let rules: Flattening<Element>
  private var count = 0

  private init(_ rules: Flattening<Element>) {
    self.rules = rules
  }

  static func flatten(
    _ tree: Tree<Element>, _ rules: Flattening<Element>, _ take: (Tree<Element>) -> Void
  ) -> Structure {
    var flattener = Flattener(rules)
    let shape = flattener.visit(tree, take)
    return Structure(shape: shape, leafCount: flattener.count)
  }

  static func flatten(
    _ tree: Tree<Element>, _ rules: Flattening<Element>
  ) -> (leaves: [Tree<Element>], structure: Structure) {
    var leaves: [Tree<Element>] = []
    let structure = flatten(tree, rules) { leaves.append($0) }
    return (leaves, structure)
  }

  private mutating func visit(
    _ tree: Tree<Element>, _ take: (Tree<Element>) -> Void
  ) -> Tree<Structure.Slot> {
    if let isLeaf = rules.isLeaf, !tree.isVacant, isLeaf(tree) { return slot(of: tree, take) }
    switch tree {
    case .leaf: return slot(of: tree, take)
    case .dictionary(let branches):
      return .dictionary(Branches(ascending: branches.keys, members: visit(branches.members, take)))
    case .list(let members): return .list(visit(members, take))
    case .tuple(let members): return .tuple(visit(members, take))
    case .none: return .none
    case .nothing: return rules.nothingsAreLeaves ? slot(of: tree, take, .nothing) : .nothing
    case .hole: return rules.nothingsAreLeaves ? slot(of: tree, take, .hole) : .hole
    case .static(let value): return .static(value)
    case .value(let value):
      if rules.derefsAreLeaves { return slot(of: tree, take) }
      return .value(Value(visit(value.value, take), index: value.index, collection: value.collection))
    case .index(let index): return rules.derefsAreLeaves ? slot(of: tree, take) : .index(index)
    }
  }

  private mutating func visit(
    _ members: [Tree<Element>], _ take: (Tree<Element>) -> Void
  ) -> [Tree<Structure.Slot>] {
    var shapes: [Tree<Structure.Slot>] = []
    shapes.reserveCapacity(members.count)
    for position in members.indices { shapes.append(visit(members[position], take)) }
    return shapes
  }

  @inline(__always)
  private mutating func slot(
    of tree: Tree<Element>, _ take: (Tree<Element>) -> Void, _ kind: Structure.Kind = .leaf
  ) -> Tree<Structure.Slot> {
    take(tree)
    count += 1
    return .leaf(Structure.Slot(position: count - 1, kind: kind))
  }
}

extension Tree {
  /// Takes the tree apart: its leaves in order, each shared value's once, and its structure. Nothings have no
  /// leaf. ``Structure/unflatten(_:)`` is the exact inverse.
  @_specialize(where Element == Leaf)
  @_specialize(where Element == RefLeaf)
  public func flatten() -> (leaves: [Element], structure: Structure) {
    var leaves: [Element] = []
    let structure = Flattener.flatten(self, Flattening()) {
      if case .leaf(let element) = $0 { leaves.append(element) }
    }
    return (leaves, structure)
  }

  /// The shape of the tree without its leaves.
  public var structure: Structure {
    @_specialize(where Element == Leaf)
    @_specialize(where Element == RefLeaf)
    get { Flattener.flatten(self, Flattening()) { _ in } }
  }
}

extension Structure {
  /// The tree with these leaves: the exact inverse of ``Tree/flatten()``.
  ///
  /// - Throws: ``RefxError`` where there are more or fewer leaves than places.
  @_specialize(where Element == Leaf)
  @_specialize(where Element == RefLeaf)
  public func unflatten<Element>(_ leaves: [Element]) throws -> Tree<Element> {
    guard leaves.count == leafCount else { throw RefxError.leafCount(leaves.count, expected: leafCount) }
    return shape.map { leaves[$0.position] }
  }

  /// The tree with these nodes where leaves were.
  func unflatten<Element>(nodes: [Tree<Element>]) throws -> Tree<Element> {
    guard nodes.count == leafCount else { throw RefxError.leafCount(nodes.count, expected: leafCount) }
    return shape.flatMap { nodes[$0.position] }
  }
}
