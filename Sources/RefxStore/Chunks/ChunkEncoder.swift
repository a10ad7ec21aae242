import Refx

/// Encodes chunks one after the other, in memory that it keeps.
package final class ChunkEncoder {
  private var deflate: DeflateEncoder
  private let wholeChunk: Bool
  private var padded: [UInt8] = []
  private var planes: [UInt8] = []
  private var stream: [UInt8] = []

  package init(compression: Compression) {
    deflate = DeflateEncoder(level: compression == .best ? 9 : 1)
    wholeChunk = compression == .best
  }

  /// Encodes the logical bytes of a chunk, padded with zeros to `chunkBytes`.
  ///
  /// - Returns: the stream, in `output`.
  package func encode(
    _ bytes: UnsafeRawBufferPointer, itemSize: Int, chunkBytes: Int, into output: ByteBuffer
  ) throws -> UnsafeRawBufferPointer {
    try encode(bytes, itemSize: itemSize, chunkBytes: chunkBytes) { stream in
      let room = output.room(for: stream.count)
      room.copyMemory(from: stream)
      return UnsafeRawBufferPointer(room)
    }
  }

  /// Encodes the logical bytes of a chunk, padded with zeros to `chunkBytes`; `body` gets the stream, which
  /// is valid during the call alone.
  ///
  /// - Precondition: `chunkBytes` is a multiple of `itemSize`, and at least 1 and `bytes.count`.
  package func encode<R>(
    _ bytes: UnsafeRawBufferPointer, itemSize: Int, chunkBytes: Int,
    _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    if planes.count != chunkBytes { planes = [UInt8](repeating: 0, count: chunkBytes) }
    if bytes.count == chunkBytes {
      planes.withUnsafeMutableBytes { Shuffle.shuffle(bytes, into: $0, itemSize: itemSize) }
    } else {
      padded = [UInt8](repeating: 0, count: chunkBytes)
      padded.withUnsafeMutableBytes { padded in
        padded.copyMemory(from: bytes)
        planes.withUnsafeMutableBytes {
          Shuffle.shuffle(UnsafeRawBufferPointer(padded), into: $0, itemSize: itemSize)
        }
      }
    }
    let planeBytes = chunkBytes / itemSize
    let bound = DeflateEncoder.bound(count: chunkBytes, planeBytes: planeBytes)
    // Eight bytes more: bits are written a word at a time.
    if stream.count < bound + 8 { stream = [UInt8](repeating: 0, count: bound + 8) }
    let length = try planes.withUnsafeBytes { planes in
      try stream.withUnsafeMutableBytes { try deflate.encode(planes, planeBytes: planeBytes, into: $0) }
    }
    if wholeChunk, let shorter = try ChunkCodec.compressWhole(planes, shorterThan: length) {
      return try shorter.withUnsafeBytes(body)
    }
    return try stream.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
  }
}
