import Refx

/// Who holds what of every array: the same on every rank, and checked.
struct PiecePlan: Sendable {
  /// A block, and the ranks that hold it; several hold copies.
  struct HeldBlock: Sendable {
    let layout: BlockLayout
    let holders: Holders
    /// The place of the first element in the array, and the one after the last.
    let first: Int
    let end: Int

    init(layout: BlockLayout, holders: Holders) {
      self.layout = layout
      self.holders = holders
      first = layout.first
      end = layout.end
    }
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
    /// Each element is in one of them. By their first elements.
    let blocks: [HeldBlock]
    /// How far each block and those before it reach.
    private let reached: [Int]

    init(itemSize: Int, byteCount: Int, blocks: [HeldBlock]) {
      self.itemSize = itemSize
      self.byteCount = byteCount
      self.blocks = blocks.sorted { $0.first < $1.first }
      var most = 0
      reached = self.blocks.map {
        most = max(most, $0.end)
        return most
      }
    }

    /// Those blocks that may meet `wanted`, which counts the array's elements; no others meet it.
    func blocks(near wanted: Range<Int>) -> Range<Int> {
      let from = PiecePlan.count(of: blocks.count) { reached[$0] <= wanted.lowerBound }
      let to = PiecePlan.count(of: blocks.count) { blocks[$0].first < wanted.upperBound }
      return from..<max(from, to)
    }
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
      return Array(itemSize: itemSize, byteCount: byteCount, blocks: blocks)
    }
  }

  /// How many of so many in a row, of which the first ones are such, are such.
  private static func count(of all: Int, _ isSuch: (Int) -> Bool) -> Int {
    var (low, high) = (0, all)
    while low < high {
      let middle = (low + high) / 2
      if isSuch(middle) { low = middle + 1 } else { high = middle }
    }
    return low
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
