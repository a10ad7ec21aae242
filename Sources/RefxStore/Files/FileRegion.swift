/// A row of bytes that can be read at any place: a file, or a member of an archive.
package protocol FileRegion: AnyObject, Sendable {
  /// The file that errors name.
  var name: String { get }
  var byteCount: Int { get }
  /// The bytes of the file that stand for them.
  var storedByteCount: Int { get }

  /// Fills `buffer` with the bytes from `offset` on. Where a checksum vouches for all of them together, all are
  /// read once before the first part is given away.
  ///
  /// - Throws: ``RefxError`` where they cannot be read, or are damaged.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws

  /// The same for who reads everything, piece by piece and each once: with the last piece he learns whether what
  /// he read was sound.
  func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws
}

extension FileRegion {
  /// Fills `buffer` in one of the two ways.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer, streamed: Bool) throws {
    if streamed { try readStreamed(at: offset, into: buffer) } else { try read(at: offset, into: buffer) }
  }

  package func bytes(at offset: Int, count: Int, streamed: Bool = false) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let target = UnsafeMutableRawBufferPointer(
        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count])
      try read(at: offset, into: target, streamed: streamed)
      filled = count
    }
  }
}

/// A file that has no checksum.
extension InputFile: FileRegion {
  package var storedByteCount: Int { byteCount }

  package func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(at: offset, into: buffer)
  }
}
