import CISAL
import Refx

/// Decodes chunks one after the other, in memory that it keeps. For one thread.
package final class ChunkDecoder {
  private let state: UnsafeMutableRawPointer
  private let planes = ByteBuffer()

  package init() {
    state = .allocate(byteCount: refx_inflate_state_size(), alignment: 64)
  }

  deinit { state.deallocate() }

  /// Decodes a chunk into `target`, which takes its first bytes; the rest of the full chunk is padding.
  ///
  /// - Parameters:
  ///   - chunkBytes: what the stream must hold; at least `target.count`.
  ///   - shuffled: whether the bytes of the elements were shuffled.
  /// - Throws: ``RefxError`` where the stream does not decode to exactly `chunkBytes` bytes. What `target` holds
  ///   is then undefined.
  package func decode(
    _ stored: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, itemSize: Int,
    chunkBytes: Int, shuffled: Bool = true
  ) throws {
    precondition(target.count <= chunkBytes)
    let hasPlanes = shuffled && itemSize > 1
    if !hasPlanes, target.count == chunkBytes { return try inflate(stored, into: target) }
    let whole = planes.room(for: chunkBytes)
    try inflate(stored, into: whole)
    if hasPlanes {
      Shuffle.unshuffle(UnsafeRawBufferPointer(whole), into: target, itemSize: itemSize)
    } else {
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[..<target.count]))
    }
  }

  /// Inflates one zlib stream that must fill `target` and end with the input.
  ///
  /// - Throws: ``RefxError`` where it holds more or fewer bytes, is damaged, or bytes follow it. Nothing is ever
  ///   written behind `target`.
  package func inflate(_ stored: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws {
    // Both counts are 32 bits wide; no chunk of HDF5 or of ours is larger.
    guard let most = UInt32(exactly: target.count), let given = UInt32(exactly: stored.count) else {
      throw RefxError.chunkDoesNotDecode(expected: target.count, fault: .damaged)
    }
    var taken: UInt32 = 0
    var made: UInt32 = 0
    // An empty buffer has no address.
    var nothing: UInt8 = 0
    let status = withUnsafeMutablePointer(to: &nothing) { nothing in
      refx_inflate_zlib(
        state, stored.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(nothing), given,
        target.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? nothing, most, &taken, &made)
    }
    guard status == ISAL_DECOMP_OK, made == most, taken == given else {
      throw RefxError.chunkDoesNotDecode(
        expected: target.count,
        fault: status == ISAL_OUT_OVERFLOW
          ? .longer
          : status != ISAL_DECOMP_OK
            ? .damaged : made < most ? .shorter(Int(made)) : .followed(by: Int(given - taken)))
    }
  }
}
