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

  /// Appends `bytes` to `writer` as blocks of their own that end on a byte, unless they would take more than
  /// `limit` bytes.
  ///
  /// - Returns: whether they were appended.
  func append(
    _ bytes: UnsafeRawBufferPointer, atMost limit: Int, isFinal: Bool, to writer: inout BitWriter
  ) throws -> Bool {
    deflateReset(&stream)
    let room = limit + 16
    if output.count < room { output = [UInt8](repeating: 0, count: room) }
    let produced: Int? = try output.withUnsafeMutableBufferPointer { buffer in
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
    guard let produced else { return false }
    // What zlib made begins on a byte; an empty stored block takes the stream there.
    if writer.bitsInByte > 0 {
      writer.append(0, count: 3)
      writer.align()
      writer.append(0xFFFF_0000, count: 32)
    }
    output.withUnsafeBytes { writer.append(UnsafeRawBufferPointer(rebasing: $0[..<produced])) }
    return true
  }
}
