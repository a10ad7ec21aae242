/// Writes the values of `source` to the Refs of `target`, leaf by leaf in order. From refx: `update_refs`.
///
/// Target and source are trees or partitions, with as many leaves; the source is live or dereffed. Plain
/// leaves and Nothings of the target are left alone. Where a Ref's value is a subtree with Refs in it, those
/// that stand at the same path are kept and take their values too.
///
/// Everything is checked first, then everything is written: a refused update changes nothing. Payload is not
/// copied. Linear in the number of leaves.
///
/// - Throws: ``RefxError`` where the leaves do not align, sharing differs, a Ref cannot be written here (its
///   trace level, its collection) or a value is of another kind, dtype or shape than the Ref's type takes.
public func updateRefs<Target: LeafAligned, Source: LeafAligned>(_ target: Target, _ source: Source) throws
where Target.Element == RefLeaf, Source.Element: UpdateSource {
  var walk = UpdateWalk()
  var targets = target.leafCursor
  var sources = source.leafCursor
  do {
    guard try Source.Element.align(&targets, &sources, &walk) else { throw misaligned(target, source) }
  } catch let error as RefxError {
    // That the leaves are not as many is said before anything else.
    if target.leafCursor.total != source.leafCursor.total { throw misaligned(target, source) }
    throw error.under(target.alignedPath(of: targets.count - 1))
  }
  walk.write()
}

private func misaligned(_ target: some LeafAligned, _ source: some LeafAligned) -> RefxError {
  let targets = target.leafCursor.total
  let sources = source.leafCursor.total
  let position = min(targets, sources)
  let path = targets > sources ? target.alignedPath(of: position) : source.alignedPath(of: position)
  return RefxError.updateLengths(target: targets, source: sources, path: path)
}

/// A leaf that an update can take values from: live or dereffed.
public protocol UpdateSource {
  /// Checks the leaves of a target against the source's, and keeps what is to be written.
  ///
  /// - Returns: false where one has more leaves than the other.
  static func align(
    _ targets: inout LeafCursor<RefLeaf>, _ sources: inout LeafCursor<Self>, _ walk: inout UpdateWalk
  ) throws -> Bool
}

extension RefLeaf: UpdateSource {
  public static func align(
    _ targets: inout LeafCursor<RefLeaf>, _ sources: inout LeafCursor<RefLeaf>, _ walk: inout UpdateWalk
  ) throws -> Bool {
    while targets.advance() {
      guard sources.advance() else { return false }
      try walk.align(targets.leaf, sources.leaf)
    }
    return !sources.advance()
  }
}

extension Leaf: UpdateSource {
  public static func align(
    _ targets: inout LeafCursor<RefLeaf>, _ sources: inout LeafCursor<Leaf>, _ walk: inout UpdateWalk
  ) throws -> Bool {
    while targets.advance() {
      guard sources.advance() else { return false }
      // By far the most of what comes here: the value of a Ref, a single leaf.
      if let ref = targets.leaf.borrowedRef, let sight = sources.leaf.borrowedSight {
        try walk.pair(ref, with: sight.leaf, index: sight.index)
      } else {
        try walk.align(targets.leaf, sources.leaf.map { .leaf($0) })
      }
    }
    return !sources.advance()
  }
}
