import Refx
import RefxStore

/// Who shares what, small enough to be drawn: the shared values of a tree, the groups of nodes in which they
/// stand, and what shares nothing in sums.
///
/// Neighbours that hold the same in the same way (the layers of a transformer) are one group, and so are the
/// subtrees that share nothing. Made from the catalogue alone, in linear time; the same for the same tree.
public struct SharingGraph: Sendable {
  /// What a group hangs below, by position.
  public enum Anchor: Hashable, Sendable {
    /// Another group.
    case group(Int)
    /// What a shared value holds inside.
    case value(Int)
  }

  /// A place of the tree, or several that are alike.
  public struct Group: Sendable {
    /// nil for the root.
    public let parent: Anchor?
    /// The keys down from the parent; where places that are alike fork, all their keys in a row.
    public let names: [[Key]]
    /// Where it stands; of several that are alike the first.
    public let path: Path
    /// How many places it stands for.
    public let count: Int
    /// What kind of node it is.
    public let kind: Kind
    /// Whether nothing inside is shared, so that it stands for all that it holds.
    public let isCollapsed: Bool
    /// The arrays that stand right in it and are not shared; of a collapsed group all inside. Of all that are
    /// alike together.
    public internal(set) var leaves: Int
    /// Their logical bytes.
    public internal(set) var bytes: Int
    /// Members of a collapsed group, or of something inside it, that are alike: those that hold the most.
    public let members: Members?
  }

  /// What kind of node a group stands for.
  public enum Kind: String, Sendable {
    /// A node with members, or a Ref.
    case dictionary, list, tuple, ref
    /// Subtrees of one parent that share nothing, too many to be drawn each.
    case rest
    /// The value at the root, where that is all there is.
    case leaf
  }

  /// Places in a row that are alike, and what each holds.
  public struct Members: Hashable, Sendable {
    /// The keys from the group down to them; none where they are its own members.
    public let names: [Key]
    /// How many places there are.
    public let count: Int
    /// The arrays in each.
    public let leaves: Int
    /// The logical bytes in each.
    public let bytes: Int
  }

  /// A value with more than one site.
  public struct Value: Sendable {
    /// The file's own number of the Ref.
    public let index: Int
    /// The collection; nil where it has none.
    public let collection: CollectionTag?
    /// `tree` where a subtree is shared; nil for a nothing.
    public let dtype: String?
    /// The extents; nil where no single array is shared.
    public let shape: [Int]?
    /// The arrays in it, once for each of their sites there: what one site would hold if nothing were shared.
    public let leaves: Int
    /// Their logical bytes.
    public let bytes: Int
    /// All of them, depth first.
    public internal(set) var sites: [Path]
  }

  /// Sites of one value in one group.
  public struct Edge: Sendable {
    /// The position of the group.
    public let group: Int
    /// The position of the value.
    public let value: Int
    /// The keys in the group; several where the group has many sites of the value, none for the root itself.
    public let names: [Key]
    /// Where they are in the tree.
    public let sites: [Path]
  }

  /// Parents before what hangs below them; what a group collapses has no groups of its own.
  public private(set) var groups: [Group] = []
  /// In the order of the indexes.
  public private(set) var values: [Value] = []
  /// Which values stand in which groups.
  public private(set) var edges: [Edge] = []

  /// Whether the selection accepts any node's path; true where there is none.
  public private(set) var hasMatch = true

  /// Logical bytes that sharing the values saves: what all their sites but the first would take. Of a whole tree the
  /// difference of the sums that a ``Listing`` gives.
  public var savedBytes: Int {
    values.reduce(0) { sum, value in
      let (saved, overflow) = value.bytes.multipliedReportingOverflow(by: value.sites.count - 1)
      return sum.addingSaturated(overflow ? .max : saved)
    }
  }

  /// Subtrees that share nothing and are drawn for one parent; and sites of one value in one group.
  static let mostSubtrees = 8
  static let mostSites = 6

  /// - Parameter selection: draws only values with a site that it accepts, with all their sites.
  /// - Throws: what `selection` throws, and ``RefxError`` where an index comes before its value.
  public init(of tree: Tree<Leaf>, selection: ((Path) throws -> Bool)? = nil) throws {
    var counts: [Int: Int] = [:]
    var wanted: Set<Int> = []
    hasMatch = selection == nil
    try tree.forEachSite { site in
      if let reference = site.reference { counts[reference.index, default: 0] += 1 }
      guard try selection?(site.path) ?? true else { return }
      hasMatch = true
      if let reference = site.reference { wanted.insert(reference.index) }
    }
    var scan = SharingScan(shared: wanted.filter { counts[$0, default: 0] > 1 }, in: tree)
    let root = scan.root(tree)
    values = scan.values.map(\.value)
    place([root], names: [], parent: nil)
    for (position, found) in scan.values.enumerated() {
      if let inside = found.inside, inside.isSharing {
        place([inside], names: [], parent: .value(position))
      }
    }
  }

