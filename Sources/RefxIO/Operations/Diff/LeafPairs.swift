import Refx
import RefxStore

/// Two leaves of one dtype and shape, to be looked at side by side.
struct LeafPair: Sendable {
  let leaf: Leaf
  let path: Path
  let other: Leaf
  let otherPath: Path
}

/// Reads pairs of leaves piece by piece, each byte once, on several threads.
struct LeafPairReader<Finding> {
  private let pairs: [LeafPair]
  private let look: @Sendable (_ pair: Int, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Finding

  /// - Parameter look: what is found in two pieces, on whichever thread read them.
  init(
    _ pairs: [LeafPair],
    look: @escaping @Sendable (_ pair: Int, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Finding
  ) {
    self.pairs = pairs
    self.look = look
  }

  /// Gives the findings, pair by pair and piece by piece, on the caller's thread.
  ///
  /// - Throws: what `take` throws, and ``RefxError`` at the path of a leaf that cannot be read.
  func forEach(_ take: (_ pair: Int, LeafPiece, Finding) throws -> Void) throws {
    let pairs = self.pairs
    let look = self.look
    let buffers = Pool { ByteBuffer() }
    let reader = PieceReader(pairs.map(\.leaf)) { piece, bytes in
      let pair = pairs[piece.leaf]
      return try pair.withOther(piece, buffers) { look(piece.leaf, bytes, $0) }
    }
    try reader.forEach { piece, _, result in
      do {
        try take(piece.leaf, piece, try result.get())
      } catch let error as RefxError where error.path == nil {
        throw error.atPath(pairs[piece.leaf].path)
      }
    }
  }
}

extension LeafPair {
  /// Lets `body` look at the other leaf's piece.
  fileprivate func withOther<R>(
    _ piece: LeafPiece, _ buffers: Pool<ByteBuffer>, _ body: (UnsafeRawBufferPointer) -> R
  ) throws -> R {
    do {
      if let reason = other.source.unsupported { throw RefxError.unsupportedLeaf(reason) }
      if let memory = other.source.bytesInMemory {
        return memory.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[piece.range])) }
      }
      return try buffers.with { buffer in
        let room = buffer.room(for: piece.range.count)
        try other.source.readPiece(at: piece.range.lowerBound, into: room)
        return body(UnsafeRawBufferPointer(room))
      }
    } catch let error as RefxError {
      throw error.atPath(otherPath)
    }
  }
}

extension Leaf {
  /// Whether every byte is the same. Reads no further than to the first piece that differs, and nothing where
  /// both know their hash.
  func hasSameBytes(as other: Leaf, path: Path, otherPath: Path) throws -> Bool {
    guard dtype == other.dtype, shape == other.shape, byteCount == other.byteCount else { return false }
    if source === other.source { return true }
    if let hash = source.contentHash, let theirs = other.source.contentHash { return hash == theirs }
    struct TheyDiffer: Error {}
    let pair = LeafPair(leaf: self, path: path, other: other, otherPath: otherPath)
    do {
      try LeafPairReader([pair]) { _, x, y in memcmpEqual(x, y) }.forEach { _, _, isSame in
        if !isSame { throw TheyDiffer() }
      }
    } catch is TheyDiffer {
      return false
    }
    return true
  }
}
