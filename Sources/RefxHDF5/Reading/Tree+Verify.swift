import Refx
import RefxStore

extension Tree where Element == Leaf {
  /// Reads every payload and says what is wrong with it, each shared value once.
  func verify(_ progress: ProgressHandler?, _ report: (Problem) -> Void) throws {
    let total = progress == nil ? 0 : payloadByteCount
    var done = 0
    try forEachSite { site in
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true else { return }
      // What cannot be represented cannot be damaged as far as we can tell; it is listed elsewhere.
      if leaf.source.unsupported != nil { return }
      do {
        try leaf.forEachPiece { piece in
          done += piece.count
          progress?(done, total)
        }
      } catch let error as RefxError {
        report(Problem(path: site.path, what: error.withoutFile.summary))
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
