import Refx

extension Leaf {
  /// The same array, which asks to be stored with another compression than its file. Copies nothing.
  package func wishing(_ compression: Compression) -> Leaf {
    Leaf(dtype: dtype, shape: shape, source: WishingSource(source, compression))
  }

  /// How the leaf is compressed in a file of that compression.
  package func compression(in file: Compression) -> Compression {
    (source as? WishingSource)?.compression ?? file
  }
}

extension Sequence where Element == Leaf {
  /// Whether a leaf asks for a compression of its own. Its file then does not say which one it has, so that nobody
  /// copies its chunks for those of another.
  package var haveWishes: Bool { contains { $0.source is WishingSource } }
}

/// A source with a wish; all else is that of the source it stands for.
final class WishingSource: LeafSource {
  let compression: Compression
  let source: any LeafSource

  init(_ source: any LeafSource, _ compression: Compression) {
    self.source = source
    self.compression = compression
  }

  var byteCount: Int { source.byteCount }
  var bytesInMemory: MemoryBytes? { source.bytesInMemory }
  var contentHash: ContentHash? { source.contentHash }
  var storedByteCount: Int? { source.storedByteCount }
  var unsupported: UnsupportedLeaf? { source.unsupported }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try source.read(at: offset, into: buffer)
  }
}
