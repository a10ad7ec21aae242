import Refx
import RefxStore

extension Tree where Element == Leaf {
  /// Puts a removed row and an added row whose contents are the same into one renamed row, in the place of
  /// the removed one. Payload is read only where catalogue and sharing agree already.
  func renamed(_ rows: [StructureChange], to other: Tree<Leaf>) throws -> [StructureChange] {
    let hashes = LeafHashes()
    let mine = Renames(tree: self, values: try ValueTable(of: self))
    let theirs = Renames(tree: other, values: try ValueTable(of: other))

    var candidates: [StructureDigest: [(row: Int, tree: Tree<Leaf>)]] = [:]
    for (position, row) in rows.enumerated() where row.change == .added && row.leaves > 0 {
      guard let tree = try theirs.alone(row.path) else { continue }
      candidates[try tree.structureDigest(), default: []].append((position, tree))
    }
    var replacement: [Int: StructureChange] = [:]
    var taken: Set<Int> = []
    for (position, row) in rows.enumerated() where row.change == .removed && row.leaves > 0 {
      guard let tree = try mine.alone(row.path) else { continue }
      let alike = candidates[try tree.structureDigest()] ?? []
      guard !alike.isEmpty else { continue }
      let values = try tree.digest(hashes: hashes).values
      for candidate in alike where !taken.contains(candidate.row) {
        guard try candidate.tree.digest(hashes: hashes).values == values else { continue }
        taken.insert(candidate.row)
        let added = rows[candidate.row]
        replacement[position] = StructureChange(
          .renamed, path: row.path, from: row.from, to: added.to, leaves: row.leaves, newPath: added.path)
        break
      }
    }
    return rows.indices.compactMap { taken.contains($0) ? nil : replacement[$0] ?? rows[$0] }
  }
}

private struct Renames {
  let tree: Tree<Leaf>
  let values: ValueTable<Leaf>

  /// What stands at `path` as a tree of its own, with what is shared inside.
  func alone(_ path: Path) throws -> Tree<Leaf>? {
    guard let found = values.resolve(path, in: tree) else { return nil }
    var reindexing = Reindexing(values)
    return try reindexing.copy(found, at: .root)
  }
}
