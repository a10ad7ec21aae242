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

  /// Encodes the logical bytes of a chunk, padded to `chunkBytes`.
  public func encode(_ bytes: UnsafeRawBufferPointer, itemSize: Int, chunkBytes: Int) throws -> [UInt8] {
    var planes = [UInt8](repeating: 0, count: chunkBytes)
    planes.withUnsafeMutableBytes { target in
      if bytes.count == chunkBytes {
        Shuffle.shuffle(bytes, into: target, itemSize: itemSize)
      } else {
        var padded = [UInt8](repeating: 0, count: chunkBytes)
        padded.withUnsafeMutableBytes { pad in
          pad.copyMemory(from: bytes)
          Shuffle.shuffle(UnsafeRawBufferPointer(pad), into: target, itemSize: itemSize)
        }
      }
    }
    let level: Int32 = compression == .best ? 9 : 1
    var length = compressBound(UInt(chunkBytes))
    return try [UInt8](unsafeUninitializedCapacity: Int(length)) { buffer, count in
      let status = compress2(buffer.baseAddress, &length, planes, UInt(chunkBytes), level)
      guard status == Z_OK else { throw RefxError.zlibFailed("compress", status: Int(status)) }
      count = Int(length)
    }
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
  /// - Throws: ``RefxError`` where it holds more or fewer, is damaged, or bytes follow it. At most
  ///   `count` + 1 bytes are ever produced.
  public static func inflate(_ stored: UnsafeRawBufferPointer, exactly count: Int) throws -> [UInt8] {
    var produced = UInt(count + 1)
    var consumed = UInt(stored.count)
    let bytes = try [UInt8](unsafeUninitializedCapacity: count + 1) { buffer, filled in
      let status = uncompress2(
        buffer.baseAddress, &produced, stored.baseAddress?.assumingMemoryBound(to: UInt8.self), &consumed)
      guard status == Z_OK, Int(produced) == count, Int(consumed) == stored.count else {
        throw RefxError.chunkDoesNotDecode(
          expected: count, produced: Int(produced),
          trailing: status == Z_OK ? stored.count - Int(consumed) : 0)
      }
      filled = count
    }
    return bytes
  }
}
