import Refx

/// Explicit changes of dtype: each array of one dtype becomes one of another.
///
/// Floats round to the nearest value, ties to even, once. An integer or boolean takes only values that it
/// can hold: anything else is an error at the leaf's path.
public struct Casts: Sendable {
  /// What each dtype becomes; others stay.
  public let wanted: [DType: DType]

  /// - Throws: ``RefxError`` where one dtype cannot become the other.
  public init(_ wanted: [DType: DType]) throws {
    for (from, to) in wanted where !Casts.isPossible(from, to) {
      throw RefxError.cannotCast(from: from, to: to)
    }
    self.wanted = wanted
  }

  /// Those of the dtypes to cast that no array of `tree` has, in order of their names.
  public func unused(in tree: Tree<Leaf>) throws -> [DType] {
    var missing = Set(wanted.keys)
    try tree.forEachSite { site in if case .leaf(let leaf) = site.content { missing.remove(leaf.dtype) } }
    return missing.sorted { $0.name < $1.name }
  }

  static func isPossible(_ from: DType, _ to: DType) -> Bool {
    func isComplex(_ dtype: DType) -> Bool { dtype == .complex64 || dtype == .complex128 }
    if from.itemSize == nil || to.itemSize == nil { return false }
    return !isComplex(from) || isComplex(to)
  }
}

extension Leaf {
  /// The same array with its elements in another dtype, converted as they are read.
  ///
  /// - Throws: ``RefxError`` where the dtype cannot become the other; reading throws where a value cannot.
  public func cast(to dtype: DType, at path: Path) throws -> Leaf {
    if dtype == self.dtype { return self }
    if let reason = source.unsupported { throw RefxError.unsupportedLeaf(reason).atPath(path) }
    guard Casts.isPossible(self.dtype, dtype), let size = dtype.itemSize else {
      throw RefxError.cannotCast(from: self.dtype, to: dtype).atPath(path)
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow else { throw RefxError.cannotCast(from: self.dtype, to: dtype).atPath(path) }
    return Leaf(dtype: dtype, shape: shape, source: CastSource(self, to: dtype, byteCount: bytes, path: path))
  }
}

extension Leaf {
  /// Whether a value was too large, and a finite one became infinite or an infinite one NaN, in what was read of a cast
  /// so far.
  var hasOverflowed: Bool { (source as? CastSource)?.overflowed ?? false }
}

extension Tree where Element == Leaf {
  /// Applies `casts` to every array; a shared one stays shared.
  ///
  /// - Returns: the tree, and a function that lists, after the payload was read, the arrays in which a
  ///   value was too large: a finite one became infinite or NaN, or an infinite one NaN.
  public func applying(_ casts: Casts) throws -> (tree: Tree, overflowed: @Sendable () -> [Path]) {
    var sources: [CastSource] = []
    func apply(_ tree: Tree<Leaf>, _ path: Path) throws -> Tree<Leaf> {
      switch tree {
      case .leaf(let leaf):
        guard let dtype = casts.wanted[leaf.dtype] else { return tree }
        let cast = try leaf.cast(to: dtype, at: path)
        if let source = cast.source as? CastSource { sources.append(source) }
        return .leaf(cast)
      case .value(var value):
        value.value = try apply(value.value, value.value.isReference ? path.appending("0") : path)
        return .value(value)
      default: return try tree.mapMembers(at: path, apply)
      }
    }
    let tree = try apply(self, .root)
    let all = sources
    return (tree, { all.filter { $0.overflowed }.map(\.path) })
  }
}
