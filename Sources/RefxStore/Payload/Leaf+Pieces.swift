import Refx

extension Leaf {
  /// Reads the payload front to back in pieces: the chunks of the grid. Holds a few pieces at a time; those of a
  /// large leaf are read and decoded ahead by other threads.
  public func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    if let reason = source.unsupported { throw RefxError.unsupportedLeaf(reason) }
    let grid = ChunkGrid(of: self)
    if let bytes = source.bytesInMemory {
      try bytes.withBytes { all in
        for position in 0..<grid.count {
          try body(UnsafeRawBufferPointer(rebasing: all[grid.range(of: position)]))
        }
      }
      return
    }
    if grid.count >= Leaf.readAheadFrom {
      try PieceReader([self]) { _, _ in }.forEach { _, bytes, result in
        try result.get()
        try body(bytes)
      }
      return
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(grid.chunkBytes, 1), alignment: 64)
    defer { buffer.deallocate() }
    for position in 0..<grid.count {
      let range = grid.range(of: position)
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
      try source.readPiece(at: range.lowerBound, into: piece)
      try body(UnsafeRawBufferPointer(piece))
    }
  }

  /// Threads are worth it from this many pieces on.
  private static let readAheadFrom = 8
}
