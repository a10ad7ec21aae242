import Refx
import RefxStore

/// What one look at the whole payload of a tree says: of each array its statistics, a histogram and SHA-256.
///
/// Every byte is read once, however many sites an array has; of the payload a few pieces are held at a time.
public struct LeafSurvey {
  /// What is known of one array.
  public struct Finding: Sendable {
    /// nil for text.
    public let statistics: ElementStatistics?
    /// nil for text.
    public let histogram: Histogram?
    /// Of the little-endian C-order bytes.
    public let sha256: [UInt8]
  }

  private var findings: [ObjectIdentifier: (source: any LeafSource, finding: Finding)] = [:]
  /// The same hashes, for a digest that reads nothing more.
  public let hashes = LeafHashes()

  /// What was found in `leaf`; nil where it cannot be represented, or is none of the tree.
  public subscript(leaf: Leaf) -> Finding? { findings[ObjectIdentifier(leaf.source)]?.finding }

  /// Reads the payload of `tree` once, on several threads; the SHA-256 are computed on the caller's.
  ///
  /// - Parameter progress: called with the logical bytes read so far and in all.
  /// - Throws: ``RefxError`` where a payload cannot be read. What cannot be represented is left out.
  public init(of tree: Tree<Leaf>, progress: ProgressHandler? = nil) throws {
    var leaves: [(leaf: Leaf, path: Path)] = []
    var seen: Set<ObjectIdentifier> = []
    try tree.forEachSite { site in
      guard case .leaf(let leaf) = site.content, leaf.source.unsupported == nil,
        seen.insert(ObjectIdentifier(leaf.source)).inserted
      else { return }
      leaves.append((leaf, site.path))
    }
    let adders = leaves.map { StatisticsSum.function(for: $0.leaf.dtype) }
    let reader = PieceReader(leaves.map(\.leaf)) { piece, bytes -> StatisticsSum? in
      guard let add = adders[piece.leaf] else { return nil }
      var part = StatisticsSum(withHistogram: true)
      add(&part, bytes)
      return part
    }
    let total = leaves.map(\.leaf).payloadByteCount
    var done = 0
    var sum: StatisticsSum?
    var hash: SHA256?
    try reader.forEach { piece, bytes, part in
      let (leaf, path) = leaves[piece.leaf]
      do {
        if let part = try part.get() {
          sum = sum ?? StatisticsSum(withHistogram: true)
          sum?.add(part)
        }
      } catch let error as RefxError {
        throw error.atPath(path)
      }
      let running = hash ?? SHA256()
      running.update(bytes)
      hash = running
      done = done.addingSaturated(bytes.count)
      progress?(done, total)
      guard piece.isLast else { return }
      let digest = running.finish()
      findings[ObjectIdentifier(leaf.source)] = (
        leaf.source,
        Finding(statistics: sum?.result(leaf.dtype), histogram: sum?.histogram, sha256: digest)
      )
      hashes.add(digest, of: leaf)
      (sum, hash) = (nil, nil)
    }
  }
}
