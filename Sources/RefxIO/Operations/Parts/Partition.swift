import Refx
import RefxStore

/// A checkpoint taken apart: each part has the whole structure, with holes where a site went elsewhere.
public struct PartitionedCheckpoint: Sendable {
  /// A part as it goes to a file of its own.
  public struct Part: Sendable {
    /// What the part is called: a collection, a selector's name, or "rest".
    public let name: String
    /// The part's tree and metadata; the metadata says how the parts fit together.
    public let contents: CheckpointContents
    /// How many sites are in this part.
    public let siteCount: Int
  }

  /// A shared value that is in several parts; merging ties it again.
  public struct Cut: Hashable, Sendable {
    /// Where the value stands, and which part took that site.
    public struct Site: Hashable, Sendable {
      /// Where the site is in the whole.
      public let path: Path
      /// The position of the part it went to.
      public let part: Int
    }
    /// The collection of the value; nil where it has none.
    public let collection: CollectionTag?
    /// All of its sites, in order.
    public let sites: [Site]
  }

  /// The parts, in the order of the names; "rest" is last.
  public let parts: [Part]
  /// The shared values whose sites went to different parts.
  public let cuts: [Cut]
}

/// Which site of a checkpoint goes to which part. The parts are built when they are asked for, so that of a thousand
/// with a hole for each site of the others one alone need be in memory.
public struct PartitionPlan: Sendable {
  /// What each part is called; "rest" is last.
  public let names: [String]
  /// How many sites each part has.
  public let siteCounts: [Int]
  /// The shared values whose sites go to different parts.
  public let cuts: [PartitionedCheckpoint.Cut]

  fileprivate let contents: CheckpointContents
  fileprivate let values: ValueTable<Leaf>
  /// The part of each site, in order.
  fileprivate let destinations: [Int]
  fileprivate let digest: StructureDigest
  fileprivate let ownHoles: [Path]

  /// Builds the part at `position` of the names. Reads no payload; takes time in proportion to the whole tree.
  public func part(_ position: Int) throws -> PartitionedCheckpoint.Part {
    var builder = PartBuilder(
      part: position, destinations: destinations, reindexing: Reindexing(values))
    let tree = try builder.build(contents.tree, at: .root)
    let record = PartRecord(
      position: position, names: names, structure: hexadecimal(digest.structure),
      topology: hexadecimal(digest.topology), indexes: builder.reindexing.originals, holes: ownHoles,
      outer: contents.metadata[PartRecord.key])
    var metadata = contents.metadata
    metadata[PartRecord.key] = record.json
    return PartitionedCheckpoint.Part(
      name: names[position],
      contents: CheckpointContents(tree: tree, metadata: metadata, attributes: contents.attributes),
      siteCount: siteCounts[position])
  }

  fileprivate func built() throws -> PartitionedCheckpoint {
    PartitionedCheckpoint(parts: try names.indices.map { try part($0) }, cuts: cuts)
  }
}

extension CheckpointContents {
  /// One part for each collection, in order, and "rest" for everything else: Refs without a collection and
  /// plain leaves. Reads no payload.
  ///
  /// - Returns: the parts with the collection of each; nil for the rest, which comes last.
  public func partitionedByCollection() throws -> (
    parts: PartitionedCheckpoint, collections: [CollectionTag?]
  ) {
    let (plan, collections) = try planningPartitionByCollection()
    return (try plan.built(), collections)
  }

  /// The same, with the parts built one by one.
  public func planningPartitionByCollection() throws -> (plan: PartitionPlan, collections: [CollectionTag?]) {
    var found: Set<CollectionTag> = []
    try forEachPartSite { site in if let collection = site.collection { found.insert(collection) } }
    let collections = found.sorted()
    let positions = Dictionary(uniqueKeysWithValues: collections.enumerated().map { ($1, $0) })
    let plan = try planningPartition(names: collections.map(\.description) + ["rest"]) { site in
      site.collection.flatMap { positions[$0] } ?? collections.count
    }
    return (plan, collections + [nil])
  }

  /// One part for each selector and a last one, "rest", for what none chooses; the first match wins. Reads
  /// no payload.
  public func partitioned(by selectors: [(name: String, selector: Selector)]) throws -> PartitionedCheckpoint
  {
    try planningPartition(by: selectors).built()
  }

  /// The same, with the parts built one by one.
  public func planningPartition(by selectors: [(name: String, selector: Selector)]) throws -> PartitionPlan {
    try planningPartition(names: selectors.map(\.name) + ["rest"]) { site in
      try selectors.firstIndex {
        try $0.selector.matches(
          site.path, isReference: site.index != nil, collection: site.collection, content: site.content)
      } ?? selectors.count
    }
  }

