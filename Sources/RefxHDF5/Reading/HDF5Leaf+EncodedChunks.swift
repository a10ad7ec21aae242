import Refx
import RefxStore

/// Chunks that this library encoded can be copied to another file as they are.
extension HDF5Leaf: EncodedChunks {
  var codecIdentity: ChunkCodec.Identity? { ownChunking == nil ? nil : codec }

  var logicalCRC32: UInt32? { checksum }

  var chunkCount: Int { ownChunking == nil ? 0 : grid.count }

  var vouchesForChunks: Bool { false }

  func readEncodedChunk(at position: Int, into buffer: ByteBuffer) throws -> EncodedChunk {
    let shape = elements.header.shape ?? []
    guard let chunking = ownChunking,
      let (bytes, mask) = try elements.storedChunk(
        zip(grid.elementOffset(of: position, shape: shape), chunking.shape).map { $0 / $1 }, of: chunking),
      mask == 0
    else { throw elements.input.damaged("a chunk is missing", at: elements.name) }
    let room = buffer.room(for: bytes.count)
    room.copyBytes(from: bytes)
    return EncodedChunk(bytes: UnsafeRawBufferPointer(room), checkedCRC32: nil)
  }

  private var grid: ChunkGrid {
    ChunkGrid(itemSize: dtype.itemSize ?? 1, shape: elements.header.shape ?? [], byteCount: byteCount)
  }

  /// How the leaf is cut, where that is as this library cuts it.
  private var ownChunking: Chunking? {
    guard codec != nil, checksum != nil, let size = dtype.itemSize, byteCount >= ChunkGrid.rawBelow,
      case .chunked(let chunking) = elements.header.layout,
      chunking.filters == [.shuffle(itemSize: size), .deflate], chunking.shape == grid.chunkShape
    else { return nil }
    return chunking
  }
}