  /// Adds the group of places that are alike, what hangs below it, and its edges.
  private mutating func place(
    _ places: [SharingBranch], names: [[Key]], parent: Anchor?
  ) {
    var (places, names) = (places, names)
    var kinds = places[0].memberKinds
    // A place that holds one thing alone, or many that are alike, is no place to stop at.
    while parent != nil, !names.isEmpty, places[0].isSharing, places[0].isPassage, kinds.count == 1 {
      names.append(kinds[0].map { places[0].members[$0].key })
      places = places.flatMap { place in kinds[0].map { place.members[$0].branch } }
      kinds = places[0].memberKinds
    }
    let place = places[0]
    guard place.isSharing || parent == nil else { return collapse(places, names: names, parent: parent) }
    let number = groups.count
    groups.append(
      Group(
        parent: parent, names: names, path: place.path, count: places.count, kind: place.kind,
        isCollapsed: false, leaves: place.leaves * places.count, bytes: sum(places.map(\.bytes)), members: nil
      ))
    addEdges(of: places, in: number)
    var subtrees = 0
    var rest: [SharingBranch] = []
    let isCrowded = kinds.count { !place.members[$0[0]].branch.isSharing } > SharingGraph.mostSubtrees
    for kind in kinds {
      let inside = places.flatMap { place in kind.map { place.members[$0].branch } }
      if !inside[0].isSharing {
        subtrees += 1
        if isCrowded && subtrees >= SharingGraph.mostSubtrees {
          rest += inside
          continue
        }
      }
      self.place(
        inside, names: [kind.map { place.members[$0].key }], parent: .group(number))
    }
    if !rest.isEmpty {
      groups.append(
        Group(
          parent: .group(number), names: [], path: rest[0].path, count: rest.count, kind: .rest,
          isCollapsed: true,
          leaves: sum(rest.map(\.allLeaves)), bytes: sum(rest.map(\.allBytes)), members: nil))
    }
  }

  private mutating func collapse(_ places: [SharingBranch], names: [[Key]], parent: Anchor?) {
    var (places, names) = (places, names)
    while places[0].isPassage, places[0].members.count == 1 {
      names.append([places[0].members[0].key])
      places = places.map { $0.members[0].branch }
    }
    let place = places[0]
    groups.append(
      Group(
        parent: parent, names: names, path: place.path, count: places.count, kind: place.kind,
        isCollapsed: true, leaves: sum(places.map(\.allLeaves)), bytes: sum(places.map(\.allBytes)),
        members: largestRow(in: place, below: [])))
  }

  /// The row of members that are alike and hold the most arrays, in `place` or below it.
  private func largestRow(in place: SharingBranch, below names: [Key]) -> Members? {
    var largest: Members?
    func consider(_ members: Members?) {
      guard let members else { return }
      let known = largest.map { $0.leaves.multipliedReportingOverflow(by: $0.count).partialValue } ?? 0
      if members.leaves.multipliedReportingOverflow(by: members.count).partialValue > known {
        largest = members
      }
    }
    for kind in place.memberKinds {
      let (key, one) = place.members[kind[0]]
      if kind.count > 1 {
        consider(Members(names: names, count: kind.count, leaves: one.allLeaves, bytes: one.allBytes))
      } else {
        consider(largestRow(in: one, below: names + [key]))
      }
    }
    return largest
  }

  private mutating func addEdges(of places: [SharingBranch], in group: Int) {
    var order: [Int] = []
    var byValue: [Int: [Key?]] = [:]
    for site in places[0].sites {
      if byValue[site.value] == nil { order.append(site.value) }
      byValue[site.value, default: []].append(site.key)
    }
    for value in order {
      let keys = byValue[value] ?? []
      let rows = keys.count > SharingGraph.mostSites ? [keys] : keys.map { [$0] }
      for names in rows {
        let sites = places.flatMap { place in names.map { $0.map(place.path.appending) ?? place.path } }
        edges.append(Edge(group: group, value: value, names: names.compactMap(\.self), sites: sites.sorted()))
      }
    }
  }

  private func sum(_ numbers: [Int]) -> Int { numbers.reduce(0) { $0.addingSaturated($1) } }
}
