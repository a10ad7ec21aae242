/// The leaves of a ``Partition`` in order, one for each path of the tree it comes from: ``Tree/nothing`` where the
/// leaf is in another part. Finding one by its position takes constant time.
///
/// A part keeps its own leaves alone; which part has the leaf of which path is kept once, by all of them.
public struct PartLeaves<Element>: RandomAccessCollection {
  /// The leaves that are here, in order.
  let own: [Tree<Element>]
  /// Who has which leaf, and which of the parts this is; nil where all leaves are here.
  let share: LeafShare?

  init(all leaves: [Tree<Element>]) {
    own = leaves
    share = nil
  }

  init(_ leaves: [Tree<Element>], of share: LeafShare?) {
    own = leaves
    self.share = share
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { share?.owners.count ?? own.count }

  /// What stands at a position of the origin: a leaf, or Nothing where the part has none there.
  public subscript(position: Int) -> Tree<Element> {
    guard let share else { return own[position] }
    return share.owners.rank(of: position, in: share.part).map { own[$0] } ?? .nothing
  }

  /// The leaves of the same paths with each one that is here transformed.
  func map<Other>(own transform: (Tree<Element>) throws -> Tree<Other>) rethrows -> PartLeaves<Other> {
    PartLeaves<Other>(try own.map(transform), of: share)
  }
}

extension PartLeaves: Sendable where Element: Sendable {}

extension PartLeaves: Equatable where Element: Equatable {
  public static func == (a: PartLeaves, b: PartLeaves) -> Bool { a.elementsEqual(b) }
}

extension PartLeaves: Hashable where Element: Hashable {
  public func hash(into hasher: inout Hasher) {
    for leaf in self { hasher.combine(leaf) }
  }
}

/// Which part a part is, of those that were made together.
struct LeafShare: Sendable {
  let owners: LeafOwners
  let part: Int
}

/// Which part has the leaf of which path: one object for all parts that were made together.
final class LeafOwners: Sendable {
  /// For each path the part that has its leaf, in the lower bits, and how many leaves that part has before it.
  private let entries: [Int]
  private let partBits: Int

  /// - Parameter entries: made by ``entry(part:rank:bits:)``.
  init(_ entries: [Int], partBits: Int) {
    self.entries = entries
    self.partBits = partBits
  }

  static func entry(part: Int, rank: Int, bits: Int) -> Int { rank << bits | part }

  var count: Int { entries.count }
  /// No part has a number as large as this.
  var partCount: Int { 1 << partBits }

  /// The part that has the leaf, and where.
  func owner(of position: Int) -> (part: Int, rank: Int) {
    let entry = entries[position]
    return (entry & (1 << partBits - 1), entry >> partBits)
  }

  /// Where `part` has the leaf; nil where another one has it.
  func rank(of position: Int, in part: Int) -> Int? {
    let owner = owner(of: position)
    return owner.part == part ? owner.rank : nil
  }
}

/// Puts leaves into parts as they come.
struct LeafSorter<Element> {
  private var parts: [[Tree<Element>]]
  private var entries: [Int] = []
  private let partBits: Int

  /// - Parameter parts: how many parts there are, at least one.
  init(parts: Int) {
    self.parts = Array(repeating: [], count: parts)
    partBits = Int.bitWidth - (parts - 1).leadingZeroBitCount
  }

  @inline(__always)
  mutating func put(_ leaf: Tree<Element>, in part: Int) {
    if partBits > 0 { entries.append(LeafOwners.entry(part: part, rank: parts[part].count, bits: partBits)) }
    parts[part].append(leaf)
  }

  /// The leaves of each part. A single part has all of them.
  var sorted: [PartLeaves<Element>] {
    if partBits == 0 { return [PartLeaves(all: parts[0])] }
    let owners = LeafOwners(entries, partBits: partBits)
    return parts.indices.map { PartLeaves(parts[$0], of: LeafShare(owners: owners, part: $0)) }
  }
}
