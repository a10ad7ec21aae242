import Refx

/// How a chunk is encoded in both containers: HDF5's byte shuffle, then one zlib stream.
///
/// An edge chunk is padded with zeros to full size before it is encoded, so that its bytes are those of an
/// HDF5 chunk. A stream is at most 11 bytes longer than the full chunk, and 5 more for each 65,535 of its bytes:
/// under 0.1 % from 11,000 bytes on.
public struct ChunkCodec: Sendable, Hashable {
  /// Which encoder made a chunk: chunks may be copied between files only where it is the same.
  public struct Identity: Hashable, Sendable {
    /// The version of the encoder.
    public let version: Int
    /// How hard it tried.
    public let compression: Compression

    /// The encoder of that version and setting.
    public init(version: Int, compression: Compression) {
      self.version = version
      self.compression = compression
    }

    /// As files record it, such as "shuffle-deflate/2 fast".
    public var text: String { "shuffle-deflate/\(version) \(compression.rawValue)" }

    /// Reads the form that ``text`` writes; nil for any other.
    public init?(text: String) {
      let parts = text.split(separator: " ", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0].hasPrefix("shuffle-deflate/"),
        let version = Int(parts[0].dropFirst("shuffle-deflate/".utf8.count)), version > 0,
        let compression = Compression(rawValue: String(parts[1]))
      else { return nil }
      self.init(version: version, compression: compression)
    }
  }

  /// The version that this release writes.
  public static let version = 2

  /// How strongly it compresses. `none` is not asked to encode: such leaves are stored raw.
  public let compression: Compression

  /// The codec of this version.
  public init(compression: Compression) {
    self.compression = compression
  }

  /// What files record about the chunks it makes.
  public var identity: Identity { Identity(version: ChunkCodec.version, compression: compression) }

  /// Encodes the logical bytes of a chunk, padded to `chunkBytes`. For many chunks, keep a `ChunkEncoder`.
  public func encode(_ bytes: UnsafeRawBufferPointer, itemSize: Int, chunkBytes: Int) throws -> [UInt8] {
    try ChunkEncoder(compression: compression).encode(bytes, itemSize: itemSize, chunkBytes: chunkBytes) {
      Array($0)
    }
  }

  /// Decodes a chunk into `target`, which takes its first bytes; the rest of the full chunk is padding. For many
  /// chunks, keep a `ChunkDecoder`.
  ///
  /// - Throws: ``RefxError`` where the stream does not decode to exactly `chunkBytes` bytes.
  public static func decode(
    _ stored: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, itemSize: Int,
    chunkBytes: Int,
    shuffled: Bool = true
  ) throws {
    try ChunkDecoder().decode(
      stored, into: target, itemSize: itemSize, chunkBytes: chunkBytes, shuffled: shuffled)
  }

  /// Inflates one zlib stream that must hold exactly `count` bytes and end with the input.
  ///
  /// - Throws: ``RefxError`` where it holds more or fewer, is damaged, or bytes follow it. At most `count`
  ///   bytes are ever produced.
  public static func inflate(_ stored: UnsafeRawBufferPointer, exactly count: Int) throws -> [UInt8] {
    guard count >= 0 else { throw RefxError.chunkDoesNotDecode(expected: count, fault: .longer) }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try ChunkDecoder().inflate(
        stored, into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
      filled = count
    }
  }
}
