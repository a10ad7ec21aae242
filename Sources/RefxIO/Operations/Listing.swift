import Refx
import RefxStore

/// What a checkpoint holds, site by site: the rows of a listing and its sums. Made from the catalogue alone.
public struct Listing: Sendable {
  /// What stands at a row's site.
  public enum Kind: String, Sendable {
    /// A Ref; a plain array; an empty place; a value of the structure; what cannot be represented.
    case ref, leaf, nothing, `static`, unsupported
  }

  /// One site that has something to list.
  public struct Row: Sendable {
    /// Where the site is.
    public let path: Path
    /// What stands there.
    public let kind: Kind
    /// Set where a Ref stands here.
    public let reference: Site<Leaf>.Reference?
    /// The dtype's name; `tree` where a Ref holds a subtree, the foreign type's name where it cannot be
    /// represented, nil for a nothing.
    public let dtype: String?
    /// The extents, outermost first; nil where there is no array.
    public let shape: [Int]?
    /// Logical bytes; 0 where there is no array. What a shared subtree holds is counted at its own rows.
    public let bytes: Int
    /// Bytes the file spends; nil where that is not known.
    public let stored: Int?
    /// The array.
    public let leaf: Leaf?
    /// A nothing that stands for a site that went to another part.
    public let isHole: Bool
    /// The static value, where one stands here.
    public let value: StaticValue?
    /// Why the payload cannot be represented.
    public let reason: String?
  }

  /// The Refs of one collection.
  public struct CollectionRow: Sendable {
    /// The collection; nil for the Refs without one.
    public let collection: CollectionTag?
    /// How many different Refs belong to it.
    public internal(set) var refs = 0
    /// Logical bytes of the arrays that they hold, those of a subtree included, each once.
    public internal(set) var bytes = 0

    fileprivate mutating func add(_ count: Int) { bytes = bytes.addingSaturated(count) }
  }

  /// The sites, depth first.
  public private(set) var rows: [Row] = []
  /// The number of different Refs.
  public private(set) var refs = 0
  /// The number of Refs with more than one site.
  public private(set) var shared = 0
  /// What the tree would take if nothing were shared, arrays in a shared subtree once for each of its sites. A sum
  /// that Int does not hold is the largest Int; so in those below.
  public private(set) var logicalBytes = 0
  /// The bytes of all arrays, each counted once.
  public private(set) var uniqueBytes = 0
  /// The bytes that the file spends on them.
  public private(set) var storedBytes = 0
  /// Integers, names, and last the Refs without a collection.
  public private(set) var collections: [CollectionRow] = []
  /// How many sites each Ref has, by index.
  public private(set) var siteCounts: [Int: Int] = [:]
  private let sizes: SiteSizes

  /// Reads no payload.
  ///
  /// - Throws: ``RefxError`` where an index comes before its value.
  public init(of tree: Tree<Leaf>) throws {
    var byCollection: [CollectionTag?: CollectionRow] = [:]
    sizes = SiteSizes(of: tree)
    // The Refs inside which the walk stands, with the depths of their sites.
    var around: [(depth: Int, collection: CollectionTag?)] = []
    try tree.forEachSite { site in
      let depth = site.path.keys.count
      while let last = around.last, last.depth >= depth { around.removeLast() }
      let isCounted = site.reference?.isFirst ?? true
      if let reference = site.reference {
        siteCounts[reference.index, default: 0] += 1
        if reference.isFirst {
          refs += 1
          byCollection[reference.collection, default: CollectionRow(collection: reference.collection)].refs +=
            1
          if site.content.isInterior { around.append((depth, reference.collection)) }
        }
        if siteCounts[reference.index] == 2 { shared += 1 }
      }
      guard let row = Row(site) else { return }
      rows.append(row)
      guard isCounted else {
        // Copies of what lies inside would stand here too.
        logicalBytes = logicalBytes.addingSaturated(siteBytes(row))
        return
      }
      logicalBytes = logicalBytes.addingSaturated(row.bytes)
      uniqueBytes = uniqueBytes.addingSaturated(row.bytes)
      storedBytes = storedBytes.addingSaturated(row.stored ?? 0)
      guard site.reference != nil || !around.isEmpty else { return }
      let owner = site.reference.map(\.collection) ?? around.last?.collection
      byCollection[owner]?.add(row.bytes)
    }
    collections = byCollection.values.sorted { a, b in
      switch (a.collection, b.collection) {
      case (let a?, let b?): a < b
      case (let a, _): a != nil
      }
    }
  }

  /// What the row's site would take if nothing were shared: of a Ref that holds a subtree all arrays inside.
  public func siteBytes(_ row: Row) -> Int { row.reference.map { sizes[$0.index].bytes } ?? row.bytes }

  /// Whether the row's Ref has more than one site.
  public func isShared(_ row: Row) -> Bool {
    row.reference.map { siteCounts[$0.index, default: 0] > 1 } ?? false
  }
}

extension Listing.Row {
  /// The row of a site; nil for nodes that have none: containers and none.
  fileprivate init?(_ site: Site<Leaf>) {
    var kind = site.reference == nil ? Listing.Kind.leaf : .ref
    var reference = site.reference
    var dtype: String?
    var shape: [Int]?
    var bytes = 0
    var stored: Int? = 0
    var leaf: Leaf?
    var value: StaticValue?
    var reason: String?
    switch site.content {
    case .leaf(let array):
      leaf = array
      dtype = array.dtype.name
      shape = array.shape
      bytes = array.byteCount
      stored = array.source.storedByteCount
      if let unsupported = array.source.unsupported {
        kind = .unsupported
        reference = nil
        dtype = unsupported.typeName
        reason = unsupported.reason
      }
    case .static(let constant):
      if reference == nil { kind = .static }
      value = constant
      dtype = constant.typeName
      shape = []
    case .nothing, .hole: if reference == nil { kind = .nothing }
    case .none, .dictionary, .list, .tuple, .reference:
      guard reference != nil else { return nil }
      dtype = "tree"
    }
    let isHole = if case .hole = site.content { true } else { false }
    self.init(
      path: site.path, kind: kind, reference: reference, dtype: dtype, shape: shape, bytes: bytes,
      stored: stored,
      leaf: leaf, isHole: isHole, value: value, reason: reason)
  }
}
