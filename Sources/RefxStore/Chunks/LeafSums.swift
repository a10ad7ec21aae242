import Refx

/// What is known of a leaf once all of its bytes went by.
package struct LeafSums: Hashable, Sendable {
  /// zlib's CRC-32 of the logical bytes.
  package let logicalCRC32: UInt32
  /// Nil where nobody wanted it.
  package let contentHash: ContentHash?

  package init(logicalCRC32: UInt32, contentHash: ContentHash?) {
    self.logicalCRC32 = logicalCRC32
    self.contentHash = contentHash
  }
}

/// The sums that a format keeps beside the CRC-32 of the logical bytes. Others are not computed: each takes a
/// thirtieth of a compressed save.
package struct KeptSums: OptionSet, Sendable {
  package let rawValue: Int

  package init(rawValue: Int) { self.rawValue = rawValue }

  /// The 128-bit hash of each leaf's logical bytes.
  package static let contentHash = KeptSums(rawValue: 1)
  /// The CRC-32 of what is stored of each slab.
  package static let storedCRC32 = KeptSums(rawValue: 2)

  package static let all: KeptSums = [.contentHash, .storedCRC32]
}

/// What the logical bytes of a slab add to the sums of their leaf.
package struct SlabSums: Sendable {
  package let crc32: UInt32
  /// Nil where nobody wanted it.
  package let hash: ContentHash?
  package let byteCount: Int

  /// Sums that somebody else has made.
  package init(crc32: UInt32, hash: ContentHash?, byteCount: Int) {
    self.crc32 = crc32
    self.hash = hash
    self.byteCount = byteCount
  }

  /// Reads the bytes twice, the second time out of the cache; once without the hash.
  package init(of bytes: UnsafeRawBufferPointer, _ kept: KeptSums = .all) {
    crc32 = CRC32.of(bytes)
    hash = kept.contains(.contentHash) ? ContentHasher.hash(bytes) : nil
    byteCount = bytes.count
  }
}

/// The checksum and the hash of a leaf while its slabs go by, in order.
package struct RunningSums {
  private var crc: UInt32 = 0
  private var hasher = ContentHasher()
  private var isHashed = true
  package private(set) var slabs = 0

  package init() {}

  /// Adds the logical bytes of the next slab.
  ///
  /// - Returns: their CRC-32.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let sums = SlabSums(of: bytes)
    add(sums)
    return sums.crc32
  }

  /// Adds the next slab, whose sums are known.
  package mutating func add(_ slab: SlabSums) {
    crc = slabs == 0 ? slab.crc32 : CRC32.combining(crc, slab.crc32, count: slab.byteCount)
    if let hash = slab.hash { hasher.addSlabHash(hash) } else { isHashed = false }
    slabs += 1
  }

  package func finish() -> LeafSums {
    LeafSums(logicalCRC32: crc, contentHash: isHashed ? hasher.finish() : nil)
  }

  /// Begins anew, with the memory of before.
  mutating func restart() {
    crc = 0
    slabs = 0
    isHashed = true
    hasher.restart()
  }
}
