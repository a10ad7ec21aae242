import Refx
import RefxStore

extension Tree where Element == Leaf {
  /// The digests over the sites of the Refs of each collection alone, with what lies inside them: integers,
  /// names, and last the Refs without a collection.
  public func digestsByCollection(
    hashes: LeafHashes = LeafHashes()
  ) throws -> [(collection: CollectionTag?, digest: TreeDigest)] {
    let listing = try Listing(of: self)
    return try listing.collections.map { row in
      // The walk starts anew at the root for each digest, and so do the sites.
      let sites = CollectionSites(row.collection)
      return (row.collection, try digest(of: { sites.contains($0) }, hashes: hashes))
    }
  }
}

/// Decides, while a walk visits the sites in order, which belong to a collection: its Refs and all that they
/// hold, but not what a Ref of another collection holds inside them.
private final class CollectionSites {
  private let collection: CollectionTag?
  private var around: [(depth: Int, isChosen: Bool)] = []

  init(_ collection: CollectionTag?) {
    self.collection = collection
  }

  func contains(_ site: Site<Leaf>) -> Bool {
    let depth = site.path.keys.count
    if site.path.isRoot { around = [] }
    while let last = around.last, last.depth >= depth { around.removeLast() }
    guard let reference = site.reference else { return around.last?.isChosen ?? false }
    let isChosen = reference.collection == collection
    if site.content.isInterior && reference.isFirst { around.append((depth, isChosen)) }
    return isChosen
  }
}
