import Refx

/// A source of which nothing vouches for a part, only a checksum for the whole.
///
/// Who reads all of it anyhow, chunk by chunk, need not wait until all of it was read on behalf of the first
/// chunk: he learns with the last one whether what he read was sound.
package protocol StreamedSource: LeafSource {
  /// Copies a chunk of the leaf's grid, for a reader of all of them, in whatever order and on whatever threads.
  ///
  /// - Throws: ``RefxError`` where the bytes cannot be read; with the chunk that completes the leaf, where its
  ///   checksum differs.
  func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws
}

extension LeafSource {
  /// Copies a chunk of the leaf's grid, for a reader that reads all of them.
  package func readPiece(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if buffer.count < byteCount, let streamed = self as? any StreamedSource {
      try streamed.readStreamed(at: offset, into: buffer)
    } else {
      try read(at: offset, into: buffer)
    }
  }
}
