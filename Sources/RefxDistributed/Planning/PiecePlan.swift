import Refx
import RefxStore

/// Who holds what of every array: the same on every rank, and checked.
struct PiecePlan: Sendable {
  /// A block, and the ranks that hold it; several hold copies.
  struct HeldBlock: Sendable {
    let layout: BlockLayout
    let holders: Holders
  }

  enum Holders: Sendable {
    /// Every rank can read it.
    case all
    /// These, ascending.
    case some([Int])

    func contains(_ rank: Int) -> Bool {
      switch self {
      case .all: true
      case .some(let ranks): ranks.contains(rank)
      }
    }
  }

  struct Array: Sendable {
    let itemSize: Int
    let byteCount: Int
    /// Each element is in one of them.
    let blocks: [HeldBlock]
  }

  /// In the order of the tree's leaves.
  let arrays: [Array]

  /// Every rank can read everything.
  init(everywhere leaves: [Leaf]) {
    arrays = leaves.map { leaf in
      let (itemSize, shape) = PiecePlan.extents(leaf.dtype, leaf.shape, byteCount: leaf.byteCount)
      return Array(
        itemSize: itemSize, byteCount: leaf.byteCount,
        blocks: [HeldBlock(layout: BlockLayout(Block(allOf: shape), in: shape), holders: .all)])
    }
  }

  /// - Parameters:
  ///   - leaves: dtype and shape of each.
  ///   - held: what each rank holds, by rank.
  /// - Throws: ``RefxError`` where an element is in no piece, or in two that differ. The same on every rank.
  init(_ leaves: [(dtype: DType, shape: [Int])], held: [HeldPieces], paths: [Path]) throws {
    arrays = try leaves.enumerated().map { number, leaf in
      let path = paths[number]
      var holders: [Block: [Int]] = [:]
      var order: [Block] = []
      var textByteCount: Int?
      for (rank, pieces) in held.enumerated() {
        let entry = pieces.entries[number]
        if let count = entry.textByteCount {
          if let known = textByteCount, known != count {
            throw RefxError.replicasDiffer(rank: rank, path: path)
          }
          textByteCount = count
        }
        for block in entry.blocks where !block.shape.contains(0) || leaf.shape.contains(0) {
          if holders[block] == nil { order.append(block) }
          // A rank that offers a block twice holds it once.
          if holders[block]?.last != rank { holders[block, default: []].append(rank) }
        }
      }
      let byteCount = leaf.dtype.byteCount(of: leaf.shape) ?? textByteCount ?? 0
      // Nothing is needed of an array without elements.
      if leaf.dtype.itemSize != nil, leaf.shape.contains(0) {
        return Array(itemSize: leaf.dtype.itemSize ?? 1, byteCount: 0, blocks: [])
      }
      try PieceCover(order.map { ($0, holders[$0]?.first ?? 0) }, of: leaf.shape).check(path)
      let (itemSize, shape) = PiecePlan.extents(leaf.dtype, leaf.shape, byteCount: byteCount)
      let blocks = order.map { block in
        // Text is one piece, counted in bytes.
        let block = leaf.dtype.itemSize == nil ? Block(allOf: shape) : block
        let ranks = holders[leaf.dtype.itemSize == nil ? Block(allOf: leaf.shape) : block] ?? []
        return HeldBlock(layout: BlockLayout(block, in: shape), holders: .some(ranks))
      }
      return Array(
        itemSize: itemSize, byteCount: byteCount, blocks: blocks.sorted { $0.layout.first < $1.layout.first })
    }
  }

  /// Text is a row of bytes.
  private static func extents(_ dtype: DType, _ shape: [Int], byteCount: Int) -> (itemSize: Int, shape: [Int])
  {
    dtype.itemSize.map { ($0, shape) } ?? (1, [byteCount])
  }
}

extension BlockLayout {
  /// The place of the first element, and the one after the last.
  var first: Int { count == 0 ? 0 : place(of: 0) }
  var end: Int { count == 0 ? 0 : place(of: count - 1) + 1 }
}
