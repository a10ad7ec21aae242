import Refx

/// An array of which each rank holds some pieces, or all, or nothing.
public struct PiecedLeaf: Sendable {
  /// A block of the array that this rank holds.
  public struct Piece: Sendable {
    /// Where it lies in the whole array.
    public let block: Block
    /// Its elements, in C order; as many as the block has.
    public let leaf: Leaf

    /// A block of an array, with its elements.
    public init(block: Block, leaf: Leaf) {
      self.block = block
      self.leaf = leaf
    }
  }

  /// The type of the elements.
  public let dtype: DType
  /// The extents of the whole array, the same on every rank.
  public let shape: [Int]
  /// What this rank holds of it.
  public let pieces: [Piece]

  /// - Parameter pieces: blocks of the array, each of its dtype and shape. What several ranks hold alike is written
  ///   once; blocks that overlap otherwise are refused. Text is held whole or not at all.
  public init(dtype: DType, shape: [Int], pieces: [Piece]) {
    self.dtype = dtype
    self.shape = shape
    self.pieces = pieces
  }

  /// An array that this rank holds whole, as others may.
  public init(whole leaf: Leaf) {
    self.init(
      dtype: leaf.dtype, shape: leaf.shape, pieces: [Piece(block: Block(allOf: leaf.shape), leaf: leaf)])
  }

  /// The part of an array that begins at `start` on one axis, and has all of the others.
  ///
  /// - Parameters:
  ///   - leaf: the part.
  ///   - length: how long the whole array is on that axis.
  /// - Precondition: the leaf has that axis.
  public init(_ leaf: Leaf, along axis: Int = 0, from start: Int, of length: Int) {
    precondition(leaf.shape.indices.contains(axis), "an array of shape \(leaf.shape) has no axis \(axis)")
    var shape = leaf.shape
    shape[axis] = length
    var offset = [Int](repeating: 0, count: shape.count)
    offset[axis] = start
    self.init(
      dtype: leaf.dtype, shape: shape,
      pieces: [Piece(block: Block(offset: offset, shape: leaf.shape), leaf: leaf)])
  }
}

extension Tree where Element == Leaf {
  /// The same tree, with what `body` says of each leaf and its path: which part of which array it is. Where it says
  /// nothing, the leaf is whole.
  public func pieces(_ body: (Path, Leaf) throws -> PiecedLeaf?) throws -> Tree<PiecedLeaf> {
    let paths = try leafPaths()
    var next = 0
    return try map { leaf in
      defer { next += 1 }
      return try body(paths[next], leaf) ?? PiecedLeaf(whole: leaf)
    }
  }
}

extension Tree {
  /// The path of each leaf, a shared one's at its first site.
  func leafPaths() throws -> [Path] {
    var paths: [Path] = []
    try forEachSite { site in
      if case .leaf = site.content, site.reference?.isFirst ?? true { paths.append(site.path) }
    }
    return paths
  }
}
