/// What a restore takes, lets pass and demands.
package struct RestoreTerms {
  package var selection = RestoreSelection.all
  package var allowing: Leniency = []
  package var topology = TopologyContract.exact
  /// Collections of which every Ref of the model must take a value.
  package var requiring: [CollectionTag] = []
  /// How far two leaves of one dtype and shape are apart. The core looks at their bytes alone.
  package var distance: (_ one: Leaf, _ other: Leaf) throws -> LeafDistance = {
    LeafDistance(areSame: try $0.holdsSameBytes(as: $1), largest: nil)
  }

  package init() {}
}

/// How far two leaves are apart.
package struct LeafDistance {
  /// Whether every byte is the same.
  package let areSame: Bool
  /// The largest distance of two elements; nil where it is not known.
  package let largest: Double?

  package init(areSame: Bool, largest: Double?) {
    self.areSame = areSame
    self.largest = largest
  }
}

/// A Ref of a required collection that would take no value, or a collection without any.
struct RequiredGap {
  let collection: CollectionTag
  let path: Path?
  /// As a clause.
  let reason: String

  /// One line among the differences of a mismatch.
  var line: String {
    "\(path.map { $0.isRoot ? "the root" : $0.text } ?? "\(collection)"): required: \(reason)"
  }
}

extension Leaf {
  /// Whether dtype, shape and every byte are the same. Reads both a piece at a time, up to the first that differs,
  /// and nothing where both know their hash.
  func holdsSameBytes(as other: Leaf) throws -> Bool {
    guard dtype == other.dtype, shape == other.shape, byteCount == other.byteCount else { return false }
    if source === other.source { return true }
    if let hash = source.contentHash, let theirs = other.source.contentHash { return hash == theirs }
    let pieceSize = min(byteCount, 1 << 20)
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * max(pieceSize, 1), alignment: 64)
    defer { room.deallocate() }
    var offset = 0
    while offset < byteCount {
      let count = min(pieceSize, byteCount - offset)
      let one = UnsafeMutableRawBufferPointer(rebasing: room[..<count])
      let two = UnsafeMutableRawBufferPointer(rebasing: room[pieceSize..<(pieceSize + count)])
      try source.read(at: offset, into: one)
      try other.source.read(at: offset, into: two)
      if firstDifference(UnsafeRawBufferPointer(one), UnsafeRawBufferPointer(two)) < count { return false }
      offset += count
    }
    return true
  }
}
