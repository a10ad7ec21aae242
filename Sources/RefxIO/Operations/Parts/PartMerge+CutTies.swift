import Refx

extension PartMerge {
  /// All copies of a cut value must be equal. Refs inside are compared by the origin's index; each has its
  /// own turn.
  func checkCopies(of origin: Int) throws {
    guard let all = copies[origin], all.count > 1, let first = entry(all[0]) else { return }
    for copy in all.dropFirst() {
      guard let other = entry(copy) else { continue }
      let difference =
        other.collection == first.collection
        ? try difference(
          other.value, copy.part, first.value, all[0].part, at: other.firstSite, first.firstSite)
        : "is of another collection than"
      guard let difference else { continue }
      throw RefxError.cutTieCameApart(
        path: other.firstSite, file: parts[copy.part].file, otherPath: first.firstSite,
        other: parts[all[0].part].file, difference: difference)
    }
  }

  private func entry(_ copy: Copy) -> ValueTable<Leaf>.Entry? { parts[copy.part].values[copy.index] }

  /// In which way `x` differs from `y`, as the predicate of a sentence; nil where it does not.
  private func difference(
    _ x: Tree<Leaf>, _ part: Int, _ y: Tree<Leaf>, _ otherPart: Int, at path: Path, _ otherPath: Path
  ) throws -> String? {
    switch (x, y) {
    case (.leaf(let one), .leaf(let other)):
      guard one.dtype == other.dtype, one.shape == other.shape else {
        return "has another dtype or shape than"
      }
      return try one.hasSameBytes(as: other, path: path, otherPath: otherPath) ? nil : "has other values than"
    case (.value, .value), (.value, .index), (.index, .value), (.index, .index):
      return parts[part].origin(of: x) == parts[otherPart].origin(of: y) ? nil : "is tied in another way than"
    default:
      guard x.hasSameMembers(as: y) else { return "has another structure than" }
      let keys = x.memberKeys
      for (key, (one, other)) in zip(keys, zip(x.memberNodes, y.memberNodes)) {
        if let found = try difference(
          one, part, other, otherPart, at: path.appending(key), otherPath.appending(key))
        {
          return found
        }
      }
      return nil
    }
  }
}
