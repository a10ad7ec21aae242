import Refx
import RefxStore

/// What could be saved out of a damaged checkpoint, and what was lost.
public struct Salvage: Sendable {
  /// A value that is damaged.
  public struct Loss: Sendable, Hashable {
    /// Where it stood, its first site first. A further site of a subtree that it stood in is one as well, up to
    /// ``Salvage/mostOuterSites`` of these.
    public let sites: [Path]
    /// Whether there are more than are named.
    public let hasMoreSites: Bool
    /// What is wrong with it: a sentence without capital and full stop.
    public let reason: String
  }

  /// What is sound, in the file's own structure: a lost leaf leaves its dictionary, and a nothing elsewhere.
  /// Its leaves check what they read once more, so that what is damaged meanwhile is an error.
  public let contents: CheckpointContents
  /// In the order of the tree; each lost value once.
  public let losses: [Loss]

  /// The most sites that are named because a subtree around the value has several.
  public static let mostOuterSites = 100
}

extension OpenedCheckpoint {
  /// Reads everything, once, and leaves out the leaves in which something is wrong.
  ///
  /// What tells a sound leaf is the format's own verification. Where the format keeps no checksums
  /// (``hasChecksums``), a leaf is lost that cannot be read or decoded, and a changed number cannot be told. A
  /// checkpoint that was opened with ``Verification/values`` loses no leaf for damage to what lies before it.
  ///
  /// Holds a few chunks at a time, whatever the size of the leaves.
  ///
  /// - Parameter progress: called with the bytes read so far and in all.
  /// - Throws: ``RefxError`` where the system cannot read the file, or something else than a leaf is damaged.
  public func salvaged(progress: ProgressHandler? = nil) throws -> Salvage {
    var reasons: [Path: String] = [:]
    var order: [Path] = []
    var other: Problem?
    try verify(progress) { problem in
      guard let path = problem.path else { return other = other ?? problem }
      // The first that is wrong with a leaf says enough.
      if reasons.updateValue(reasons[path] ?? problem.what, forKey: path) == nil { order.append(path) }
    }
    if let other { throw RefxError.notOfALeaf(other.what, path: nil) }
    if reasons.isEmpty { return Salvage(contents: contents, losses: []) }

    var search = LossSearch(reasons)
    try search.findLeaves(in: contents.tree)
    if let path = order.first(where: { search.reasons[$0] != nil }) {
      throw RefxError.notOfALeaf(search.reasons[path] ?? "", path: path)
    }
    try search.findSites(in: contents.tree)
    let lost = search.sources
    let tree = try contents.tree.leavingOut { lost.contains(ObjectIdentifier($0.source)) }
    return Salvage(
      contents: CheckpointContents(
        tree: tree, metadata: contents.metadata, attributes: try contents.attributes.kept(in: tree)),
      losses: search.losses)
  }
}

/// Finds the leaves at the paths that verification named, and every site of theirs.
private struct LossSearch {
  /// What is wrong at a path; those of leaves go as they are found.
  private(set) var reasons: [Path: String]
  private(set) var sources: Set<ObjectIdentifier> = []
  private var found: [Found] = []
  /// The sites of the Refs that matter; of those around a lost leaf no more than are named.
  private var sites: [Int: [Path]] = [:]
  private var isOwn: Set<Int> = []

  private struct Found {
    let path: Path
    let reason: String
    /// The Ref that holds the leaf.
    let own: Int?
    /// The Refs around it, the innermost first, with the lengths of their first sites' paths.
    let around: [(index: Int, depth: Int)]
  }

  init(_ reasons: [Path: String]) { self.reasons = reasons }

  mutating func findLeaves(in tree: Tree<Leaf>) throws {
    // The Refs inside which the walk stands, with the depths of their sites.
    var around: [(index: Int, depth: Int)] = []
    try tree.forEachSite { site in
      let depth = site.path.keys.count
      while let last = around.last, last.depth >= depth { around.removeLast() }
      if let reference = site.reference, reference.isFirst, site.content.isInterior {
        around.append((reference.index, depth))
      }
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true,
        let reason = reasons.removeValue(forKey: site.path)
      else { return }
      sources.insert(ObjectIdentifier(leaf.source))
      found.append(
        Found(path: site.path, reason: reason, own: site.reference?.index, around: around.reversed()))
      if let own = site.reference?.index { isOwn.insert(own) }
      for outer in around { sites[outer.index] = [] }
    }
    for own in isOwn { sites[own] = [] }
  }

  mutating func findSites(in tree: Tree<Leaf>) throws {
    if sites.isEmpty { return }
    try tree.forEachSite { site in
      guard let reference = site.reference, !reference.isFirst, let known = sites[reference.index]?.count,
        known <= Salvage.mostOuterSites || isOwn.contains(reference.index)
      else { return }
      sites[reference.index]?.append(site.path)
    }
  }

  var losses: [Salvage.Loss] {
    found.map { leaf in
      var all = [leaf.path]
      if let own = leaf.own { all += sites[own] ?? [] }
      var room = Salvage.mostOuterSites
      var hasMore = false
      for outer in leaf.around {
        let further = sites[outer.index] ?? []
        // A site inside the value itself, which is a cycle, is another way to the same place.
        let within = leaf.path.keys.dropFirst(outer.depth)
        for site in further.prefix(room) { all.append(Path(site.keys + within)) }
        hasMore = hasMore || further.count > room
        room -= min(room, further.count)
      }
      return Salvage.Loss(sites: all, hasMoreSites: hasMore, reason: leaf.reason)
    }
  }
}
