import Refx

/// A leaf's source that holds the leaf as encoded chunks on the grid, so that a writer may copy them instead
/// of decoding and encoding them again.
///
/// The chunks are those of `ChunkGrid(of: leaf)`, in its order, each a zlib stream of the shuffled chunk
/// padded to full size.
package protocol EncodedChunks: LeafSource {
  /// Which encoder made the chunks; nil where the file does not say, and then they are not copied.
  var codecIdentity: ChunkCodec.Identity? { get }

  /// The CRC-32 of the leaf's logical bytes, where the file holds it.
  var logicalCRC32: UInt32? { get }

  /// The number of chunks; equal to the grid's.
  var chunkCount: Int { get }

  /// Whether the file holds a checksum of every stored chunk, which ``readEncodedChunk(at:into:)`` checks. Where
  /// nothing vouches for the bytes, who copies them must decode them once.
  var vouchesForChunks: Bool { get }

  /// Reads the stored bytes of the chunk at `position` of the grid into `buffer`.
  ///
  /// Called from several threads at once.
  ///
  /// - Throws: ``RefxError`` where they cannot be read, or do not fit the checksum that the file holds.
  func readEncodedChunk(at position: Int, into buffer: ByteBuffer) throws -> EncodedChunk
}

/// An encoded chunk out of a file.
package struct EncodedChunk {
  /// Valid until the buffer is used again.
  package let bytes: UnsafeRawBufferPointer
  /// The CRC-32 of `bytes` where the file holds one and it has just been checked.
  package let checkedCRC32: UInt32?
  /// An error about the bytes, with the file and the place that they come from.
  package let located: (RefxError) -> RefxError

  package init(
    bytes: UnsafeRawBufferPointer, checkedCRC32: UInt32?,
    located: @escaping (RefxError) -> RefxError = { $0 }
  ) {
    self.bytes = bytes
    self.checkedCRC32 = checkedCRC32
    self.located = located
  }
}
