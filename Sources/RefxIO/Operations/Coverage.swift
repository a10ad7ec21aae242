import Refx
import RefxStore

/// How much of a checkpoint's values verification can vouch for: where no checksum stands beside an array, a changed
/// number looks like any other.
public struct Coverage: Sendable, Hashable {
  /// Arrays that can be read, each shared one once.
  public var arrays = 0
  /// Those of them without a checksum.
  public var unchecked = 0
  /// Leaves that cannot be decoded, and so are not looked at.
  public var unsupported = 0
}

extension OpenedCheckpoint {
  /// How much ``verify`` can vouch for. Reads no payload.
  ///
  /// - Throws: ``RefxError`` where an index comes before its value.
  public func coverage() throws -> Coverage {
    var coverage = Coverage()
    try contents.tree.forEachSite { site in
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true else { return }
      if leaf.source.unsupported != nil {
        coverage.unsupported += 1
        return
      }
      coverage.arrays += 1
      if !(hasChecksumOf?(leaf) ?? hasChecksums) { coverage.unchecked += 1 }
    }
    return coverage
  }
}
