import CDeflate
import CZlib
import Refx

/// How a chunk is encoded in both containers: HDF5's byte shuffle, then one zlib stream.
///
/// An edge chunk is padded with zeros to full size before it is encoded, so that its bytes are those of an
/// HDF5 chunk.
public struct ChunkCodec: Sendable, Hashable {
  /// Which encoder made a chunk: chunks may be copied between files only where it is the same.
  public struct Identity: Hashable, Sendable {
    public let version: Int
    public let compression: Compression

    public init(version: Int, compression: Compression) {
      self.version = version
      self.compression = compression
    }

    /// As files record it, such as "shuffle-deflate/1 fast".
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
  public static let version = 1

  /// How strongly it compresses. `none` is not asked to encode: such leaves are stored raw.
  public let compression: Compression

  public init(compression: Compression) {
    self.compression = compression
  }

  /// What files record about the chunks it makes.
  public var identity: Identity { Identity(version: ChunkCodec.version, compression: compression) }

  /// Encodes the logical bytes of a chunk, padded to `chunkBytes`. For many chunks, keep a ``ChunkEncoder``.
  public func encode(_ bytes: UnsafeRawBufferPointer, itemSize: Int, chunkBytes: Int) throws -> [UInt8] {
    try ChunkEncoder(compression: compression).encode(bytes, itemSize: itemSize, chunkBytes: chunkBytes) {
      Array($0)
    }
  }

  /// All of `planes` with zlib's best matches, where that is shorter than `length`.
  static func compressWhole(_ planes: [UInt8], shorterThan length: Int) throws -> [UInt8]? {
    var produced = UInt(length)
    let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      let status = compress2(buffer.baseAddress, &produced, planes, UInt(planes.count), 9)
      count = status == Z_OK ? Int(produced) : 0
    }
    return bytes.isEmpty || bytes.count >= length ? nil : bytes
  }

  /// Decodes a chunk into `target`, which takes its first bytes; the rest of the full chunk is padding.
  ///
  /// - Throws: ``RefxError`` where the stream does not decode to exactly `chunkBytes` bytes.
  public static func decode(
    _ stored: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, itemSize: Int,
    chunkBytes: Int,
    shuffled: Bool = true
  ) throws {
    let planes = try inflate(stored, exactly: chunkBytes)
    planes.withUnsafeBytes { planes in
      if !shuffled || itemSize == 1 {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: planes[..<target.count]))
      } else {
        Shuffle.unshuffle(planes, into: target, itemSize: itemSize)
      }
    }
  }

  /// Inflates one zlib stream that must hold exactly `count` bytes and end with the input.
  ///
  /// - Throws: ``RefxError`` where it holds more or fewer, is damaged, or bytes follow it. At most `count`
  ///   bytes are ever produced.
  public static func inflate(_ stored: UnsafeRawBufferPointer, exactly count: Int) throws -> [UInt8] {
    guard count >= 0 else { throw RefxError.chunkDoesNotDecode(expected: count, fault: .longer) }
    guard let decompressor = libdeflate_alloc_decompressor() else {
      throw RefxError.outOfMemory("decode a chunk")
    }
    defer { libdeflate_free_decompressor(decompressor) }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var consumed = 0
      var produced = 0
      // An empty buffer has no address, and libdeflate wants one.
      var nothing: UInt8 = 0
      let status = withUnsafeMutablePointer(to: &nothing) { nothing in
        libdeflate_zlib_decompress_ex(
          decompressor, stored.baseAddress, stored.count, buffer.baseAddress ?? nothing, count, &consumed,
          &produced)
      }
      guard status == LIBDEFLATE_SUCCESS, produced == count, consumed == stored.count else {
        throw RefxError.chunkDoesNotDecode(
          expected: count,
          fault: status == LIBDEFLATE_INSUFFICIENT_SPACE
            ? .longer
            : status != LIBDEFLATE_SUCCESS
              ? .damaged : produced < count ? .shorter(produced) : .followed(by: stored.count - consumed))
      }
      filled = count
    }
  }
}
