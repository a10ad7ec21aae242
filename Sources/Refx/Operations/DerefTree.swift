/// The dereffed tree of `tree`: a Sendable value in which each Ref's value stands once, where the Ref is seen
/// first, and its index at every later site. From refx: `deref`.
///
/// Refs are numbered from 0 depth first, dictionaries by key, a Ref before those inside its value; cycles
/// through Refs close. Payload is not copied. Derefs that come before any Ref are passed through, and Refs
/// are then numbered after them. Linear in the number of nodes.
///
/// - Throws: ``RefxError`` where a Deref comes after a Ref, a Ref belongs to another trace level, a value
///   cannot be represented, or the tree is deeper than ``maximumTreeDepth``.
public func deref(_ tree: RefTree) throws -> Tree<Leaf> {
  var walk = DerefWalk()
  return try walk.visit(tree, depth: 0)
}

extension Tree where Element == RefLeaf {
  /// The dereffed tree; see ``deref(_:)-(RefTree)``.
  public func dereffed() throws -> Tree<Leaf> { try deref(self) }
}

/// One pass of deref over a tree, or over several that share Refs.
struct DerefWalk: ~Copyable {
  private var numbers = RefNumbers()
  /// The first number that no passed-through Deref has.
  private var firstNumber = 0

  mutating func visit(_ tree: RefTree, depth: Int) throws -> Tree<Leaf> {
    switch tree {
    case .leaf(.leaf(let leaf)): return .leaf(leaf)
    case .leaf(.ref(let live)): return try visit(BorrowedRef(live), depth: depth)
    case .list(let members): return .list(try visit(members, depth: depth + 1) { Key($0) })
    case .tuple(let members): return .tuple(try visit(members, depth: depth + 1) { Key($0) })
    case .dictionary(let branches):
      let members = try visit(branches.members, depth: depth + 1) { branches.keys[$0] }
      return .dictionary(Branches(ascending: branches.keys, members: members))
    case .none: return .none
    case .nothing: return .nothing
    case .hole: return .hole
    case .static(let value): return .static(value)
    case .value(let value):
      if !numbers.isEmpty { throw RefxError.derefAmongRefs("a Value") }
      try keepNumber(value.index)
      return .value(
        Value(try inside(of: value.value, depth: depth), index: value.index, collection: value.collection))
    case .index(let index):
      if !numbers.isEmpty { throw RefxError.derefAmongRefs("an Index") }
      try keepNumber(index.index)
      return .index(index)
    }
  }

  @inline(__always)
  private mutating func visit(
    _ members: [RefTree], depth: Int, _ key: (Int) -> Key
  ) throws -> [Tree<Leaf>] {
    if depth > maximumTreeDepth { throw RefxError.tooDeep() }
    var dereffed: [Tree<Leaf>] = []
    dereffed.reserveCapacity(members.count)
    for position in members.indices {
      do {
        if let ref = members[position].borrowedRef {
          dereffed.append(try visit(ref, depth: depth))
        } else {
          dereffed.append(try visit(members[position], depth: depth))
        }
      } catch let error as RefxError {
        throw error.under(key(position))
      }
    }
    return dereffed
  }

  private mutating func visit(_ live: BorrowedRef, depth: Int) throws -> Tree<Leaf> {
    try live.withRef { ref in
      let (number, isNew) = numbers.number(of: ref)
      let (index, overflow) = firstNumber.addingReportingOverflow(number)
      if overflow { throw RefxError.indexesExhausted() }
      guard isNew else { return .index(Index(index, collection: ref.collection)) }
      if let leaf = try live.access.leaf(in: ref) {
        return .value(Value(leaf, index: index, collection: ref.collection))
      }
      let value = try inside(of: live.access.read(ref), depth: depth)
      return .value(Value(value, index: index, collection: ref.collection))
    }
  }

  /// A Ref directly inside a Ref stands at "0".
  private mutating func inside(of value: RefTree, depth: Int) throws -> Tree<Leaf> {
    if depth >= maximumTreeDepth { throw RefxError.tooDeep() }
    guard value.isReferential else { return try visit(value, depth: depth + 1) }
    do {
      return try visit(value, depth: depth + 1)
    } catch let error as RefxError {
      throw error.under("0")
    }
  }

  private mutating func keepNumber(_ index: Int) throws {
    let (next, overflow) = index.addingReportingOverflow(1)
    if overflow { throw RefxError.indexesExhausted() }
    firstNumber = max(firstNumber, next)
  }
}
