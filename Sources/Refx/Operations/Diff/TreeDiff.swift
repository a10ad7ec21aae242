/// What differs between two dereffed trees, from the first to the second, in five kinds.
///
/// A Ref's value has one row, at its first site in the first tree. Untying is a change of ``topology``
/// alone.
public struct TreeDiff: Sendable {
  /// In what two trees differ.
  public enum Kind: String, CaseIterable, Sendable {
    /// Paths; who is shared with whom; collections; dtypes and shapes; elements.
    case structure, topology, collection, type, value
  }

  /// What was added, removed, replaced or moved.
  public var structure: [StructureChange] = []
  /// Sites that are tied on one side and not on the other.
  public var topology: [TopologyChange] = []
  /// Refs that belong to another collection.
  public var collection: [CollectionChange] = []
  /// Arrays of another dtype or shape.
  public var type: [TypeChange] = []
  /// Arrays whose elements differ.
  public var value: [ValueChange] = []

  /// How many arrays the first tree has, a shared one once.
  public var arrays = 0
  /// How many of them have the same dtype, shape and elements wherever they stand in the second tree; nil where
  /// elements were not looked at.
  public var unchanged: Int?

  /// No difference.
  public init() {}

  /// The number of rows of a kind.
  public func count(of kind: Kind) -> Int {
    switch kind {
    case .structure: structure.count
    case .topology: topology.count
    case .collection: collection.count
    case .type: type.count
    case .value: value.count
    }
  }

  /// Whether nothing differs.
  public var isEmpty: Bool { Kind.allCases.allSatisfy { count(of: $0) == 0 } }

  /// The same without the rows of other kinds.
  public func keeping(_ kinds: Set<Kind>) -> TreeDiff {
    var kept = self
    if !kinds.contains(.structure) { kept.structure = [] }
    if !kinds.contains(.topology) { kept.topology = [] }
    if !kinds.contains(.collection) { kept.collection = [] }
    if !kinds.contains(.type) { kept.type = [] }
    if !kinds.contains(.value) { kept.value = [] }
    return kept
  }
}

/// Something came, went, or is of another kind.
public struct StructureChange: Hashable, Sendable {
  /// What became of a place.
  public enum Change: String, Sendable {
    /// The second tree alone has it.
    case added
    /// The first tree alone has it.
    case removed
    /// A node of another kind: a list where a tuple was.
    case kind
    /// A static value has another value.
    case `static`
    /// Removed here and added there with the same contents.
    case renamed
  }

  /// What became of it.
  public let change: Change
  /// Where; of something that moved, where it was.
  public let path: Path
  /// What was there, in words; nil where nothing was.
  public let from: String?
  /// What is there now, in words; nil where nothing is.
  public let to: String?
  /// How many arrays came or went with it.
  public let leaves: Int
  /// Where it went, where it was renamed.
  public let newPath: Path?
  /// How many arrays moved out of it, or into it. What else was in it then has rows of its own.
  public let moved: Int

  /// A change at `path`.
  public init(
    _ change: Change, path: Path, from: String?, to: String?, leaves: Int = 0, newPath: Path? = nil,
    moved: Int = 0
  ) {
    self.change = change
    self.path = path
    self.from = from
    self.to = to
    self.leaves = leaves
    self.newPath = newPath
    self.moved = moved
  }
}

/// Paths that shared one value and do not any more, or the other way round.
public struct TopologyChange: Hashable, Sendable {
  /// What became of a group of tied sites.
  public enum Change: String, Sendable {
    /// One value became several.
    case untied
    /// Several values became one.
    case tied
    /// Several values are shared in another way.
    case retied
  }

  /// What became of it.
  public let change: Change
  /// All paths concerned, in order; of what moved, that in the first tree.
  public let paths: [Path]
  /// The sets of paths that shared in the first tree.
  public let from: [[Path]]
  /// The sets of paths that share in the second tree.
  public let to: [[Path]]
}

/// A value belongs to another collection.
public struct CollectionChange: Hashable, Sendable {
  /// Where the Ref stands; the first of its sites.
  public let path: Path
  /// Where the second tree has it, if it moved.
  public let other: Path?
  /// The collection on the first side; nil for none.
  public let from: CollectionTag?
  /// The collection on the second side; nil for none.
  public let to: CollectionTag?
}

/// An array has another dtype or shape.
public struct TypeChange: Hashable, Sendable {
  /// Where the array stands.
  public let path: Path
  /// Where the second tree has the other type, if that is elsewhere.
  public let other: Path?
  /// The dtype on the first side.
  public let fromDType: DType
  /// The shape on the first side.
  public let fromShape: [Int]
  /// The dtype on the second side.
  public let toDType: DType
  /// The shape on the second side.
  public let toShape: [Int]
  /// How many more arrays stand for it in the second tree and have another type than it had.
  public var more = 0
}

/// An array of the same dtype and shape has other elements.
public struct ValueChange: Hashable, Sendable {
  /// Where the array stands.
  public let path: Path
  /// Where the second tree has it, if that is elsewhere.
  public let other: Path?
  /// How many elements there are.
  public let count: Int
  /// Of several arrays that stand for it in the second tree, that of the one farthest off.
  public let difference: ElementDifference
  /// How many more of those differ from it.
  public var more: Int

  /// A change of some of an array's elements.
  public init(path: Path, other: Path?, count: Int, difference: ElementDifference, more: Int = 0) {
    self.path = path
    self.other = other
    self.count = count
    self.difference = difference
    self.more = more
  }
}

/// How far apart the elements of two arrays are; of complex numbers the magnitude counts.
public struct ElementDifference: Hashable, Sendable {
  /// How many elements differ by more than the tolerance; without one, how many differ in any bit.
  public var changed = 0
  /// The largest distance; nil where elements are text. A distance that is no number (one side is NaN) is
  /// left out, and is all there is where this is NaN.
  public var maxAbs: Double?
  /// The largest distance relative to the first tree's element, where that is not zero; infinite where all
  /// that changed was zero before.
  public var maxRel: Double?
  /// The root of the mean square of the distances over all elements.
  public var rms: Double?
  /// How many elements are NaN on one side alone.
  public var nan = 0

  /// No difference.
  public init() {}

  /// How large it is, to put the largest first: the largest distance, then the number of elements. What is NaN on
  /// one side alone is the largest, text the smallest.
  public func isLarger(than other: ElementDifference) -> Bool {
    (size, changed) > (other.size, other.changed)
  }

  private var size: Double {
    if nan > 0 { return .infinity }
    guard let maxAbs else { return -1 }
    return maxAbs.isNaN ? 0 : maxAbs
  }
}
