import CZlib
import Refx

/// zlib's deflate for the runs of blocks in which matches pay, put into the middle of a stream of ours.
final class MatchEncoder {
  private var stream = z_stream()
  private var output: [UInt8] = []

  init(level: Int32) throws {
    let status = refx_deflate_init_raw(&stream, level)
    guard status == Z_OK else { throw RefxError.zlibFailed("begin a stream", status: Int(status)) }
  }

  deinit {
    deflateEnd(&stream)
  }

  /// Encodes `bytes` as blocks of their own that end on a byte.
  ///
  /// - Returns: how many bytes they take; nil where that would be more than `limit`.
  func encode(_ bytes: UnsafeRawBufferPointer, atMost limit: Int, isFinal: Bool) throws -> Int? {
    deflateReset(&stream)
    if output.count < limit { output = [UInt8](repeating: 0, count: limit) }
    return try output.withUnsafeMutableBufferPointer { buffer in
      stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress!.assumingMemoryBound(to: UInt8.self))
      stream.avail_in = UInt32(bytes.count)
      stream.next_out = buffer.baseAddress
      stream.avail_out = UInt32(limit)
      let status = deflate(&stream, isFinal ? Z_FINISH : Z_SYNC_FLUSH)
      guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
        throw RefxError.zlibFailed("deflate", status: Int(status))
      }
      let isDone = isFinal ? status == Z_STREAM_END : stream.avail_in == 0 && stream.avail_out > 0
      return isDone ? limit - Int(stream.avail_out) : nil
    }
  }

  /// Appends the first `count` bytes of what was encoded last.
  func append(_ count: Int, to writer: inout BitWriter) {
    // What zlib made begins on a byte; an empty stored block takes the stream there.
    if writer.bitsInByte > 0 {
      writer.append(0, count: 3)
      writer.align()
      writer.append(0xFFFF_0000, count: 32)
    }
    output.withUnsafeBytes { writer.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }
}
