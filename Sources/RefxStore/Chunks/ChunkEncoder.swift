/// Encodes chunks one after the other, in memory that it keeps. For one thread.
package final class ChunkEncoder {
  private var fast = DeflateEncoder(isThorough: false)
  private var thorough: DeflateEncoder?
  private let planes = ByteBuffer()
  private let stream = ByteBuffer()
  private let other = ByteBuffer()

  package init(compression: Compression) {
    if compression == .best { thorough = DeflateEncoder(isThorough: true) }
  }

  /// Encodes the logical bytes of a chunk, padded with zeros to `chunkBytes`; `body` gets the stream, which
  /// is valid during the call alone.
  package func encode<R>(
    _ bytes: UnsafeRawBufferPointer, itemSize: Int, chunkBytes: Int,
    _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    try body(try encode(bytes, itemSize: itemSize, chunkBytes: chunkBytes, into: stream))
  }

  /// Encodes the logical bytes of a chunk, padded with zeros to `chunkBytes`.
  ///
  /// - Precondition: both counts are multiples of `itemSize`, and `chunkBytes` is at least 1 and `bytes.count`.
  /// - Returns: the stream, in `output`.
  package func encode(
    _ bytes: UnsafeRawBufferPointer, itemSize: Int, chunkBytes: Int, into output: ByteBuffer
  ) throws -> UnsafeRawBufferPointer {
    precondition(chunkBytes >= max(1, bytes.count) && chunkBytes.isMultiple(of: itemSize))
    precondition(bytes.count.isMultiple(of: itemSize))
    let planes = planes.room(for: chunkBytes)
    // Eight bytes more: bits are written a word at a time.
    let stream = output.room(for: DeflateEncoder.bound(count: chunkBytes) + 8)
    let planeBytes = chunkBytes / itemSize
    let contentBytes = bytes.count / itemSize
    if let start = bytes.baseAddress {
      Shuffle.shuffle(
        start, count: contentBytes, into: planes.baseAddress!, stride: planeBytes, itemSize: itemSize)
    }
    if contentBytes < planeBytes {
      for plane in 0..<itemSize {
        let tail = UnsafeMutableRawBufferPointer(
          rebasing: planes[(plane * planeBytes + contentBytes)..<((plane + 1) * planeBytes)])
        tail.initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
    let shuffled = UnsafeRawBufferPointer(planes)
    var length = try fast.encode(
      shuffled, planeBytes: planeBytes, contentBytes: contentBytes, into: stream)
    if thorough != nil {
      let room = other.room(for: stream.count)
      // Not always shorter: what a block tries depends on where it begins.
      let another = try thorough!.encode(
        shuffled, planeBytes: planeBytes, contentBytes: contentBytes, into: room)
      if another < length {
        length = another
        stream.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[..<another]))
      }
    }
    return UnsafeRawBufferPointer(rebasing: stream[..<length])
  }
}
