import Refx
import RefxStore

/// What is known of the payload of leaves that may have moved: for each dtype and shape the stored hashes, where all
/// have one, else SHA-256.
final class DiffContents {
  private struct LeafType: Hashable {
    let dtype: DType
    let shape: [Int]
  }

  private var known: [ObjectIdentifier: (source: any LeafSource, mark: [UInt8])] = [:]
  private let progress: ProgressHandler?
  private let sharing: (any LeafSharing)?

  /// - Parameters:
  ///   - sharing: who reads what; nil where this process reads all.
  ///   - progress: called with the bytes that were hashed, and those to hash.
  init(sharing: (any LeafSharing)?, progress: ProgressHandler?) {
    self.sharing = sharing
    self.progress = progress
  }

  /// Reads each payload of a type of which some have no stored hash, once.
  func marks(of leaves: [(leaf: Leaf, path: Path)]) throws -> [[UInt8]] {
    func type(_ leaf: Leaf) -> LeafType { LeafType(dtype: leaf.dtype, shape: leaf.shape) }
    let unhashed = Set(leaves.lazy.filter { $0.leaf.source.contentHash == nil }.map { type($0.leaf) })
    let toRead = leaves.filter { unhashed.contains(type($0.leaf)) }
    var total = 0
    let sources = Dictionary(toRead.map { (ObjectIdentifier($0.leaf.source), $0.leaf) }) { first, _ in first }
    for leaf in sources.values { total = total.addingSaturated(leaf.byteCount) }
    var done = 0
    let hashes = LeafHashes(sharing: sharing) { count in
      done += count
      self.progress?(done, total)
    }
    try hashes.prepare(toRead)
    return try leaves.map { leaf, path in
      let mark =
        unhashed.contains(type(leaf))
        ? try hashes.sha256(of: leaf, at: path) : leaf.source.contentHash.map(DiffContents.bytes) ?? []
      known[ObjectIdentifier(leaf.source)] = (leaf.source, mark)
      return mark
    }
  }

  /// Whether two leaves of one dtype and shape were found to hold the same.
  func areSame(_ leaf: Leaf, _ other: Leaf) -> Bool {
    guard let mark = known[ObjectIdentifier(leaf.source)]?.mark,
      let theirs = known[ObjectIdentifier(other.source)]?.mark
    else { return false }
    return !mark.isEmpty && mark == theirs
  }

  private static func bytes(_ hash: ContentHash) -> [UInt8] {
    withUnsafeBytes(of: hash.low.littleEndian) { Array($0) }
      + withUnsafeBytes(of: hash.high.littleEndian) { Array($0) }
  }
}
