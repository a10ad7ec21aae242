/// Who encodes what in a round, and what has to travel for it: the same on every rank.
struct Sharing {
  /// A part of a block that one rank sends to another.
  struct Transfer {
    let slab: Int
    let block: Int
    /// Which of the block's elements.
    let elements: Range<Int>
    let from: Int
    let to: Int
    let byteCount: Int
  }

  private(set) var round: Round
  /// In the order of the slabs, and then of the blocks.
  private(set) var transfers: [Transfer] = []

  /// Each unit goes to the rank that holds most of it, as long as that has not more to do than the others; what it
  /// lacks comes from whoever has sent least.
  init(_ round: Round, _ plan: PiecePlan, ranks: Int, reach: inout BlockReach) {
    self.round = round
    var load = [Int](repeating: 0, count: ranks)
    var sent = [Int](repeating: 0, count: ranks)
    let largest = round.units.reduce(0) { max($0, $1.byteCount) }
    let most = (round.byteCount + ranks - 1) / ranks + largest
    for number in round.units.indices {
      let unit = round.units[number]
      var share: [Int: Int] = [:]
      var parts: [(slab: Int, block: Int, elements: Range<Int>)] = []
      for slab in unit.slabs {
        let place = round.slabs[slab]
        let array = plan.arrays[place.leaf]
        let wanted = (place.bytes.lowerBound / array.itemSize)..<(place.bytes.upperBound / array.itemSize)
        for block in reach.blocks(of: place.leaf, array, reaching: wanted) {
          let layout = array.blocks[block].layout
          let elements =
            layout.elements(before: wanted.lowerBound)..<layout.elements(before: wanted.upperBound)
          guard !elements.isEmpty, case .some(let holders) = array.blocks[block].holders else { continue }
          parts.append((slab, block, elements))
          for holder in holders { share[holder, default: 0] += elements.count * array.itemSize }
        }
      }
      // Ties go to who has least to do, then to the lowest rank.
      let able = share.filter { load[$0.key] + unit.byteCount <= most }
      let owner =
        able.min { ($1.value, load[$0.key], $0.key) < ($0.value, load[$1.key], $1.key) }?.key
        ?? load.indices.min { (load[$0], $0) < (load[$1], $1) } ?? 0
      self.round.units[number].owner = owner
      load[owner] += unit.byteCount
      for part in parts {
        let array = plan.arrays[round.slabs[part.slab].leaf]
        guard case .some(let holders) = array.blocks[part.block].holders, !holders.contains(owner) else {
          continue
        }
        let count = part.elements.count * array.itemSize
        guard let sender = holders.min(by: { (sent[$0], $0) < (sent[$1], $1) }) else { continue }
        sent[sender] += count
        transfers.append(
          Transfer(
            slab: part.slab, block: part.block, elements: part.elements, from: sender, to: owner,
            byteCount: count))
      }
    }
  }
}

/// Finds the blocks of an array that a slab meets. Slabs ascend, so those that were passed are not looked at again.
struct BlockReach {
  private var leaf = -1
  private var next = 0
  private var open: [Int] = []

  mutating func blocks(of leaf: Int, _ array: PiecePlan.Array, reaching wanted: Range<Int>) -> [Int] {
    if leaf != self.leaf { (self.leaf, next, open) = (leaf, 0, []) }
    while next < array.blocks.count, array.blocks[next].first < wanted.upperBound {
      open.append(next)
      next += 1
    }
    open.removeAll { array.blocks[$0].end <= wanted.lowerBound }
    return open
  }
}
