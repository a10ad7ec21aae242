import Refx

/// How the bytes of a leaf lie in a file of our own.
package enum LeafStorage: UInt8, Sendable {
  /// The logical bytes as they are, contiguous.
  case raw = 0
  /// A stream for each chunk of the grid: shuffled, deflated.
  case compressed = 1

  /// How `leaf` is stored with `compression`: single elements, empty leaves, text and what is smaller than
  /// ``ChunkGrid/rawBelow`` are always raw.
  ///
  /// - Parameter compression: that of the file, where the leaf does not ask for another.
  package init(of leaf: Leaf, compression: Compression) {
    let isRaw =
      leaf.compression(in: compression) == .none || leaf.shape.isEmpty || leaf.byteCount < ChunkGrid.rawBelow
      || leaf.dtype.itemSize == nil
    self = isRaw ? .raw : .compressed
  }
}
