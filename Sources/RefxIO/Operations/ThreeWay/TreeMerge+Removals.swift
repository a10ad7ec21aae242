import Refx

extension TreeMerge {
  private struct Pair: Hashable {
    let base: Int
    let other: Int
  }

  /// What one left out the other must not have changed, or the change were lost. A shared value that the merged
  /// tree has elsewhere is not lost.
  mutating func checkRemovals() throws {
    var keptOfA: Set<Pair> = []
    var keptOfB: Set<Pair> = []
    for value in values {
      guard let base = value.cells.base else { continue }
      if let a = value.cells.a { keptOfA.insert(Pair(base: base, other: a)) }
      if let b = value.cells.b { keptOfB.insert(Pair(base: base, other: b)) }
    }
    // A pair of Refs that was found equal once need not be looked at again.
    var seenOfA = keptOfA
    var seenOfB = keptOfB
    for removal in removals {
      let isSame =
        removal.isOfA ? try isUntouched(removal, a, &seenOfA) : try isUntouched(removal, b, &seenOfB)
      if isSame { continue }
      conflict(
        .structure, at: removal.path,
        removal.isOfA
          ? "\(names.a) changed it, \(names.b) removed it or put something else there"
          : "\(names.a) removed it or put something else there, \(names.b) changed it")
    }
  }

  private func isUntouched(
    _ removal: Removal, _ table: ValueTable<Leaf>, _ seen: inout Set<Pair>
  ) throws -> Bool {
    // Refs wait for their turn, since they may stand in a chain of any length.
    let before = seen
    var pending: [(Tree<Leaf>, Tree<Leaf>)] = [(removal.base, removal.other)]
    while let (one, other) = pending.popLast() {
      guard try isSame(one, other, table, &seen, &pending, at: removal.path) else {
        seen = before
        return false
      }
    }
    return true
  }

  private func isSame(
    _ one: Tree<Leaf>, _ other: Tree<Leaf>, _ table: ValueTable<Leaf>, _ seen: inout Set<Pair>,
    _ pending: inout [(Tree<Leaf>, Tree<Leaf>)], at path: Path
  ) throws -> Bool {
    if let index = one.referenceIndex, let theirs = other.referenceIndex {
      guard seen.insert(Pair(base: index, other: theirs)).inserted else { return true }
      pending.append((base.inside(one), table.inside(other)))
      return base.standing(of: one) == table.standing(of: other)
    }
    guard one.isReference == other.isReference else { return false }
    return try one.hasSameNode(as: other, at: path) {
      try isSame($0, $1, table, &seen, &pending, at: $2)
    }
  }
}

extension Tree where Element == Leaf {
  /// Whether two nodes that are no Refs are the same, their members as `compare` has it.
  func hasSameNode(
    as other: Tree, at path: Path, _ compare: (Tree, Tree, Path) throws -> Bool
  ) throws -> Bool {
    switch (self, other) {
    case (.leaf(let one), .leaf(let other)): return try one.holdsSame(as: other, at: path)
    case (.static(let one), .static(let other)): return one == other
    case (.dictionary(let one), .dictionary(let other)):
      guard one.keys == other.keys else { return false }
      for (key, (mine, theirs)) in zip(one.keys, zip(one.members, other.members)) {
        guard try compare(mine, theirs, path.appending(key)) else { return false }
      }
      return true
    case (.list(let one), .list(let other)), (.tuple(let one), .tuple(let other)):
      guard one.count == other.count else { return false }
      for (position, (mine, theirs)) in zip(one, other).enumerated() {
        guard try compare(mine, theirs, path.appending(Key(position))) else { return false }
      }
      return true
    default: return isOfKind(other)
    }
  }

  /// Whether both are leaves, or both lists, and so on.
  func isOfKind(_ other: Tree) -> Bool {
    switch (self, other) {
    case (.leaf, .leaf), (.dictionary, .dictionary), (.list, .list), (.tuple, .tuple), (.none, .none),
      (.nothing, .nothing), (.hole, .hole), (.static, .static):
      true
    default: false
    }
  }

  /// The members of a list or tuple; none of anything else.
  var members: [Tree] {
    switch self {
    case .list(let members), .tuple(let members): members
    default: []
    }
  }

  /// The keys of a dictionary.
  var keys: [Key] { if case .dictionary(let branches) = self { branches.keys } else { [] } }

  /// The member of a dictionary.
  func named(_ key: Key) -> Tree? { if case .dictionary(let branches) = self { branches[key] } else { nil } }
}

extension Leaf {
  /// Whether dtype, shape and bytes are the same. Payload is read where no stored hash decides.
  func holdsSame(as other: Leaf, at path: Path) throws -> Bool {
    guard dtype == other.dtype, shape == other.shape else { return false }
    for leaf in [self, other] {
      if let reason = leaf.source.unsupported { throw RefxError.unsupportedLeaf(reason).atPath(path) }
    }
    return try hasSameBytes(as: other, path: path, otherPath: path)
  }
}

extension ValueTable where Element == Leaf {
  /// What the Ref holds that stands here; the same where none does.
  func inside(_ tree: Tree<Leaf>) -> Tree<Leaf> {
    tree.referenceIndex.flatMap { self[$0]?.value } ?? tree
  }

  func standing(of tree: Tree<Leaf>) -> Standing {
    tree.referenceIndex.flatMap { self[$0] }.map { .ref($0.collection) } ?? .plain
  }
}
