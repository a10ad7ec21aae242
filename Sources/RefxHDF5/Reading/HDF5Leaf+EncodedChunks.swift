import Refx
import RefxStore

/// Chunks that this library encoded can be copied to another file as they are.
extension HDF5Leaf: EncodedChunks {
  /// Nil for elements that are looked at, such as booleans: a checksum may fit bytes that are none.
  var codecIdentity: ChunkCodec.Identity? { ownChunking == nil || !dtype.takesAnyBytes ? nil : codec }

  var logicalCRC32: UInt32? { checksum }

  var chunkCount: Int { ownChunking == nil ? 0 : grid.count }

  var vouchesForChunks: Bool { false }

  func readEncodedChunk(at position: Int, into buffer: ByteBuffer) throws -> EncodedChunk {
    let grid = grid
    guard let chunking = ownChunking else { throw elements.input.damaged("no chunks", at: elements.name) }
    let origin = grid.elementOffset(of: position, shape: elements.header.shape ?? [])
    let chunk = zip(origin, chunking.shape).map { $0 / $1 }
    guard let stored = try elements.chunks?.read(chunk, into: buffer), stored.mask == 0 else {
      throw elements.input.damaged("a chunk is missing", at: "\(elements.name), chunk \(chunk)")
    }
    let file = elements.input.bytes.name
    return EncodedChunk(bytes: stored.bytes, checkedCRC32: nil) { $0.atObject(stored.place).inFile(file) }
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
