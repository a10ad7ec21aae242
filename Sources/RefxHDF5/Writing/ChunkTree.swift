import RefxStore

/// The tree that lists the chunks of a dataset (a B-tree of version 1), made at once of all of them.
enum ChunkTree {
  /// A chunk that was stored.
  struct Chunk {
    let address: UInt64
    let byteCount: UInt32
  }

  /// How many chunks, or nodes, a node lists at most: the number that files have which do not say another.
  private static let width = 64

  /// Adds the tree of `chunks`, in the order of the grid.
  ///
  /// - Precondition: there is a chunk for each of the grid.
  /// - Returns: the address of its root.
  static func add(
    _ chunks: ArraySlice<Chunk>, on grid: ChunkGrid, shape: [Int], to metadata: inout MetadataBuffer
  ) -> UInt64 {
    func key(_ position: Int) -> [UInt8] {
      var key = MetadataBuffer()
      let isLast = position == chunks.count
      key.add(isLast ? 0 : chunks[chunks.startIndex + position].byteCount)
      // No filter was left out.
      key.add(0 as UInt32)
      let origin = grid.elementOffset(of: isLast ? position - 1 : position, shape: shape)
      for (start, extent) in zip(origin, grid.chunkShape) { key.add(UInt64(isLast ? start + extent : start)) }
      key.add(UInt64(isLast ? grid.itemSize : 0))
      return key.bytes
    }
    // Each node by where it lies and its first chunk; at first the chunks themselves.
    var below = chunks.enumerated().map { (address: $1.address, first: $0) }
    var level: UInt8 = 0
    let nodeBytes = 24 + width * 8 + (width + 1) * (8 + 8 * (shape.count + 1))
    repeat {
      let count = (below.count + width - 1) / width
      let start = metadata.address
      func address(_ node: Int) -> UInt64 {
        node < 0 || node == count ? MetadataBuffer.undefined : start + UInt64(node * nodeBytes)
      }
      var nodes: [(address: UInt64, first: Int)] = []
      for node in 0..<count {
        let members = below[(node * width)..<min((node + 1) * width, below.count)]
        let place = metadata.bytes.count
        metadata.add("TREE")
        metadata.add(1 as UInt8)
        metadata.add(level)
        metadata.add(UInt16(members.count))
        metadata.add(address(node - 1))
        metadata.add(address(node + 1))
        for member in members {
          metadata.add(key(member.first))
          metadata.add(member.address)
        }
        metadata.add(key(members.endIndex < below.count ? below[members.endIndex].first : chunks.count))
        metadata.add(zeros: nodeBytes - (metadata.bytes.count - place))
        nodes.append((address(node), members.first?.first ?? 0))
      }
      below = nodes
      level += 1
    } while below.count > 1
    return below.first?.address ?? MetadataBuffer.undefined
  }
}
