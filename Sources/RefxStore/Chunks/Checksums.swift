import CCrypto
import CISAL
import CXXHash
import CZlib
import Refx

/// zlib's CRC-32, fed piece by piece.
public struct CRC32: Sendable {
  /// The checksum of what was fed so far.
  public private(set) var value: UInt32 = 0

  /// The sum of no bytes.
  public init() {}

  /// The checksum of `bytes`.
  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 { of(bytes, after: 0) }

  /// The checksum of `bytes` behind others whose checksum is `before`.
  public static func of(_ bytes: UnsafeRawBufferPointer, after before: UInt32) -> UInt32 {
    var sum = CRC32(before)
    sum.update(bytes)
    return sum.value
  }

  private init(_ value: UInt32) { self.value = value }

  /// Feeds the next piece.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
    value = crc32_gzip_refl(value, start.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
  }

  /// The CRC-32 of two byte strings in a row, of which the second has `count` bytes.
  public static func combining(_ first: UInt32, _ second: UInt32, count: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_combine(UInt(first), UInt(second), count))
  }
}

/// The 128-bit content hash of a leaf, fed slab by slab in the order of its grid.
public struct ContentHasher: Sendable {
  private var slabs: [UInt8] = []

  /// The hash of no bytes.
  public init() {}

  /// Adds the logical bytes of the next grid slab, without padding.
  public mutating func addSlab(_ bytes: UnsafeRawBufferPointer) {
    addSlabHash(ContentHasher.hash(bytes))
  }

  /// Adds the hash of the next grid slab, where it is known.
  public mutating func addSlabHash(_ hash: ContentHash) {
    withUnsafeBytes(of: hash.low.littleEndian) { slabs += $0 }
    withUnsafeBytes(of: hash.high.littleEndian) { slabs += $0 }
  }

  /// Forgets the slabs; keeps the memory for their hashes.
  mutating func restart() {
    slabs.removeAll(keepingCapacity: true)
  }

  /// The hash of the leaf whose slabs were added.
  public func finish() -> ContentHash {
    slabs.withUnsafeBytes(ContentHasher.hash)
  }

  /// XXH3-128 of `bytes`, with seed 0.
  public static func hash(_ bytes: UnsafeRawBufferPointer) -> ContentHash {
    let hash = refx_xxh3_128(bytes.baseAddress, bytes.count)
    return ContentHash(low: hash.low64, high: hash.high64)
  }
}

/// SHA-256, fed piece by piece; libcrypto's.
public final class SHA256 {
  private let context: OpaquePointer

  /// The digest of no bytes.
  public init() {
    context = EVP_MD_CTX_new()
    EVP_DigestInit_ex(context, EVP_sha256(), nil)
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  /// Feeds the next piece.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// Feeds the next piece.
  public func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The 32 bytes of the digest. To be called once.
  public func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    EVP_DigestFinal_ex(context, &digest, nil)
    return digest
  }

  /// The 32 bytes of the digest of `bytes`.
  public static func of(_ bytes: [UInt8]) -> [UInt8] {
    let hash = SHA256()
    hash.update(bytes)
    return hash.finish()
  }
}

/// `bytes` in lower-case hexadecimal.
public func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
