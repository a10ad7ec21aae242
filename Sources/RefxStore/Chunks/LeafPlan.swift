import Refx

/// How a leaf goes to a file of our own: on which grid, raw or compressed, encoded here or copied.
package struct LeafPlan {
  package let leaf: Leaf
  package let grid: ChunkGrid
  package let storage: LeafStorage
  /// How strongly its chunks are compressed.
  let compression: Compression
  /// Where the chunks come from as they are; nil where they are encoded.
  package let copied: (any EncodedChunks)?
  /// Sums that a file vouches for, and that nothing needs to be decoded for.
  package let knownSums: LeafSums?

  /// - Throws: ``RefxError`` where the leaf cannot be represented, or has another size than its shape.
  package init(_ leaf: Leaf, codec: ChunkCodec) throws {
    try LeafPlan.check(leaf)
    self.leaf = leaf
    grid = ChunkGrid(of: leaf)
    compression = leaf.compression(in: codec.compression)
    storage = LeafStorage(of: leaf, compression: codec.compression)
    if storage == .compressed, let chunks = leaf.source as? any EncodedChunks,
      chunks.codecIdentity == codec.identity, chunks.chunkCount == grid.count
    {
      copied = chunks
      if chunks.vouchesForChunks, let crc = chunks.logicalCRC32, let hash = chunks.contentHash {
        knownSums = LeafSums(logicalCRC32: crc, contentHash: hash)
      } else {
        knownSums = nil
      }
    } else {
      copied = nil
      knownSums = nil
    }
  }
  /// - Throws: ``RefxError`` where the leaf cannot be represented, or has another size than its shape.
  package static func check(_ leaf: Leaf) throws {
    if let reason = leaf.source.unsupported { throw RefxError.unsupportedLeaf(reason) }
    guard DType.elementCount(of: leaf.shape) != nil,
      leaf.dtype.itemSize == nil || leaf.dtype.byteCount(of: leaf.shape) == leaf.byteCount
    else { throw RefxError.leafSizeIsWrong(dtype: leaf.dtype, shape: leaf.shape, byteCount: leaf.byteCount) }
  }
}
