/// What counts as a leaf when a tree is taken apart.
struct Flattening<Element> {
  /// Values and Indexes are leaves, as they are; else a Value is a node and an Index part of the structure.
  var derefsAreLeaves = false
  /// Nothings and holes are leaves.
  var nothingsAreLeaves = false
  /// Further subtrees that are leaves, where they are asked for.
  var isLeaf: ((Tree<Element>) -> Bool)?
}

/// Takes a tree apart: its leaves in order, and its structure.
struct Flattener<Element> {
  private let rules: Flattening<Element>
  private(set) var leaves: [Tree<Element>] = []

  private init(_ rules: Flattening<Element>) {
    self.rules = rules
  }

  static func flatten(
    _ tree: Tree<Element>, _ rules: Flattening<Element>
  ) -> (leaves: [Tree<Element>], structure: Structure) {
    var flattener = Flattener(rules)
    let shape = flattener.visit(tree)
    return (flattener.leaves, Structure(shape: shape, leafCount: flattener.leaves.count))
  }

  private mutating func visit(_ tree: Tree<Element>) -> Tree<Structure.Slot> {
    if let isLeaf = rules.isLeaf, !tree.isVacant, isLeaf(tree) { return take(tree) }
    switch tree {
    case .leaf: return take(tree)
    case .dictionary(let branches):
      return .dictionary(Branches(ascending: branches.keys, members: visit(branches.members)))
    case .list(let members): return .list(visit(members))
    case .tuple(let members): return .tuple(visit(members))
    case .none: return .none
    case .nothing: return rules.nothingsAreLeaves ? take(tree, .nothing) : .nothing
    case .hole: return rules.nothingsAreLeaves ? take(tree, .hole) : .hole
    case .static(let value): return .static(value)
    case .value(let value):
      if rules.derefsAreLeaves { return take(tree) }
      return .value(Value(visit(value.value), index: value.index, collection: value.collection))
    case .index(let index): return rules.derefsAreLeaves ? take(tree) : .index(index)
    }
  }

  private mutating func visit(_ members: [Tree<Element>]) -> [Tree<Structure.Slot>] {
    var shapes: [Tree<Structure.Slot>] = []
    shapes.reserveCapacity(members.count)
    for member in members { shapes.append(visit(member)) }
    return shapes
  }

  private mutating func take(
    _ tree: Tree<Element>, _ kind: Structure.Kind = .leaf
  ) -> Tree<Structure.Slot> {
    leaves.append(tree)
    return .leaf(Structure.Slot(position: leaves.count - 1, kind: kind))
  }
}

extension Tree {
  /// Takes the tree apart: its leaves in order, each shared value's once, and its structure. Nothings have no
  /// leaf. ``Structure/unflatten(_:)`` is the exact inverse.
  public func flatten() -> (leaves: [Element], structure: Structure) {
    let (nodes, structure) = Flattener.flatten(self, Flattening())
    return (
      nodes.map { if case .leaf(let element) = $0 { element } else { preconditionFailure() } }, structure
    )
  }

  /// The shape of the tree without its leaves.
  public var structure: Structure { Flattener.flatten(self, Flattening()).structure }
}

extension Structure {
  /// The tree with these leaves: the exact inverse of ``Tree/flatten()``.
  ///
  /// - Throws: ``RefxError`` where there are more or fewer leaves than places.
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
