import Refx

/// What all ranks offer together: the tree as a writer sees it, who holds what, and this rank's part of it.
struct Offer {
  /// The whole arrays, whose bytes are where they are needed.
  let tree: Tree<Leaf>
  let plan: PiecePlan
  let stock: PieceStock

  /// Collective.
  ///
  /// - Throws: ``RefxError``, on every rank the same, where the trees differ or the pieces are not all of every array.
  init(_ pieces: Tree<PiecedLeaf>, over ranks: any Communicator) throws {
    let paths = try ranks.agree {
      let paths = try pieces.leafPaths()
      try HeldPieces.checkShapes(pieces, paths: paths)
      return paths
    }
    let whole = pieces.map { Leaf(dtype: $0.dtype, shape: $0.shape, source: MemoryBytes(count: 0) { _ in }) }
    try StructureAgreement.check(whole, over: ranks)
    let own = try ranks.agree { try HeldPieces(pieces, paths: paths) }
    var leaves: [(dtype: DType, shape: [Int])] = []
    whole.forEachLeaf { leaves.append(($0.dtype, $0.shape)) }
    let held = try ranks.gatherToAll(own.bytes).map {
      try HeldPieces(bytes: $0, axes: leaves.map(\.shape.count))
    }
    let plan = try PiecePlan(leaves, held: held, paths: paths)
    let stock = PieceStock(pieces, plan)
    var number = 0
    tree = whole.map { leaf in
      defer { number += 1 }
      return Leaf(
        dtype: leaf.dtype, shape: leaf.shape,
        source: StockedSource(leaf: number, byteCount: plan.arrays[number].byteCount, stock: stock))
    }
    self.plan = plan
    self.stock = stock
  }
}
