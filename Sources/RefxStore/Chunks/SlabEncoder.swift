import Refx

/// A slab that was read, summed, and encoded or copied: what a writer needs of it.
package struct SlabResult {
  /// What to store.
  package let stored: UnsafeRawBufferPointer
  /// The CRC-32 of `stored`; nil where nobody wanted it.
  package let crc32: UInt32?
  /// How many logical bytes it holds.
  package let byteCount: Int
  /// What the logical bytes add to the leaf's sums; nil where those are known.
  package let sums: SlabSums?
  /// What `stored` lies in, where that is the leaf's own memory.
  package var owner: MemoryBytes?
}

/// Reads, sums and encodes slabs, in memory that it keeps. One for each thread.
package final class SlabEncoder {
  private let kept: KeptSums
  // Each with memory of its own, which a file of raw leaves needs nothing of.
  private var chunkEncoders: [Compression: ChunkEncoder] = [:]
  private lazy var chunkDecoder = ChunkDecoder()
  private let logical = ByteBuffer()

  package init(keeping kept: KeptSums) {
    self.kept = kept
  }

  private func chunkEncoder(_ compression: Compression) -> ChunkEncoder {
    if let encoder = chunkEncoders[compression] { return encoder }
    let encoder = ChunkEncoder(compression: compression)
    chunkEncoders[compression] = encoder
    return encoder
  }

  private func storedCRC32(_ bytes: UnsafeRawBufferPointer) -> UInt32? {
    kept.contains(.storedCRC32) ? CRC32.of(bytes) : nil
  }

  /// - Parameter output: where the result lies, unless it lies in memory already.
  /// - Throws: ``RefxError`` where the slab cannot be read or is damaged.
  package func encode(_ position: Int, of plan: LeafPlan, into output: ByteBuffer) throws -> SlabResult {
    if let copied = plan.copied { return try copy(position, of: copied, plan: plan, into: output) }
    let range = plan.grid.range(of: position)
    if plan.storage == .raw {
      return try raw(plan.leaf, range) { output.room(for: range.count) }
    }
    let (bytes, owner) = try SlabEncoder.read(plan.leaf, range) { logical.room(for: range.count) }
    defer { withExtendedLifetime(owner) {} }
    let sums = SlabSums(of: bytes, kept)
    let stored = try chunkEncoder(plan.compression).encode(
      bytes, itemSize: plan.grid.itemSize, chunkBytes: plan.grid.chunkBytes, into: output)
    return SlabResult(stored: stored, crc32: storedCRC32(stored), byteCount: bytes.count, sums: sums)
  }

  /// A slab as it is.
  ///
  /// - Parameter room: gives the memory to read it to, unless it lies in memory already.
  package func raw(
    _ leaf: Leaf, _ range: Range<Int>, _ room: () -> UnsafeMutableRawBufferPointer
  ) throws -> SlabResult {
    let (bytes, owner) = try SlabEncoder.read(leaf, range, room)
    let sums = SlabSums(of: bytes, kept)
    return SlabResult(
      stored: bytes, crc32: sums.crc32, byteCount: bytes.count, sums: sums, owner: owner)
  }

  private static func read(
    _ leaf: Leaf, _ range: Range<Int>, _ room: () -> UnsafeMutableRawBufferPointer
  ) throws -> (bytes: UnsafeRawBufferPointer, owner: MemoryBytes?) {
    // A source need not hold what it gave out.
    if let memory = leaf.source.bytesInMemory {
      return (UnsafeRawBufferPointer(start: memory.start + range.lowerBound, count: range.count), memory)
    }
    let room = room()
    try leaf.source.readPiece(at: range.lowerBound, into: room)
    return (UnsafeRawBufferPointer(room), nil)
  }

  /// Copies a chunk that needs no encoding. Where the file vouches for it, it is not decoded.
  private func copy(
    _ position: Int, of chunks: any EncodedChunks, plan: LeafPlan, into output: ByteBuffer
  ) throws -> SlabResult {
    let chunk = try chunks.readEncodedChunk(at: position, into: output)
    let crc = chunk.checkedCRC32 ?? storedCRC32(chunk.bytes)
    let count = plan.grid.range(of: position).count
    if plan.knownSums != nil {
      return SlabResult(stored: chunk.bytes, crc32: crc, byteCount: count, sums: nil)
    }
    let room = logical.room(for: count)
    do {
      try chunkDecoder.decode(
        chunk.bytes, into: room, itemSize: plan.grid.itemSize, chunkBytes: plan.grid.chunkBytes)
    } catch let error as RefxError {
      throw chunk.located(error)
    }
    return SlabResult(
      stored: chunk.bytes, crc32: crc, byteCount: count,
      sums: SlabSums(of: UnsafeRawBufferPointer(room), kept))
  }
}