  /// A site as a partition sees it: a plain leaf, or a Ref with all that it holds.
  struct PartSite {
    let path: Path
    let index: Int?
    let collection: CollectionTag?
    /// The leaf, or what the Ref holds.
    let content: Tree<Leaf>
  }

  func forEachPartSite(_ body: (PartSite) throws -> Void) throws {
    let values = try ValueTable(of: tree)
    func visit(_ tree: Tree<Leaf>, _ path: Path) throws {
      switch tree {
      case .leaf: try body(PartSite(path: path, index: nil, collection: nil, content: tree))
      case .value, .index:
        guard let index = tree.referenceIndex, let entry = values[index] else { return }
        try body(PartSite(path: path, index: index, collection: entry.collection, content: entry.value))
      default: try tree.forEachMember(at: path, visit)
      }
    }
    try visit(tree, .root)
  }

  /// - Parameter choose: the position of the part that a site goes to; called once a site.
  func planningPartition(
    names: [String], _ choose: (PartSite) throws -> Int
  ) throws -> PartitionPlan {
    var destinations: [Int] = []
    var counts = [Int](repeating: 0, count: names.count)
    let values = try ValueTable(of: tree)
    var homes = CutFinder(values)
    try forEachPartSite { site in
      let part = try choose(site)
      destinations.append(part)
      counts[part] += 1
      if let index = site.index { homes.add(index, at: site.path, in: part) }
    }
    return PartitionPlan(
      names: names, siteCounts: counts, cuts: homes.cuts, contents: self, values: values,
      destinations: destinations, digest: try tree.structureDigest(), ownHoles: holePaths())
  }

  private func holePaths() -> [Path] {
    var holes: [Path] = []
    func visit(_ tree: Tree<Leaf>, _ path: Path) {
      if case .hole = tree { holes.append(path) } else { tree.forEachMember(at: path, visit) }
    }
    visit(tree, .root)
    return holes
  }
}

/// Finds the shared values that fall into several parts, those inside other shared values among them.
private struct CutFinder {
  private let values: ValueTable<Leaf>
  private var sites: [Int: [PartitionedCheckpoint.Cut.Site]] = [:]
  private var order: [Int] = []

  init(_ values: ValueTable<Leaf>) {
    self.values = values
  }

  /// In order of first sight.
  var cuts: [PartitionedCheckpoint.Cut] {
    order.compactMap { index in
      let sites = sites[index] ?? []
      guard let first = sites.first, sites.contains(where: { $0.part != first.part }) else { return nil }
      return .init(collection: values[index]?.collection, sites: sites)
    }
  }

  /// A Ref goes to a part with all that it holds. What it holds is listed once, under its first site.
  mutating func add(_ index: Int, at path: Path, in part: Int) {
    sites[index, default: []].append(.init(path: path, part: part))
    guard sites[index]?.count == 1, let entry = values[index] else { return }
    order.append(index)
    addSites(inside: entry.value, at: entry.value.isReference ? path.appending("0") : path, in: part)
  }

  private mutating func addSites(inside tree: Tree<Leaf>, at path: Path, in part: Int) {
    switch tree {
    case .value, .index: if let index = tree.referenceIndex { add(index, at: path, in: part) }
    case .dictionary(let branches):
      for (key, member) in zip(branches.keys, branches.members) {
        addSites(inside: member, at: path.appending(key), in: part)
      }
    case .list(let members), .tuple(let members):
      for (position, member) in members.enumerated() {
        addSites(inside: member, at: path.appending(Key(position)), in: part)
      }
    default: break
    }
  }
}

/// Builds one part: follows the same order of sites in which the destinations were found.
private struct PartBuilder {
  let part: Int
  let destinations: [Int]
  var reindexing: Reindexing<Leaf>
  private var next = 0

  init(part: Int, destinations: [Int], reindexing: Reindexing<Leaf>) {
    self.part = part
    self.destinations = destinations
    self.reindexing = reindexing
  }

  mutating func build(_ tree: Tree<Leaf>, at path: Path) throws -> Tree<Leaf> {
    switch tree {
    case .leaf, .value, .index:
      defer { next += 1 }
      return destinations[next] == part ? try reindexing.copy(tree, at: path) : .hole
    default: return try tree.mapMembers(at: path) { try build($0, at: $1) }
    }
  }
}
