import Refx
import Synchronization

extension Tree where Element == Leaf {
  /// Reads every payload, each shared value once and on several threads, and says what is wrong with it: of each
  /// leaf the first that is. For a format whose leaves check themselves when they are read.
  ///
  /// - Parameter threads: as many as there are cores where it is nil.
  package func verify(
    threads: Int?, _ handler: ProgressHandler?, _ report: (Problem) -> Void
  ) throws {
    var found: [(path: Path, leaf: Leaf)] = []
    try forEachSite { site in
      // What cannot be represented cannot be damaged as far as we can tell; it is listed elsewhere.
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true,
        leaf.source.unsupported == nil
      else { return }
      found.append((site.path, leaf))
    }
    let leaves = found.map(\.leaf)
    var progress = Progress(total: handler == nil ? 0 : leaves.payloadByteCount, report: handler)
    var lastReported: Int?
    let failures = Failures()
    let reader = PieceReader(
      leaves, threads: threads,
      read: { leaf, piece, target in
        try failures.skipping(piece) { try leaf.source.readPiece(at: piece.range.lowerBound, into: target) }
      }, look: { _, _ in })
    try reader.forEach { piece, bytes, result in
      do {
        try result.get()
        progress.add(bytes.count)
      } catch let error as RefxError {
        if lastReported == piece.leaf { return }
        lastReported = piece.leaf
        report(Problem(path: found[piece.leaf].path, what: error.withoutFile.summary))
      }
    }
  }
}

/// The first piece of each leaf that could not be read. What comes behind it is not read any more: where pieces share
/// a large chunk, each would decode it again.
private final class Failures: Sendable {
  private let first = Mutex<[Int: (position: Int, error: any Error)]>([:])

  func skipping(_ piece: LeafPiece, _ read: () throws -> Void) throws {
    if let known = first.withLock({ $0[piece.leaf] }), known.position < piece.position { throw known.error }
    do { try read() } catch {
      first.withLock {
        if let known = $0[piece.leaf], known.position < piece.position { return }
        $0[piece.leaf] = (piece.position, error)
      }
      throw error
    }
  }
}

extension RefxError {
  /// The same error for a place where file and path are known, and what to do is up to who asked.
  fileprivate var withoutFile: RefxError {
    var copy = self
    copy.file = nil
    copy.path = nil
    copy.advice = nil
    return copy
  }
}
