/// Derefs a tree and takes it apart: the leaves in order (plain leaves, Values, Indexes), and the structure.
/// From refx: `deref_flatten`.
///
/// - Throws: what ``deref(_:)`` throws.
public func derefFlatten(_ tree: RefTree) throws -> (leaves: [Tree<Leaf>], structure: Structure) {
  let (nodes, structure) = Flattener.flatten(tree, Flattening(derefsAreLeaves: true))
  return (try dereffing(nodes, structure), structure)
}

/// Derefs leaves (plain leaves, Refs, Derefs) and puts them into a tree: the inverse of ``rerefFlatten(_:)``.
/// From refx: `deref_unflatten`.
///
/// - Throws: what ``deref(_:)`` throws, and ``RefxError`` where the number of leaves does not fit.
public func derefUnflatten(_ structure: Structure, _ leaves: [RefTree]) throws -> Tree<Leaf> {
  guard leaves.count == structure.leafCount else {
    throw RefxError.leafCount(leaves.count, expected: structure.leafCount)
  }
  return try structure.unflatten(nodes: dereffing(leaves, structure))
}

/// Rerefs a tree and takes it apart: the leaves in order (plain leaves, Refs), and the structure. From refx:
/// `reref_flatten`.
///
/// - Throws: what ``reref(_:)-(Tree<Leaf>)`` throws.
public func rerefFlatten(_ tree: Tree<Leaf>) throws -> (leaves: [RefTree], structure: Structure) {
  let (nodes, structure) = Flattener.flatten(tree, Flattening(derefsAreLeaves: true))
  return (try rereffing(nodes, structure), structure)
}

/// Rerefs leaves (plain leaves, Values, Indexes) and puts them into a tree: the inverse of
/// ``derefFlatten(_:)``. From refx: `reref_unflatten`.
///
/// - Throws: what ``reref(_:)-(Tree<Leaf>)`` throws, and ``RefxError`` where the number of leaves does not fit.
public func rerefUnflatten(_ structure: Structure, _ leaves: [Tree<Leaf>]) throws -> RefTree {
  guard leaves.count == structure.leafCount else {
    throw RefxError.leafCount(leaves.count, expected: structure.leafCount)
  }
  return try structure.unflatten(nodes: rereffing(leaves, structure))
}

private func dereffing(_ nodes: [RefTree], _ structure: Structure) throws -> [Tree<Leaf>] {
  var walk = DerefWalk()
  var dereffed: [Tree<Leaf>] = []
  dereffed.reserveCapacity(nodes.count)
  for node in nodes {
    do {
      dereffed.append(try walk.visit(node, depth: 0))
    } catch let error as RefxError {
      throw error.under(structure.path(of: dereffed.count))
    }
  }
  return dereffed
}

private func rereffing(_ nodes: [Tree<Leaf>], _ structure: Structure) throws -> [RefTree] {
  var walk = RerefWalk<Leaf>()
  var rereffed: [RefTree] = []
  rereffed.reserveCapacity(nodes.count)
  for node in nodes {
    do {
      rereffed.append(try walk.visit(node, depth: 0))
    } catch let error as RefxError {
      throw error.under(structure.path(of: rereffed.count))
    }
  }
  return rereffed
}
