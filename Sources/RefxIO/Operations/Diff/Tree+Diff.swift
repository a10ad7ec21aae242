import Refx
import RefxStore

/// How two trees are compared.
public struct DiffOptions: Sendable {
  /// An element counts as changed where |a − b| > atolerance + rtolerance × |b|; nil for bit by bit.
  public var relativeTolerance: Double?
  /// The other term of the sum; nil for bit by bit.
  public var absoluteTolerance: Double?
  /// Whether every NaN equals every other. NaN of the same bits are equal anyhow.
  public var nanIsNaN = false
  /// Whether bytes are compared even where stored hashes would decide.
  public var exact = false
  /// The kinds to look for. Values are not read where ``TreeDiff/Kind/value`` is missing.
  public var kinds = Set(TreeDiff.Kind.allCases)
  /// Whether what vanished here and appeared there with the same contents is one row: whole subtrees, and what is
  /// inside of those that changed. It is compared as what stayed is, ties and collections too.
  public var findsRenames = false

  /// Bit by bit, all kinds.
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
    try diff(to: other, options: options, sharing: nil, progress: progress)
  }

  /// The same with the payload read by several processes; collective then.
  package func diff(
    to other: Tree<Leaf>, options: DiffOptions, sharing: (any LeafSharing)?, progress: ProgressHandler?
  ) throws -> TreeDiff {
    let contents = options.findsRenames ? DiffContents(sharing: sharing, progress: progress) : nil
    var (diff, pairs) = try catalogueDiff(to: other, findingMovesBy: contents?.marks)
    if options.kinds.contains(.value) {
      var comparison = ValueComparison(of: pairs, options, contents)
      diff.value = try comparison.rows(sharing: sharing, progress: progress)
      let changed = Set(diff.value.lazy.map(\.path)).union(diff.type.lazy.map(\.path))
      diff.unchanged = pairs.count { !changed.contains($0.path) }
    }
    return diff.keeping(options.kinds)
  }

  /// Whether anything differs from this tree to `other`: the same as ``diff(to:options:progress:)`` not being empty,
  /// but it stops at the first difference.
  ///
  /// - Throws: ``RefxError`` where a payload that decides cannot be read or represented.
  public func differs(
    from other: Tree<Leaf>, options: DiffOptions = DiffOptions(), progress: ProgressHandler? = nil
  ) throws -> Bool {
    try differs(from: other, options: options, sharing: nil, progress: progress)
  }

  /// The same with the payload read by several processes, each of which stops at the first difference that it finds;
  /// collective then.
  package func differs(
    from other: Tree<Leaf>, options: DiffOptions, sharing: (any LeafSharing)?, progress: ProgressHandler?
  ) throws -> Bool {
    var (diff, pairs) = try catalogueDiff(to: other)
    if !diff.keeping(options.kinds).isEmpty { return true }
    var contents: DiffContents?
    // Only ties, collections and elements of what moved are left to differ.
    if options.findsRenames && !diff.structure.isEmpty {
      contents = DiffContents(sharing: sharing, progress: progress)
      (diff, pairs) = try catalogueDiff(to: other, findingMovesBy: contents?.marks)
      if !diff.keeping(options.kinds).isEmpty { return true }
    }
    guard options.kinds.contains(.value) else { return false }
    var comparison = ValueComparison(of: pairs, options, contents)
    return try comparison.findsAny(sharing: sharing, progress: progress)
  }
}
