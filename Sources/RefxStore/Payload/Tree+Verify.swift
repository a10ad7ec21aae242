import Refx

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
    try PieceReader(leaves, threads: threads) { _, _ in }.forEach { piece, bytes, result in
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

extension RefxError {
  /// The same error for a place where file and path are known.
  fileprivate var withoutFile: RefxError {
    var copy = self
    copy.file = nil
    copy.path = nil
    return copy
  }
}
