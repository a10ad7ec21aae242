import Refx
import Synchronization

/// SHA-256 of leaves, each computed once however many sites it has.
public final class LeafHashes {
  private var known: [ObjectIdentifier: (source: any LeafSource, hash: [UInt8])] = [:]
  private let progress: ((Int) -> Void)?
  private let sharing: (any LeafSharing)?

  /// - Parameter progress: called with the number of bytes just read, by one thread at a time.
  public init(progress: ((Int) -> Void)? = nil) {
    self.progress = progress
    sharing = nil
  }

  /// Hashes that several processes compute together; what asks for them is then collective.
  package init(sharing: (any LeafSharing)?, progress: ((Int) -> Void)? = nil) {
    self.progress = progress
    self.sharing = sharing
  }

  /// SHA-256 of the leaf's little-endian C-order bytes.
  public func sha256(of leaf: Leaf, at path: Path) throws -> [UInt8] {
    try prepare([(leaf, path)])
    return known[ObjectIdentifier(leaf.source)]?.hash ?? []
  }

  /// Takes a hash that was computed elsewhere, so that its leaf is not read again.
  package func add(_ hash: [UInt8], of leaf: Leaf) {
    known[ObjectIdentifier(leaf.source)] = (leaf.source, hash)
  }

  /// Computes the hashes of many leaves on several threads, a leaf on each.
  ///
  /// - Throws: ``RefxError`` for the first that cannot be read or represented.
  package func prepare(_ leaves: [(leaf: Leaf, path: Path)]) throws {
    var missing: [(leaf: Leaf, path: Path)] = []
    for (leaf, path) in leaves where known[ObjectIdentifier(leaf.source)] == nil {
      // The source is kept, so that no other can take its address.
      known[ObjectIdentifier(leaf.source)] = (leaf.source, [])
      missing.append((leaf, path))
    }
    var isDone = false
    // Nothing is known of a leaf that could not be read.
    defer { if !isDone { for (leaf, _) in missing { known[ObjectIdentifier(leaf.source)] = nil } } }
    let found = try hashes(of: missing)
    for ((leaf, _), hash) in zip(missing, found) { known[ObjectIdentifier(leaf.source)]?.hash = hash }
    isDone = true
  }

  private func hashes(of leaves: [(leaf: Leaf, path: Path)]) throws -> [[UInt8]] {
    guard let sharing, !leaves.isEmpty else { return try LeafHashes.hashes(of: leaves, progress: progress) }
    return try sharing.share(leaves.map(\.leaf.byteCount)) { positions in
      try LeafHashes.hashes(of: positions.map { leaves[$0] }, progress: progress)
    }
  }

  private static func hashes(
    of leaves: [(leaf: Leaf, path: Path)], progress: ((Int) -> Void)?
  ) throws -> [[UInt8]] {
    let found = Mutex([[UInt8]](repeating: [], count: leaves.count))
    let report = SerialReport(progress)
    // Small ones are done many at a time.
    let rows = rows(of: leaves)
    let threads = Cores.threads(nil, forBytes: leaves.map(\.leaf).payloadCost)
    try forEachInParallel(rows.count, threads: threads) { row in
      for number in rows[row] {
        let (leaf, path) = leaves[number]
        let hash = SHA256()
        do {
          try leaf.forEachPiece { piece in
            hash.update(piece)
            report.add(piece.count)
          }
        } catch let error as RefxError {
          throw error.atPath(path)
        }
        let digest = hash.finish()
        found.withLock { $0[number] = digest }
      }
    }
    return found.withLock { $0 }
  }

  /// Neighbours that together have enough bytes to be worth a thread's while.
  private static func rows(of leaves: [(leaf: Leaf, path: Path)]) -> [Range<Int>] {
    var rows: [Range<Int>] = []
    var first = 0
    var byteCount = 0
    for number in leaves.indices {
      byteCount = byteCount.addingReportingOverflow(leaves[number].leaf.byteCount).partialValue
      if byteCount < 256 << 10, number - first < 1024 { continue }
      rows.append(first..<(number + 1))
      (first, byteCount) = (number + 1, 0)
    }
    if first < leaves.count { rows.append(first..<leaves.count) }
    return rows
  }
}

/// A report that several threads give one after the other.
private final class SerialReport: @unchecked Sendable {
  // Sendable: the function is called under the lock alone.

  private let report: ((Int) -> Void)?
  private let lock = Mutex(())

  init(_ report: ((Int) -> Void)?) { self.report = report }

  func add(_ count: Int) {
    guard let report else { return }
    lock.withLock { _ in report(count) }
  }
}
