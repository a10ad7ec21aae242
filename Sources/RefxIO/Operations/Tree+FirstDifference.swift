import Refx

extension Tree where Element == Leaf {
  /// In which way this differs from `other`, as the predicate of a sentence; nil where both hold the same: nodes,
  /// static values, ties, collections and bytes. Payload is read where no stored hash decides, and no further than to
  /// the first difference.
  ///
  /// Both number their Refs in order of first sight.
  func firstDifference(from other: Tree<Leaf>, at path: Path, _ otherPath: Path) throws -> String? {
    switch (self, other) {
    case (.leaf(let one), .leaf(let other)):
      guard one.dtype == other.dtype, one.shape == other.shape else {
        return "is \(one.dtype.name) \(one.shape), not \(other.dtype.name) \(other.shape)"
      }
      if let reason = one.source.unsupported { throw RefxError.unsupportedLeaf(reason).atPath(path) }
      if let reason = other.source.unsupported { throw RefxError.unsupportedLeaf(reason).atPath(otherPath) }
      return try one.hasSameBytes(as: other, path: path, otherPath: otherPath) ? nil : "has other values"
    case (.value(let one), .value(let other)):
      guard one.index == other.index else { return "shares something else" }
      guard one.collection == other.collection else { return "holds a Ref of another collection" }
      let step: [Key] = one.value.isReference ? ["0"] : []
      return try one.value.firstDifference(
        from: other.value, at: Path(path.keys + step), Path(otherPath.keys + step))
    case (.index(let one), .index(let other)): return one.index == other.index ? nil : "shares something else"
    case (.dictionary(let one), .dictionary(let other)):
      guard one.keys == other.keys else { return "has other members" }
      for (key, (mine, theirs)) in zip(one.keys, zip(one.members, other.members)) {
        if let found = try mine.firstDifference(
          from: theirs, at: path.appending(key), otherPath.appending(key))
        {
          return found
        }
      }
      return nil
    case (.list(let one), .list(let other)), (.tuple(let one), .tuple(let other)):
      guard one.count == other.count else { return "has other members" }
      for (position, (mine, theirs)) in zip(one, other).enumerated() {
        let key = Key(position)
        if let found = try mine.firstDifference(
          from: theirs, at: path.appending(key), otherPath.appending(key))
        {
          return found
        }
      }
      return nil
    case (.static(let one), .static(let other)): return one == other ? nil : "has another static value"
    case (.none, .none), (.nothing, .nothing), (.hole, .hole): return nil
    default: return "is \(inWords), not \(other.inWords)"
    }
  }
}
