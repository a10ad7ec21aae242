import Refx
import RefxStore

/// What leads from one checkpoint to another.
///
/// As a checkpoint of its own a patch is the new tree, with its ties, collections and static values, and a hole in the
/// place of each array that the old one has at the same path, byte for byte. So any format that keeps holes and metadata
/// holds a patch.
public struct CheckpointPatch: Sendable {
  /// The patch, to be written.
  public let contents: CheckpointContents
  /// How many arrays are in it.
  public let changed: Int
  /// How many bytes of values these have.
  public let changedBytes: Int
  /// How many are taken from the old checkpoint.
  public let unchanged: Int
}

extension CheckpointContents {
  /// Makes the patch that leads from this checkpoint to `new`.
  ///
  /// Reads this one's payload once, for its digest, and of the new one's once what stands at one path with one dtype and
  /// shape here; not that of arrays where both know their hash. Holds a piece at a time.
  ///
  /// - Throws: ``RefxError`` where payload cannot be read or represented.
  public func patch(
    to new: CheckpointContents, hashes: LeafHashes = LeafHashes()
  ) throws -> CheckpointPatch {
    let base = try tree.digest(hashes: hashes)
    let known = try tree.arraysByPath()
    try hashes.prepare(try new.tree.arraysToCompare(with: known))
    return try patch(to: new, from: base, known) { try $0.isSame(as: $1, at: $2, hashes) }
  }

  /// The same, where this checkpoint's digest is known: its payload is read as far as it is that of the new one.
  func patch(to new: CheckpointContents, from base: TreeDigest) throws -> CheckpointPatch {
    try patch(to: new, from: base, tree.arraysByPath()) { leaf, old, path in
      try leaf.dtype == old.dtype && leaf.shape == old.shape
        && leaf.hasSameBytes(as: old, path: path, otherPath: path)
    }
  }

  private func patch(
    to new: CheckpointContents, from base: TreeDigest, _ known: [Path: Leaf],
    _ isSame: (_ leaf: Leaf, _ old: Leaf, Path) throws -> Bool
  ) throws -> CheckpointPatch {
    var holes: [Path] = []
    var (changed, changedBytes, unchanged) = (0, 0, 0)
    let rest = try new.tree.replacing { node, path in
      switch node {
      case .hole:
        holes.append(path)
        return .hole
      case .leaf(let leaf):
        if let old = known[path], try isSame(leaf, old, path) {
          unchanged += 1
          return .hole
        }
        changed += 1
        changedBytes = changedBytes.addingSaturated(leaf.byteCount)
        return node
      default: return node
      }
    }
    let record = PatchRecord(
      base: base, result: try new.tree.structureDigest(), holes: holes, metadata: new.metadata)
    let contents = CheckpointContents(
      tree: rest, metadata: JSONObject([.init(PatchRecord.key, record.json)]), attributes: new.attributes)
    return CheckpointPatch(
      contents: contents, changed: changed, changedBytes: changedBytes, unchanged: unchanged)
  }

  /// The checkpoint that a patch leads to from this one. Its arrays are read where they lie, those of this checkpoint and
  /// those of the patch, when they are asked for.
  ///
  /// Reads this one's payload for its digest.
  ///
  /// - Parameters:
  ///   - patch: what ``patch(to:hashes:)`` made.
  ///   - file: what the patch is called in errors.
  /// - Throws: ``RefxError`` where `patch` is none, is damaged, or was made from another checkpoint than this.
  public func applying(
    _ patch: CheckpointContents, named file: String, hashes: LeafHashes = LeafHashes()
  ) throws -> CheckpointContents {
    let record = try PatchRecord(patch.metadata, file: file)
    // What needs no payload comes first.
    let structure = try tree.structureDigest()
    try record.check("structure", record.base.structure, structure.structure, file)
    try record.check("topology", record.base.topology, structure.topology, file)
    try record.check("values", record.base.values, tree.digest(hashes: hashes).values, file)
    let known = try tree.arraysByPath()
    var holes = Set(record.holes)
    let whole = try patch.tree.replacing { node, path in
      guard case .hole = node, holes.remove(path) == nil else { return node }
      guard let leaf = known[path] else {
        throw RefxError.damagedPatch(file: file, reason: "nothing is to be kept at '\(path.text)'")
      }
      return .leaf(leaf)
    }
    guard holes.isEmpty, try whole.structureDigest() == record.result else {
      throw RefxError.damagedPatch(file: file, reason: "it does not lead to the checkpoint that it names")
    }
    return CheckpointContents(tree: whole, metadata: record.metadata, attributes: patch.attributes)
  }
}

extension PatchRecord {
  fileprivate func check(_ name: String, _ expected: [UInt8], _ found: [UInt8], _ file: String) throws {
    guard expected == found else {
      throw RefxError.patchOfAnother(
        name, expected: hexadecimal(expected), found: hexadecimal(found), patch: file)
    }
  }
}

extension Leaf {
  /// Whether both arrays have one dtype, shape and bytes; a hash of the contents that each file keeps, or else SHA-256,
  /// tells.
  fileprivate func isSame(as old: Leaf, at path: Path, _ hashes: LeafHashes) throws -> Bool {
    guard dtype == old.dtype, shape == old.shape, byteCount == old.byteCount else { return false }
    if source === old.source { return true }
    if let mine = source.contentHash, let theirs = old.source.contentHash { return mine == theirs }
    return try hashes.sha256(of: self, at: path) == hashes.sha256(of: old, at: path)
  }
}

extension Tree where Element == Leaf {
  /// The arrays that must be read to see whether they are those of `known` at their paths.
  fileprivate func arraysToCompare(with known: [Path: Leaf]) throws -> [(leaf: Leaf, path: Path)] {
    var found: [(leaf: Leaf, path: Path)] = []
    _ = replacing { node, path in
      if case .leaf(let leaf) = node, let old = known[path], old.dtype == leaf.dtype, old.shape == leaf.shape,
        old.source !== leaf.source, leaf.source.contentHash == nil || old.source.contentHash == nil
      {
        found.append((leaf, path))
      }
      return node
    }
    return found
  }

  /// The arrays by their paths, those of Refs by each of their sites; what lies inside a shared subtree by the path under
  /// its first site.
  fileprivate func arraysByPath() throws -> [Path: Leaf] {
    var arrays: [Path: Leaf] = [:]
    try forEachSite { site in
      if case .leaf(let leaf) = site.content { arrays[site.path] = leaf }
    }
    return arrays
  }

  /// The tree with each leaf and each hole replaced, in order, each shared value's once, at its first site's path.
  fileprivate func replacing(_ replace: (Tree, Path) throws -> Tree) rethrows -> Tree {
    func apply(_ tree: Tree, _ path: Path) throws -> Tree {
      switch tree {
      case .leaf, .hole: return try replace(tree, path)
      case .value(var value):
        value.value = try apply(value.value, value.value.isReference ? path.appending("0") : path)
        return .value(value)
      default: return try tree.mapMembers(at: path, apply)
      }
    }
    return try apply(self, .root)
  }
}
