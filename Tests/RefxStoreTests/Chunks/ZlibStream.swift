import CZlib

/// zlib's own word on a stream; it shares no line with what writes and reads ours.
enum ZlibStream {
  /// What `stream` holds; nil where zlib refuses it, it holds more or less than `count` bytes, or bytes follow.
  static func inflated(_ stream: [UInt8], count: Int) -> [UInt8]? {
    // One byte more, for a stream that is longer.
    var length = UInt(count + 1)
    var consumed = UInt(stream.count)
    var bytes = [UInt8](repeating: 0, count: count + 1)
    guard uncompress2(&bytes, &length, stream, &consumed) == Z_OK, Int(consumed) == stream.count,
      Int(length) == count
    else { return nil }
    bytes.removeLast()
    return bytes
  }

  static func adler32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(CZlib.adler32(1, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(bytes.count)))
  }
}
