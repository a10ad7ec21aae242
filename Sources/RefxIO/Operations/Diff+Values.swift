import Refx
import RefxStore

/// How two trees are compared.
public struct DiffOptions: Sendable {
  /// An element counts as changed where |a − b| > atolerance + rtolerance × |b|; nil for bit by bit.
  public var relativeTolerance: Double?
  public var absoluteTolerance: Double?
  /// Whether every NaN equals every other. NaN of the same bits are equal anyhow.
  public var nanIsNaN = false
  /// Whether bytes are compared even where stored hashes would decide.
  public var exact = false
  /// The kinds to look for. Values are not read where ``TreeDiff/Kind/value`` is missing.
  public var kinds = Set(TreeDiff.Kind.allCases)
  /// Whether what vanished here and appeared there with the same contents is one row.
  public var findsRenames = false

  public init() {}

  var comparison: ElementComparison {
    let tolerance =
      relativeTolerance == nil && absoluteTolerance == nil
      ? nil : ElementComparison.Tolerance(relative: relativeTolerance ?? 0, absolute: absoluteTolerance ?? 0)
    return ElementComparison(tolerance: tolerance, nanIsNaN: nanIsNaN)
  }
}

extension Tree where Element == Leaf {
  /// What differs from this tree to `other`. Payload is read only where no stored hash says that two arrays
  /// are equal, two chunks at a time.
  ///
  /// - Parameter progress: called with the logical bytes compared and those to compare.
  /// - Throws: ``RefxError`` where a payload cannot be read or represented.
  public func diff(
    to other: Tree<Leaf>, options: DiffOptions = DiffOptions(), progress: ProgressHandler? = nil
  ) throws -> TreeDiff {
    var (diff, pairs) = try catalogueDiff(to: other)
    if options.findsRenames { diff.structure = try renamed(diff.structure, to: other) }
    if options.kinds.contains(.value) {
      let total = pairs.reduce(0) { $0.addingSaturated($1.byteCount) }
      var done = 0
      for pair in pairs {
        if let row = try pair.compare(options) { diff.value.append(row) }
        done = done.addingSaturated(pair.byteCount)
        progress?(done, total)
      }
    }
    return diff.keeping(options.kinds)
  }
}

extension DiffPair {
  /// The logical bytes to compare.
  fileprivate var byteCount: Int {
    let (product, overflow) = leaf.byteCount.multipliedReportingOverflow(by: others.count)
    return overflow ? .max : product
  }

  /// The row for this pair; nil where nothing differs. Of several arrays that stand for one, that which
  /// differs most.
  func compare(_ options: DiffOptions) throws -> ValueChange? {
    var worst: ValueChange?
    for other in others {
      guard let difference = try leaf.difference(to: other.leaf, options, path: path, otherPath: other.path)
      else { continue }
      if let worst,
        (worst.difference.changed, worst.difference.maxAbs ?? 0)
          >= (difference.changed, difference.maxAbs ?? 0)
      {
        continue
      }
      worst = ValueChange(
        path: path, other: other.path == path ? nil : other.path, count: leaf.count, difference: difference)
    }
    return worst
  }
}

extension Leaf {
  /// How far the elements of `other` are from these; nil where none counts as changed.
  func difference(
    to other: Leaf, _ options: DiffOptions, path: Path, otherPath: Path
  ) throws -> ElementDifference? {
    if source === other.source { return nil }
    if !options.exact, let hash = source.contentHash, hash == other.source.contentHash { return nil }
    if dtype == .string { return try textDifference(to: other, path: path, otherPath: otherPath) }
    var comparison = options.comparison
    let compare = comparison.function(for: dtype)
    try forEachPiece(with: other, path: path, otherPath: otherPath) { x, y in
      if memcmpEqual(x, y) { return }
      compare(&comparison, x, y)
    }
    return comparison.result(count: count)
  }

  /// Reads two leaves of one dtype and shape side by side, chunk by chunk.
  func forEachPiece(
    with other: Leaf, path: Path, otherPath: Path,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let grid = ChunkGrid(of: self)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(grid.chunkBytes, 1), alignment: 64)
    defer { buffer.deallocate() }
    var position = 0
    do {
      try forEachPiece { piece in
        let range = grid.range(of: position)
        let twin = UnsafeMutableRawBufferPointer(rebasing: buffer[..<range.count])
        do {
          if let reason = other.source.unsupported { throw RefxError.unsupportedLeaf(reason) }
          try other.source.read(at: range.lowerBound, into: twin)
        } catch let error as RefxError {
          throw error.atPath(otherPath)
        }
        try body(piece, UnsafeRawBufferPointer(twin))
        position += 1
      }
    } catch let error as RefxError {
      throw error.atPath(path)
    }
  }

  /// Whether every byte is the same.
  func hasSameBytes(as other: Leaf, path: Path, otherPath: Path) throws -> Bool {
    guard dtype == other.dtype, shape == other.shape, byteCount == other.byteCount else { return false }
    if source === other.source { return true }
    if let hash = source.contentHash, let theirs = other.source.contentHash { return hash == theirs }
    var same = true
    try forEachPiece(with: other, path: path, otherPath: otherPath) { x, y in
      if same { same = memcmpEqual(x, y) }
    }
    return same
  }
}
