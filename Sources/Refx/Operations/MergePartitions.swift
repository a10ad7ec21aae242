/// Puts the parts of a tree together again: the exact inverse of ``treePartition(_:_:isLeaf:)``. From refx:
/// `merge_partitions`.
///
/// - Throws: ``RefxError`` where the parts do not have the paths of the tree, two of them fill one path, or
///   none does where the tree had no Nothing of its own.
@_specialize(where Element == Leaf)
@_specialize(where Element == RefLeaf)
public func mergePartitions<Element>(
  _ partitions: [Partition<Element>], _ structure: Structure
) throws -> Tree<Element> {
  try checkPaths(of: partitions, against: PartitionLayout(structure))
  return try Merger(partitions, structure).tree(of: structure.shape)
}

/// Puts the leaves of parts in their places.
private struct Merger<Element> {
  private let parts: PartsAtHand<Element>
  private let structure: Structure

  init(_ partitions: [Partition<Element>], _ structure: Structure) {
    parts = PartsAtHand(partitions)
    self.structure = structure
  }

  func tree(of shape: Tree<Structure.Slot>) throws -> Tree<Element> {
    switch shape {
    case .leaf(let slot): return try leaf(at: slot)
    case .dictionary(let branches):
      return .dictionary(Branches(ascending: branches.keys, members: try members(of: branches.members)))
    case .list(let shapes): return .list(try members(of: shapes))
    case .tuple(let shapes): return .tuple(try members(of: shapes))
    default: return try shape.flatMap { try leaf(at: $0) }
    }
  }

  private func members(of shapes: [Tree<Structure.Slot>]) throws -> [Tree<Element>] {
    var members: [Tree<Element>] = []
    members.reserveCapacity(shapes.count)
    for position in shapes.indices {
      if case .leaf(let slot) = shapes[position] {
        members.append(try leaf(at: slot))
      } else {
        members.append(try tree(of: shapes[position]))
      }
    }
    return members
  }

  @inline(__always)
  private func leaf(at slot: Structure.Slot) throws -> Tree<Element> {
    if let leaf = try parts.soleLeaf(at: slot.position, structure.path(of:)) { return leaf }
    switch slot.kind {
    case .leaf: throw RefxError.unfilled(path: structure.path(of: slot.position), parts: parts.count)
    case .nothing: return .nothing
    case .hole: return .hole
    }
  }
}

/// Puts the parts of a part together again; Nothing is right where that part had Nothing.
///
/// - Throws: ``RefxError`` as ``mergePartitions(_:_:)-(_,Structure)`` does.
@_specialize(where Element == Leaf)
@_specialize(where Element == RefLeaf)
public func mergePartitions<Element>(
  _ partitions: [Partition<Element>], _ layout: PartitionLayout
) throws -> Partition<Element> {
  try checkPaths(of: partitions, against: layout)
  let parts = PartsAtHand(partitions)
  var merged: [Tree<Element>] = []
  merged.reserveCapacity(layout.count)
  for position in 0..<layout.count {
    if let leaf = try parts.soleLeaf(at: position, layout.path(of:)) {
      merged.append(leaf)
    } else if layout.wasVacant(position) {
      merged.append(.nothing)
    } else {
      throw RefxError.unfilled(path: layout.path(of: position), parts: partitions.count)
    }
  }
  return Partition(layout: layout, leaves: PartLeaves(all: merged))
}

private func checkPaths<Element>(of partitions: [Partition<Element>], against layout: PartitionLayout) throws
{
  if partitions.isEmpty, layout.count > 0 { throw RefxError.noPartitions(leafCount: layout.count) }
  for (number, partition) in partitions.enumerated() where !partition.layout.hasPaths(of: layout) {
    let paths = layout.paths
    let others = partition.layout.paths
    guard paths.count == others.count else {
      let missing = Set(paths).subtracting(others).min()
      let added = Set(others).subtracting(paths).min()
      throw RefxError.partitionLengths(
        number: number, expected: paths.count, found: others.count, missing: missing, added: added)
    }
    for (path, other) in zip(paths, others) where path != other {
      throw RefxError.partitionPaths(number: number, expected: path, found: other)
    }
  }
}

/// The parts of a tree, to be asked who has a leaf.
private struct PartsAtHand<Element> {
  private let parts: [PartLeaves<Element>]
  /// Where all parts were made together: who has which leaf, and which of the parts at hand that is. Then one is
  /// asked and not all.
  private var owners: LeafOwners?
  private var numbers: [Int?] = []

  init(_ partitions: [Partition<Element>]) {
    parts = partitions.map { $0.leaves }
    guard let owners = parts.first?.share?.owners else { return }
    numbers = Array(repeating: nil, count: owners.partCount)
    for (number, part) in parts.enumerated() {
      guard let share = part.share, share.owners === owners, numbers[share.part] == nil else { return }
      numbers[share.part] = number
    }
    self.owners = owners
  }

  var count: Int { parts.count }

  /// The leaf that one of the parts has at `position`; nil where all have Nothing.
  @inline(__always)
  func soleLeaf(at position: Int, _ path: (Int) -> Path) throws -> Tree<Element>? {
    guard let owners else { return try searchedLeaf(at: position, path) }
    let (part, rank) = owners.owner(of: position)
    guard let number = numbers[part] else { return nil }
    let leaf = parts[number].own[rank]
    return leaf.isVacant ? nil : leaf
  }

  private func searchedLeaf(at position: Int, _ path: (Int) -> Path) throws -> Tree<Element>? {
    var filler: Int?
    for number in parts.indices where !parts[number][position].isVacant {
      if let filler { throw RefxError.filledTwice(path: path(position), parts: filler, number) }
      filler = number
    }
    return filler.map { parts[$0][position] }
  }
}

extension PartitionLayout {
  var count: Int {
    switch source {
    case .structure(let structure): structure.leafCount
    case .listed(let paths, _): paths.count
    }
  }

  fileprivate func wasVacant(_ position: Int) -> Bool {
    vacant?[position] ?? false
  }
}
