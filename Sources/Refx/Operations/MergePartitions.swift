/// Puts the parts of a tree together again: the exact inverse of ``treePartition(_:_:isLeaf:)``. From refx:
/// `merge_partitions`.
///
/// - Throws: ``RefxError`` where the parts do not have the paths of the tree, two of them fill one path, or
///   none does where the tree had no Nothing of its own.
public func mergePartitions<Element>(
  _ partitions: [Partition<Element>], _ structure: Structure
) throws -> Tree<Element> {
  let layout = PartitionLayout(structure)
  var merged: [Tree<Element>] = []
  merged.reserveCapacity(structure.leafCount)
  try checkPaths(of: partitions, against: layout)
  let places = structure.kinds
  for position in 0..<structure.leafCount {
    if let leaf = try soleLeaf(of: partitions, at: position, layout) {
      merged.append(leaf)
    } else {
      switch places[position] {
      case .leaf: throw RefxError.unfilled(path: layout.path(of: position), parts: partitions.count)
      case .nothing: merged.append(.nothing)
      case .hole: merged.append(.hole)
      }
    }
  }
  return try structure.unflatten(nodes: merged)
}

/// Puts the parts of a part together again; Nothing is right where that part had Nothing.
///
/// - Throws: ``RefxError`` as ``mergePartitions(_:_:)-(_,Structure)`` does.
public func mergePartitions<Element>(
  _ partitions: [Partition<Element>], _ layout: PartitionLayout
) throws -> Partition<Element> {
  try checkPaths(of: partitions, against: layout)
  var merged: [Tree<Element>] = []
  for position in 0..<layout.count {
    if let leaf = try soleLeaf(of: partitions, at: position, layout) {
      merged.append(leaf)
    } else if layout.wasVacant(position) {
      merged.append(.nothing)
    } else {
      throw RefxError.unfilled(path: layout.path(of: position), parts: partitions.count)
    }
  }
  return Partition(layout: layout, leaves: merged)
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

/// The leaf that one of the parts has at `position`; nil where all have Nothing.
private func soleLeaf<Element>(
  of partitions: [Partition<Element>], at position: Int, _ layout: PartitionLayout
) throws -> Tree<Element>? {
  var filler: Int?
  for (number, partition) in partitions.enumerated() where !partition.leaves[position].isVacant {
    if let filler { throw RefxError.filledTwice(path: layout.path(of: position), parts: filler, number) }
    filler = number
  }
  return filler.map { partitions[$0].leaves[position] }
}

extension Structure {
  /// What each leaf's place held.
  fileprivate var kinds: [Kind] {
    var all: [Kind] = []
    all.reserveCapacity(leafCount)
    shape.forEachLeaf { all.append($0.kind) }
    return all
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
