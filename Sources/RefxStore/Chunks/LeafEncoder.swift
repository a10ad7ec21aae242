import Refx

/// One leaf on its way to a file; see ``PayloadEncoder`` for many.
package struct LeafEncoder {
  package let leaf: Leaf
  package let grid: ChunkGrid
  package let storage: LeafStorage
  private let compression: Compression

  /// - Throws: ``RefxError`` where the leaf cannot be represented, or has another size than its shape.
  package init(_ leaf: Leaf, compression: Compression) throws {
    try LeafPlan.check(leaf)
    self.leaf = leaf
    self.compression = compression
    grid = ChunkGrid(of: leaf)
    storage = LeafStorage(of: leaf, compression: compression)
  }

  /// Calls `body` with every slab in the order of the grid.
  ///
  /// - Throws: what `body` throws, and ``RefxError`` where the leaf cannot be read or is damaged.
  package func forEachSlab(_ body: (EncodedSlab) throws -> Void) throws -> LeafSums {
    try PayloadEncoder.run([leaf], compression: compression) { try $0.encodeNextLeaf(body) }
  }
}
