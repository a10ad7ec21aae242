import Refx

/// How the bytes of a leaf lie in a file of our own.
package enum LeafStorage: UInt8, Sendable {
  /// The logical bytes as they are, contiguous.
  case raw = 0
  /// A stream for each chunk of the grid: shuffled, deflated.
  case compressed = 1

  /// How `leaf` is stored with `compression`: single elements, empty leaves, text and what is smaller than
  /// ``ChunkGrid/rawBelow`` are always raw.
  package init(of leaf: Leaf, compression: Compression) {
    let isRaw =
      compression == .none || leaf.shape.isEmpty || leaf.byteCount < ChunkGrid.rawBelow
      || leaf.dtype.itemSize == nil
    self = isRaw ? .raw : .compressed
  }
}

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

/// A slab of the grid as it goes to a file.
package struct EncodedSlab {
  /// The position in the grid.
  package let position: Int
  /// What to store: the logical bytes, or the encoded chunk. Valid during the call alone.
  package let stored: UnsafeRawBufferPointer
  /// The CRC-32 of `stored`.
  package let crc32: UInt32
}

/// Walks a leaf slab by slab for a writer: reads, sums, hashes and encodes each once, in order, holding one
/// slab at a time; or hands over the encoded chunks of another file as they are.
package struct LeafEncoder {
  package let leaf: Leaf
  package let grid: ChunkGrid
  package let storage: LeafStorage
  private let codec: ChunkCodec

  /// - Throws: ``RefxError`` where the leaf cannot be represented, or has another size than its shape.
  package init(_ leaf: Leaf, compression: Compression) throws {
    if let reason = leaf.source.unsupported { throw RefxError.unsupportedLeaf(reason) }
    guard DType.elementCount(of: leaf.shape) != nil,
      leaf.dtype.itemSize == nil || leaf.dtype.byteCount(of: leaf.shape) == leaf.byteCount
    else { throw RefxError.leafSizeIsWrong(dtype: leaf.dtype, shape: leaf.shape, byteCount: leaf.byteCount) }
    self.leaf = leaf
    grid = ChunkGrid(of: leaf)
    storage = LeafStorage(of: leaf, compression: compression)
    codec = ChunkCodec(compression: compression)
  }

  /// Calls `body` with every slab in the order of the grid.
  ///
  /// - Throws: what `body` throws, and ``RefxError`` where the leaf cannot be read or is damaged.
  package func forEachSlab(_ body: (EncodedSlab) throws -> Void) throws -> LeafSums {
    if storage == .compressed, let chunks = leaf.source as? any EncodedChunks,
      chunks.codecIdentity == codec.identity, chunks.chunkCount == grid.count
    {
      return try copy(chunks, body)
    }
    var sums = RunningSums()
    let encoder = storage == .compressed ? ChunkEncoder(compression: codec.compression) : nil
    try forEachLogicalSlab { position, bytes in
      let crc = sums.add(bytes)
      guard let encoder else { return try body(EncodedSlab(position: position, stored: bytes, crc32: crc)) }
      try encoder.encode(bytes, itemSize: grid.itemSize, chunkBytes: grid.chunkBytes) { stored in
        try body(EncodedSlab(position: position, stored: stored, crc32: CRC32.of(stored)))
      }
    }
    return sums.finish()
  }

  private func forEachLogicalSlab(_ body: (Int, UnsafeRawBufferPointer) throws -> Void) throws {
    var position = 0
    try leaf.forEachPiece { piece in
      try body(position, piece)
      position += 1
    }
  }

  /// Copies chunks that need no encoding. Where the file vouches for each of them, they are not decoded.
  private func copy(_ chunks: any EncodedChunks, _ body: (EncodedSlab) throws -> Void) throws -> LeafSums {
    let known: LeafSums? =
      if let crc = chunks.logicalCRC32, let hash = chunks.contentHash {
        LeafSums(logicalCRC32: crc, contentHash: hash)
      } else {
        nil
      }
    var sums = RunningSums()
    var scratch: [UInt8] = []
    for position in 0..<grid.count {
      let chunk = try chunks.encodedChunk(at: position)
      try chunk.bytes.withUnsafeBytes { stored in
        if known == nil || chunk.checkedCRC32 == nil {
          if scratch.isEmpty { scratch = [UInt8](repeating: 0, count: grid.chunkBytes) }
          try scratch.withUnsafeMutableBytes { scratch in
            let logical = UnsafeMutableRawBufferPointer(rebasing: scratch[..<grid.range(of: position).count])
            try ChunkCodec.decode(stored, into: logical, itemSize: grid.itemSize, chunkBytes: grid.chunkBytes)
            _ = sums.add(UnsafeRawBufferPointer(logical))
          }
        }
        try body(
          EncodedSlab(position: position, stored: stored, crc32: chunk.checkedCRC32 ?? CRC32.of(stored)))
      }
    }
    if sums.slabs == 0, let known { return known }
    let found = sums.finish()
    if let expected = chunks.logicalCRC32, sums.slabs == grid.count, expected != found.logicalCRC32 {
      throw RefxError.leafChecksumDiffers(expected: expected, found: found.logicalCRC32)
    }
    return found
  }
}

/// The checksum and the hash of a leaf while its slabs go by.
package struct RunningSums {
  private var crc: UInt32 = 0
  private var hasher = ContentHasher()
  package private(set) var slabs = 0

  package init() {}

  /// Adds the logical bytes of the next slab.
  ///
  /// - Returns: their CRC-32.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let one = CRC32.of(bytes)
    crc = slabs == 0 ? one : CRC32.combining(crc, one, count: bytes.count)
    hasher.addSlab(bytes)
    slabs += 1
    return one
  }

  package func finish() -> LeafSums {
    LeafSums(logicalCRC32: crc, contentHash: hasher.finish())
  }
}
