import Refx
import Synchronization

extension Tree where Element == Leaf {
  /// Reads every payload, each shared value once and on several threads, and says what is wrong with it: of each
  /// leaf the first that is. For a format whose leaves check themselves when they are read.
  ///
  /// - Parameters:
  ///   - threads: as many as there are cores where it is nil.
  ///   - chosen: which of the ``verifiedLeaves(_:)`` are read; all where it is nil.
  package func verify(
    threads: Int?, of chosen: (@Sendable (Int) -> Bool)? = nil, _ handler: ProgressHandler?,
    _ report: (Problem) -> Void
  ) throws {
    // What cannot be represented cannot be damaged as far as we can tell; it is listed elsewhere.
    let found = try verifiedLeaves(chosen).filter { $0.leaf.source.unsupported == nil }
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

extension Tree where Element == Leaf {
  /// The leaves that verification speaks of: each at its first site, in order.
  ///
  /// - Parameter chosen: which of them, by their numbers; all where it is nil.
  package func verifiedLeaves(
    _ chosen: ((Int) -> Bool)? = nil
  ) throws -> [(path: Path, leaf: Leaf)] {
    var found: [(path: Path, leaf: Leaf)] = []
    var number = 0
    try forEachSite { site in
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true else { return }
      if chosen?(number) ?? true { found.append((site.path, leaf)) }
      number += 1
    }
    return found
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
