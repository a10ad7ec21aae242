import CZlib
import Refx

/// Deflates a piece of a stream on its own, so that threads make a stream together: each piece ends on a byte, and
/// the pieces in a row are one stream of raw deflate. For one thread at a time.
package final class RawDeflater {
  private var stream = z_stream()
  private var output: [UInt8] = []
  private var filled = 0

  /// What zlib does where nobody says otherwise, and `numpy.savez_compressed` with it.
  private static let level: Int32 = 6

  package init() throws {
    let status = refx_deflate_init_raw(&stream, RawDeflater.level)
    guard status == Z_OK else { throw RefxError.zlibFailed("begin a stream", status: Int(status)) }
  }

  deinit { deflateEnd(&stream) }

  /// The `parts`, one behind the other, deflated.
  ///
  /// - Parameter isLast: whether the stream ends with them.
  package func deflated(_ parts: [UnsafeRawBufferPointer], isLast: Bool) throws -> [UInt8] {
    deflateReset(&stream)
    filled = 0
    for part in parts { try add(part, Z_NO_FLUSH) }
    try add(UnsafeRawBufferPointer(start: nil, count: 0), isLast ? Z_FINISH : Z_SYNC_FLUSH)
    return Array(output[..<filled])
  }

  private func add(_ bytes: UnsafeRawBufferPointer, _ flush: Int32) throws {
    var rest = bytes
    repeat {
      // zlib counts in 32 bits.
      let count = min(rest.count, 1 << 30)
      stream.next_in = rest.baseAddress.map {
        UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: UInt8.self))
      }
      stream.avail_in = UInt32(count)
      try run(flush)
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    } while !rest.isEmpty
  }

  /// Lets zlib work until it has taken all and says that nothing more comes.
  private func run(_ flush: Int32) throws {
    while true {
      if output.count - filled < 1 << 16 {
        output += [UInt8](repeating: 0, count: max(1 << 17, output.count))
      }
      let room = min(output.count - filled, 1 << 30)
      let (status, left) = output.withUnsafeMutableBufferPointer { buffer in
        stream.next_out = buffer.baseAddress! + filled
        stream.avail_out = UInt32(room)
        let status = deflate(&stream, flush)
        return (status, Int(stream.avail_out))
      }
      filled += room - left
      guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
        throw RefxError.zlibFailed("deflate", status: Int(status))
      }
      if status == Z_STREAM_END || (left > 0 && stream.avail_in == 0 && flush != Z_FINISH) { return }
    }
  }
}
