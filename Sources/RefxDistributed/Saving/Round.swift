import Refx
import RefxStore

/// A part of the payload, in the order of the file, that the ranks encode at the same time.
struct Round {
  /// Something that one rank encodes: a chunk, or a row of small leaves.
  struct Unit {
    let slabs: Range<Int>
    let byteCount: Int
    var owner = 0
  }

  /// A slab of a leaf's grid.
  struct Slab {
    let leaf: Int
    let position: Int
    /// The logical bytes, in the leaf.
    let bytes: Range<Int>
    let isLast: Bool
  }

  var units: [Unit] = []
  var slabs: [Slab] = []
  var byteCount = 0
}

/// Gives round after round: the same on every rank.
struct Rounds {
  private let leaves: [(byteCount: Int, grid: ChunkGrid)]
  private let byteLimit: Int
  private var leaf = 0
  private var position = 0

  /// What a rank encodes in a round; it holds that much twice.
  static let bytesOfARank = 8 << 20
  private static let mostSmallLeaves = 1024
  private static let mostSmallBytes = 256 << 10

  init(of leaves: [Leaf], ranks: Int) {
    self.leaves = leaves.map { ($0.byteCount, ChunkGrid(of: $0)) }
    byteLimit = Rounds.bytesOfARank * ranks
  }

  /// Nil where all leaves were given.
  mutating func next() -> Round? {
    guard leaf < leaves.count else { return nil }
    var round = Round()
    while leaf < leaves.count, round.byteCount < byteLimit { add(to: &round) }
    return round
  }

  private mutating func add(to round: inout Round) {
    let first = round.slabs.count
    var byteCount = 0
    if position == 0, leaves[leaf].byteCount < ChunkGrid.rawBelow {
      while leaf < leaves.count, round.slabs.count - first < Rounds.mostSmallLeaves {
        let more = leaves[leaf].byteCount
        guard more < ChunkGrid.rawBelow, byteCount + more <= Rounds.mostSmallBytes else { break }
        round.slabs.append(.init(leaf: leaf, position: 0, bytes: 0..<more, isLast: true))
        byteCount += more
        leaf += 1
      }
    } else {
      let grid = leaves[leaf].grid
      let bytes = grid.range(of: position)
      byteCount = bytes.count
      let isLast = position + 1 >= grid.count
      round.slabs.append(.init(leaf: leaf, position: position, bytes: bytes, isLast: isLast))
      position += 1
      if isLast { (leaf, position) = (leaf + 1, 0) }
    }
    round.units.append(.init(slabs: first..<round.slabs.count, byteCount: byteCount))
    round.byteCount += byteCount
  }
}
