import Refx

/// What is known of a leaf once all of its bytes went by.
package struct LeafSums: Hashable, Sendable {
  /// zlib's CRC-32 of the logical bytes.
  package let logicalCRC32: UInt32
  package let contentHash: ContentHash

  package init(logicalCRC32: UInt32, contentHash: ContentHash) {
    self.logicalCRC32 = logicalCRC32
    self.contentHash = contentHash
  }
}

/// What the logical bytes of a slab add to the sums of their leaf.
package struct SlabSums: Sendable {
  package let crc32: UInt32
  package let hash: ContentHash
  package let byteCount: Int

  /// Reads the bytes twice, the second time out of the cache.
  package init(of bytes: UnsafeRawBufferPointer) {
    crc32 = CRC32.of(bytes)
    hash = ContentHasher.hash(bytes)
    byteCount = bytes.count
  }
}

/// The checksum and the hash of a leaf while its slabs go by, in order.
package struct RunningSums {
  private var crc: UInt32 = 0
  private var hasher = ContentHasher()
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
    hasher.addSlabHash(slab.hash)
    slabs += 1
  }

  package func finish() -> LeafSums {
    LeafSums(logicalCRC32: crc, contentHash: hasher.finish())
  }

  /// Begins anew, with the memory of before.
  mutating func restart() {
    crc = 0
    slabs = 0
    hasher.restart()
  }
}
