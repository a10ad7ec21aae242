/// Sorts the leaves of a tree into parts: one for each predicate, which gets the leaves it is the first to
/// match, and a last one for the rest. From refx: `tree_partition`.
///
/// ```swift
/// let weight = Ref([1, 2] as [Float], collection: "params")
/// let tree: RefTree = ["embedding": .ref(weight), "head": .ref(weight), "step": .leaf(3)]
/// let (parts, structure) = treePartition(tree, byCollection("params"), byCollection("batch_stats"))
/// assert(parts.map(\.filledCount) == [2, 0, 1])
/// let whole = try mergePartitions(parts, structure)
/// assert(whole["head"]?.ref === weight)
/// ```
///
/// Each part has every path of the tree, with ``Tree/nothing`` where the leaf is in another part. Leaves are
/// plain leaves, Refs (one leaf, whatever they hold), Values, Indexes, the tree's own Nothings, and what
/// `isLeaf` says. Copies no payload; linear in leaves times predicates.
public func treePartition<Element>(
  _ tree: Tree<Element>, _ predicates: (Tree<Element>) -> Bool...,
  isLeaf: ((Tree<Element>) -> Bool)? = nil
) -> (partitions: [Partition<Element>], structure: Structure) {
  treePartition(tree, by: predicates, isLeaf: isLeaf)
}

/// Sorts the leaves of a tree into parts, by a list of predicates; see ``treePartition(_:_:isLeaf:)``.
@_specialize(where Element == Leaf)
@_specialize(where Element == RefLeaf)
public func treePartition<Element>(
  _ tree: Tree<Element>, by predicates: [(Tree<Element>) -> Bool],
  isLeaf: ((Tree<Element>) -> Bool)? = nil
) -> (partitions: [Partition<Element>], structure: Structure) {
  let rules = Flattening(derefsAreLeaves: true, nothingsAreLeaves: true, isLeaf: isLeaf)
  var sorter = LeafSorter<Element>(parts: predicates.count + 1)
  let structure = Flattener.flatten(tree, rules) { leaf in
    sorter.put(leaf, in: predicates.firstIndex { $0(leaf) } ?? predicates.count)
  }
  let layout = PartitionLayout(structure)
  return (sorter.sorted.map { Partition(layout: layout, leaves: $0) }, structure)
}

/// Sorts the leaves of a part into smaller parts, which keep its paths. The layout puts them together again;
/// see ``mergePartitions(_:_:)-(_,PartitionLayout)``.
public func treePartition<Element>(
  _ partition: Partition<Element>, _ predicates: (Tree<Element>) -> Bool...
) -> (partitions: [Partition<Element>], layout: PartitionLayout) {
  treePartition(partition, by: predicates)
}

@_specialize(where Element == Leaf)
@_specialize(where Element == RefLeaf)
private func treePartition<Element>(
  _ partition: Partition<Element>, by predicates: [(Tree<Element>) -> Bool]
) -> (partitions: [Partition<Element>], layout: PartitionLayout) {
  var sorter = LeafSorter<Element>(parts: predicates.count + 1)
  var vacant: [Bool] = []
  vacant.reserveCapacity(partition.count)
  for leaf in partition.leaves {
    sorter.put(leaf, in: predicates.firstIndex { $0(leaf) } ?? predicates.count)
    vacant.append(leaf.isVacant)
  }
  let parts = sorter.sorted.map { Partition(layout: partition.layout, leaves: $0) }
  return (parts, partition.layout.marking(vacant))
}

/// The part of `tree` that `predicate` matches: the first part of ``treePartition(_:_:isLeaf:)``. From refx:
/// `get_partition`.
public func getPartition<Element>(
  _ tree: Tree<Element>, _ predicate: (Tree<Element>) -> Bool, isLeaf: ((Tree<Element>) -> Bool)? = nil
) -> Partition<Element> {
  withoutActuallyEscaping(predicate) { treePartition(tree, by: [$0], isLeaf: isLeaf).partitions[0] }
}

/// The part of a part that `predicate` matches; it keeps the paths.
public func getPartition<Element>(
  _ partition: Partition<Element>, _ predicate: (Tree<Element>) -> Bool
) -> Partition<Element> {
  withoutActuallyEscaping(predicate) { treePartition(partition, by: [$0]).partitions[0] }
}

/// A predicate for partitions: whether a Ref, Value or Index of this collection stands there (nil: one
/// without a collection). A plain leaf never matches.
@_specialize(where Element == Leaf)
public func byCollection<Element>(_ collection: CollectionTag?) -> (Tree<Element>) -> Bool {
  { $0.isReference(in: collection) }
}

/// A predicate for partitions of a live tree. A plain leaf never matches.
public func byCollection(_ collection: CollectionTag?) -> (RefTree) -> Bool {
  { $0.isReference(in: collection) }
}

extension Tree {
  /// Whether a Value or an Index of this collection stands here (nil: one without a collection).
  public func isReference(in collection: CollectionTag?) -> Bool {
    switch self {
    case .value(let value): value.collection == collection
    case .index(let index): index.collection == collection
    default: false
    }
  }
}

extension Tree where Element == RefLeaf {
  /// Whether a Ref, Value or Index of this collection stands here (nil: one without a collection).
  public func isReference(in collection: CollectionTag?) -> Bool {
    switch self {
    case .leaf(.ref(let live)): live.ref.collection == collection
    case .value(let value): value.collection == collection
    case .index(let index): index.collection == collection
    default: false
    }
  }
}
