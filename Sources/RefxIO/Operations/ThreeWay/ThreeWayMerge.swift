import Refx
import RefxStore

/// Two edits of one checkpoint joined, or what stands against it.
public struct ThreeWayMerge: Sendable {
  /// What both edits changed, each in its own way.
  public struct Conflict: Hashable, Sendable {
    /// What it is about, in the words of a diff.
    public let kind: TreeDiff.Kind
    /// Where; the first of several sites, and the root for metadata.
    public let path: Path
    /// What the one and what the other did, by their names.
    public let what: String
  }

  /// What the two edits are called in conflicts.
  public struct Names: Hashable, Sendable {
    /// What the first edit is called.
    public let a: String
    /// What the second is called.
    public let b: String

    /// Names for the two; paths of files, mostly.
    public init(a: String = "A", b: String = "B") {
      self.a = a
      self.b = b
    }

    var both: String { "\(a) and \(b)" }
  }

  /// How many changes came from each; one that both made counts for both.
  public struct Taken: Hashable, Sendable {
    /// Changes of the first edit.
    public var a = 0
    /// Changes of the second.
    public var b = 0
  }

  /// The joined checkpoint; nil where there are conflicts.
  public let contents: CheckpointContents?
  /// By kind, then in the order of the tree.
  public let conflicts: [Conflict]
  /// Changes of the tree, of the metadata and of attributes.
  public let taken: Taken
}

extension CheckpointContents {
  /// Joins two edits of `base`: what one of them changed is taken from it, ties and collections too.
  ///
  /// Members go by key or position. Two sites are tied where both edits tie them, or one does and `base` does
  /// not. A site that one adds to a shared value follows that value, whatever the other made of it.
  ///
  /// Near-linear in the nodes. Payload is read, in pieces, where no stored hash decides.
  ///
  /// - Parameter names: what conflicts call the two.
  /// - Throws: ``RefxError`` where payload cannot be read or represented, the result were too deep, or the three
  ///   share their values in ways that no versions of one checkpoint do.
  public static func merging(
    _ a: CheckpointContents, _ b: CheckpointContents, base: CheckpointContents,
    names: ThreeWayMerge.Names = ThreeWayMerge.Names()
  ) throws -> ThreeWayMerge {
    try withDeepStack { try base.joining(a, b, names) }
  }

  private func joining(
    _ a: CheckpointContents, _ b: CheckpointContents, _ names: ThreeWayMerge.Names
  ) throws -> ThreeWayMerge {
    var merge = try TreeMerge(tree, a.tree, b.tree, names: names)
    let merged = try merge.merged(Trio(base: tree, a: a.tree, b: b.tree))
    let metadata = mergeMetadata(a.metadata, b.metadata, &merge)
    let attributes = mergeAttributes(a.attributes, b.attributes, &merge)
    guard merge.conflicts.isEmpty, let merged else {
      let kinds = TreeDiff.Kind.allCases
      let ordered = kinds.flatMap { kind in merge.conflicts.filter { $0.kind == kind } }
      return ThreeWayMerge(contents: nil, conflicts: ordered, taken: merge.taken)
    }
    let contents = CheckpointContents(
      tree: merged, metadata: metadata, attributes: try attributes.kept(in: merged))
    return ThreeWayMerge(contents: contents, conflicts: [], taken: merge.taken)
  }

  private func mergeMetadata(
    _ a: JSONObject, _ b: JSONObject, _ merge: inout TreeMerge
  ) -> JSONObject {
    let before = Dictionary(metadata.members.map { ($0.name, $0.value) }) { first, _ in first }
    return JSONObject(
      merge.byName(
        before, a.members.map { ($0.name, $0.value) }, b.members.map { ($0.name, $0.value) }, at: .root
      ) { "the metadata's member \($0)" }.map { .init($0, $1) })
  }

  private func mergeAttributes(
    _ a: NodeAttributes, _ b: NodeAttributes, _ merge: inout TreeMerge
  ) -> NodeAttributes {
    var merged = NodeAttributes()
    if a.isEmpty && b.isEmpty { return merged }
    for path in Set(a.paths).union(b.paths).union(attributes.paths).sorted() {
      let before = Dictionary(attributes[path].map { ($0.name, $0.value) }) { first, _ in first }
      merged[path] = merge.byName(
        before, a[path].map { ($0.name, $0.value) }, b[path].map { ($0.name, $0.value) }, at: path
      ) { "the attribute \($0)" }.map { Attribute($0, $1) }
    }
    return merged
  }
}

extension TreeMerge {
  /// Merges what has names, in the order of A, then what B alone has.
  fileprivate mutating func byName<Item: Equatable>(
    _ base: [Key: Item], _ a: [(Key, Item)], _ b: [(Key, Item)], at path: Path, _ words: (String) -> String
  ) -> [(Key, Item)] {
    let mine = Dictionary(a) { first, _ in first }
    let theirs = Dictionary(b) { first, _ in first }
    let added = b.map(\.0).filter { mine[$0] == nil }
    var names = a.map(\.0) + added
    let listed = Set(names)
    names += base.keys.filter { !listed.contains($0) }.sorted()
    var merged: [(Key, Item)] = []
    for name in names {
      let (before, one, other) = (base[name], mine[name], theirs[name])
      if one != before { taken.a += 1 }
      if other != before { taken.b += 1 }
      if one != before && other != before && one != other {
        conflict(
          .structure, at: path, "\(self.names.both) changed \(words(visible(name.string))) in different ways")
        continue
      }
      if let chosen = one == before ? other : one { merged.append((name, chosen)) }
    }
    return merged
  }
}
