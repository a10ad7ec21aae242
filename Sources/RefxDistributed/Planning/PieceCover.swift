import Refx

/// Whether blocks cover an array, each element once.
struct PieceCover {
  private let blocks: [(area: Block, rank: Int)]
  private let shape: [Int]

  init(_ blocks: [(Block, Int)], of shape: [Int]) {
    self.blocks = blocks.map { (area: $0.0, rank: $0.1) }
    self.shape = shape
  }

  /// - Throws: ``RefxError`` that names two ranks whose pieces overlap, or an element that nobody has.
  func check(_ path: Path) throws {
    try checkOverlaps(path)
    let covered = blocks.reduce(0) { $0 + ($1.area.count ?? 0) }
    let all = shape.reduce(1, *)
    guard covered != all else { return }
    throw RefxError.gapInPieces(at: firstGap(), of: shape, missing: all - covered, path: path)
  }

  /// Along the first axis, block after block is compared with those alone that reach as far as it.
  private func checkOverlaps(_ path: Path) throws {
    guard !shape.isEmpty else { return }
    let axis = shape.indices.max { distinctStarts($0) < distinctStarts($1) } ?? 0
    let sorted = blocks.sorted { ($0.area.offset[axis], $0.rank) < ($1.area.offset[axis], $1.rank) }
    var open: [(area: Block, rank: Int)] = []
    for block in sorted {
      open.removeAll { $0.area.offset[axis] + $0.area.shape[axis] <= block.area.offset[axis] }
      for other in open {
        guard let both = other.area.intersection(block.area) else { continue }
        let ranks = [other.rank, block.rank].sorted()
        throw RefxError.piecesOverlap(ranks: (ranks[0], ranks[1]), at: both.offset, path: path)
      }
      open.append(block)
    }
  }

  private func distinctStarts(_ axis: Int) -> Int { Set(blocks.map { $0.area.offset[axis] }).count }

  /// The first element, in C order, that no block has: it begins, on every axis, where the array or some block does or
  /// where one ends.
  private func firstGap() -> [Int] {
    var found: [Int] = []
    var candidates = blocks
    // Axis by axis: the least position at which what the blocks there leave is not everything.
    for axis in shape.indices {
      let places = Set(
        [0] + candidates.map { $0.area.offset[axis] }
          + candidates.map { $0.area.offset[axis] + $0.area.shape[axis] })
      let inside = shape[(axis + 1)...].reduce(1, *)
      for place in places.sorted() where place < shape[axis] {
        let here = candidates.filter {
          $0.area.offset[axis] <= place && place < $0.area.offset[axis] + $0.area.shape[axis]
        }
        let covered = here.reduce(0) { $0 + $1.area.shape[(axis + 1)...].reduce(1, *) }
        guard covered < inside else { continue }
        found.append(place)
        candidates = here
        break
      }
    }
    return found
  }
}
