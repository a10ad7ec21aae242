import Refx

extension Sequence where Element == Leaf {
  /// The payload of all of them, or as much as can be counted: a file may declare any sizes.
  package var payloadByteCount: Int { reduce(0) { $0.addingSaturated($1.byteCount) } }
}

extension Tree where Element == Leaf {
  /// The payload of all leaves, each shared value's once, or as much as can be counted.
  package var payloadByteCount: Int {
    var sum = 0
    forEachLeaf { sum = sum.addingSaturated($0.byteCount) }
    return sum
  }

  /// The path of the `number`-th leaf in the order of ``Tree/forEachLeaf(_:)``, for an error about it.
  package func path(ofLeaf number: Int) -> Path {
    var seen = 0
    var found = Path.root
    try? forEachSite { site in
      guard case .leaf = site.content, site.reference?.isFirst ?? true else { return }
      if seen == number { found = site.path }
      seen += 1
    }
    return found
  }
}
