import Refx
import RefxDistributed

/// Cuts arrays in pieces and gives them to ranks, at random and the same way on every rank.
public struct Cutting: Sendable {
  public enum Style: String, CaseIterable, Sendable {
    /// Every rank has everything.
    case replicated
    /// Rows, evenly; of short arrays some ranks have none.
    case rows
    /// Pieces of the last axis.
    case columns
    /// Blocks of any size, each on one rank, on several, or on all.
    case blocks
    /// Every array on one rank.
    case scattered
  }

  public let style: Style
  public let ranks: Int
  public let seed: UInt64

  public init(_ style: Style, ranks: Int, seed: UInt64 = 1) {
    self.style = style
    self.ranks = ranks
    self.seed = seed
  }

  /// What `rank` holds of `tree`.
  public func pieces(of tree: Tree<Leaf>, rank: Int) -> Tree<PiecedLeaf> {
    var number = 0
    return tree.map { leaf in
      defer { number += 1 }
      let blocks = blocks(of: leaf, number: number).filter { $0.ranks.contains(rank) }.map(\.block)
      return PiecedLeaf(
        dtype: leaf.dtype, shape: leaf.shape,
        pieces: blocks.map { PiecedLeaf.Piece(block: $0, leaf: leaf.copy(of: $0)) })
    }
  }

  /// The blocks of the `number`-th array, and who has them.
  public func blocks(of leaf: Leaf, number: Int) -> [(block: Block, ranks: [Int])] {
    var random = SeededRandom(seed: seed &* 1_000_003 &+ UInt64(number))
    let whole = Block(allOf: leaf.shape)
    let all = Array(0..<ranks)
    guard leaf.dtype.itemSize != nil, !leaf.shape.isEmpty else {
      return [
        (whole, style == .replicated ? all : [random.below(ranks)] + all.filter { _ in random.oneIn(3) })
      ]
    }
    switch style {
    case .replicated: return [(whole, all)]
    case .scattered: return [(whole, [random.below(ranks)])]
    case .rows, .columns:
      let axis = style == .rows ? 0 : leaf.shape.count - 1
      let extent = leaf.shape[axis]
      return all.map { rank in
        let from = extent * rank / ranks
        var offset = whole.offset
        var shape = whole.shape
        offset[axis] = from
        shape[axis] = extent * (rank + 1) / ranks - from
        return (Block(offset: offset, shape: shape), [rank])
      }
    case .blocks:
      var blocks = [whole]
      for _ in 0..<random.below(2 * ranks + 2) {
        let place = random.below(blocks.count)
        let axis = random.below(leaf.shape.count)
        let block = blocks[place]
        guard block.shape[axis] > 1 else { continue }
        let cut = 1 + random.below(block.shape[axis] - 1)
        var first = block.shape
        var second = block.shape
        var offset = block.offset
        first[axis] = cut
        second[axis] -= cut
        offset[axis] += cut
        blocks[place] = Block(offset: block.offset, shape: first)
        blocks.append(Block(offset: offset, shape: second))
      }
      return blocks.map { block in
        let owner = random.below(ranks)
        return (block, random.oneIn(8) ? all : [owner] + all.filter { _ in random.oneIn(6) && ranks > 1 })
      }
    }
  }
}

extension Leaf {
  /// The elements of a block, row by row of the last axis.
  public func copy(of block: Block) -> Leaf {
    guard let item = dtype.itemSize, block != Block(allOf: shape), let last = shape.indices.last else {
      return self
    }
    let all = (try? allBytes()) ?? []
    var bytes: [UInt8] = []
    let rows = block.shape.contains(0) ? 0 : block.shape.dropLast().reduce(1, *)
    bytes.reserveCapacity(rows * block.shape[last] * item)
    for row in 0..<rows {
      var rest = row
      var place = block.offset[last]
      var stride = shape[last]
      for axis in shape.indices.dropLast().reversed() {
        place += (block.offset[axis] + rest % block.shape[axis]) * stride
        rest /= block.shape[axis]
        stride *= shape[axis]
      }
      bytes.append(contentsOf: all[(place * item)..<((place + block.shape[last]) * item)])
    }
    return Leaf(dtype: dtype, shape: block.shape, bytes: bytes)
  }
}
