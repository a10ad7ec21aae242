import Refx

/// A source that lies in a file beside others, so that a row of small leaves can be read at once.
package protocol NeighbouringSource: LeafSource {
  /// Fills `memory` with the leaves of `row`, as many from its beginning as can be read together with this
  /// one, which is the first.
  ///
  /// - Returns: how many were read; 0 where this one has to be read alone.
  /// - Throws: ``RefxError`` where the bytes cannot be read or are damaged.
  func readRow(_ row: ArraySlice<Leaf>, into memory: ArraySlice<MemoryBytes?>, _ scratch: ByteBuffer) throws
    -> Int
}
