import Refx
import Synchronization

extension Leaf {
  /// The same array, which lets go of its bytes when a writer says that they are written: who holds them besides can
  /// then change them without a copy.
  package func lettingGo() -> Leaf {
    Leaf(dtype: dtype, shape: shape, source: ReleasedSource(source))
  }

  /// Called by a writer that has read the leaf for the last time. Most do not mind.
  package func wasWritten() {
    let inner = (source as? WishingSource)?.source ?? source
    (inner as? ReleasedSource)?.release()
  }
}

/// A source until it is no longer needed.
private final class ReleasedSource: LeafSource {
  let byteCount: Int
  private let source: Mutex<(any LeafSource)?>

  init(_ source: any LeafSource) {
    byteCount = source.byteCount
    self.source = Mutex(source)
  }

  func release() {
    // What it held goes when the lock is open again.
    let last = source.withLock { source in
      defer { source = nil }
      return source
    }
    withExtendedLifetime(last) {}
  }

  private var held: (any LeafSource)? { source.withLock { $0 } }

  var bytesInMemory: MemoryBytes? { held?.bytesInMemory }
  var contentHash: ContentHash? { held?.contentHash }
  var storedByteCount: Int? { held?.storedByteCount }
  var unsupported: UnsupportedLeaf? { held?.unsupported }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let held else { throw RefxError(.system, "an array was read again after it was written") }
    try held.read(at: offset, into: buffer)
  }
}
