import Refx
import RefxStore
import RefxTestSupport
import Testing

/// The grid is what its definition says, and its chunks are the leaf.
@Suite struct ChunkGridTests {
  /// The definition, word by word, with no thought of speed.
  private func definedChunkShape(itemSize: Int, shape: [Int]) -> [Int] {
    let limit = 1 << 20
    // The longest slab of whole trailing dimensions that stays within the limit.
    var whole = 0
    for count in 0...shape.count where itemSize * shape.suffix(count).reduce(1, *) <= limit { whole = count }
    if whole == shape.count { return shape }
    let slab = itemSize * shape.suffix(whole).reduce(1, *)
    let cut = shape.count - whole - 1
    var k = 1
    while (k + 1) * slab <= limit { k += 1 }
    return [Int](repeating: 1, count: cut) + [k] + shape.suffix(whole)
  }

  private static let shapes: [[Int]] = [
    [], [1], [1_048_576], [1_048_577], [3, 1_048_577], [1 << 20, 2], [2, 1 << 20], [1025, 1024],
    [7, 5, 300_000],
    [2, 3, 4, 5], [2, 1, 3_000_000], [1, 1, 1, 1], [100_000, 3], [64, 64, 64, 16], [2, 2_000_001],
  ]

  @Test(arguments: shapes, [1, 2, 4, 8, 16]) func isWhatItsDefinitionSays(shape: [Int], itemSize: Int) {
    let byteCount = itemSize * shape.reduce(1, *)
    let grid = ChunkGrid(itemSize: itemSize, shape: shape, byteCount: byteCount)
    #expect(grid.chunkShape == definedChunkShape(itemSize: itemSize, shape: shape))
    #expect(grid.chunkBytes == itemSize * grid.chunkShape.reduce(1, *))
    #expect(grid.chunkBytes <= max(ChunkGrid.byteLimit, itemSize))
    let counted = zip(shape, grid.chunkShape).reduce(1) { $0 * (($1.0 + $1.1 - 1) / $1.1) }
    #expect(grid.count == counted)
    checkCover(grid, shape: shape, itemSize: itemSize, byteCount: byteCount)
  }

  @Test func randomShapes() {
    var random = SeededRandom(seed: 77)
    for _ in 0..<400 {
      let itemSize = [1, 2, 4, 8, 16][random.below(5)]
      var shape: [Int] = []
      var bytes = itemSize
      for _ in 0..<random.below(5) {
        let extent = 1 + random.below(max(1, min(3000, 40_000_000 / bytes)))
        shape.append(extent)
        bytes *= extent
      }
      let grid = ChunkGrid(itemSize: itemSize, shape: shape, byteCount: bytes)
      #expect(
        grid.chunkShape == definedChunkShape(itemSize: itemSize, shape: shape), "\(shape) of \(itemSize)")
      checkCover(grid, shape: shape, itemSize: itemSize, byteCount: bytes)
    }
  }

  /// The chunks follow each other without gap or overlap, and each starts where HDF5 counts it to.
  private func checkCover(_ grid: ChunkGrid, shape: [Int], itemSize: Int, byteCount: Int) {
    var end = 0
    for position in 0..<grid.count {
      let range = grid.range(of: position)
      if range.lowerBound != end || range.isEmpty || range.count > grid.chunkBytes {
        Issue.record("chunk \(position) of \(shape) is \(range), after \(end)")
        return
      }
      if position < 50 || position > grid.count - 50 {
        #expect(grid.position(ofByte: range.lowerBound) == position)
        #expect(grid.position(ofByte: range.upperBound - 1) == position)
        let offset = grid.elementOffset(of: position, shape: shape)
        #expect(zip(offset, grid.chunkShape).allSatisfy { $0 % $1 == 0 }, "offset \(offset) of \(shape)")
        let element = zip(offset, shape).reduce(0) { $0 * $1.1 + $1.0 }
        #expect(element * itemSize == range.lowerBound)
      }
      end = range.upperBound
    }
    #expect(end == byteCount)
  }

  @Test(arguments: [[0], [3, 0], [0, 1 << 40], [2, 0, 5]]) func nothingHasNoChunks(shape: [Int]) {
    let grid = ChunkGrid(itemSize: 4, shape: shape, byteCount: 0)
    #expect(grid.count == 0)
    #expect(grid.chunkShape.allSatisfy { $0 > 0 })
  }

  @Test func theLargestExtentsDoNotOverflow() {
    let largest = ChunkGrid(itemSize: 1, shape: [Int.max], byteCount: Int.max)
    #expect(largest.count == (Int.max - 1) / (1 << 20) + 1)
    #expect(largest.range(of: largest.count - 1).upperBound == Int.max)
    let wide = ChunkGrid(itemSize: 16, shape: [1 << 30, 1 << 28], byteCount: 1 << 62)
    #expect(wide.chunkBytes == ChunkGrid.byteLimit && wide.count == 1 << 42)
  }

  @Test func textIsCutAsBytes() {
    let leaf = Leaf.text((0..<200_000).map(String.init), shape: [400, 500])
    let grid = ChunkGrid(of: leaf)
    #expect(grid.itemSize == 1)
    #expect(grid.count == (leaf.byteCount - 1) / ChunkGrid.byteLimit + 1)
  }
}
