import Testing

@testable import RefxDistributed

/// Every block of every small array, element by element.
struct BlockLayoutTests {
  private static let shapes = [[], [1], [5], [2, 3], [3, 1], [1, 4], [2, 3, 2], [3, 2, 2]]

  private func blocks(of shape: [Int]) -> [Block] {
    shape.reversed().reduce([Block(offset: [], shape: [])]) { blocks, extent in
      (0..<extent).flatMap { from in
        (1...(extent - from)).flatMap { count in
          blocks.map { Block(offset: [from] + $0.offset, shape: [count] + $0.shape) }
        }
      }
    }
  }

  @Test(arguments: shapes)
  func everyElementIsWhereItIs(_ shape: [Int]) {
    let all = shape.reduce(1, *)
    for block in blocks(of: shape) {
      let layout = BlockLayout(block, in: shape)
      // In C order, the places of the block's elements.
      let places = (0..<all).filter { place in
        var rest = place
        for axis in shape.indices.reversed() {
          let position = rest % shape[axis] - block.offset[axis]
          rest /= shape[axis]
          if position < 0 || position >= block.shape[axis] { return false }
        }
        return true
      }
      #expect(layout.count == places.count)
      for place in 0...all {
        #expect(layout.elements(before: place) == places.filter { $0 < place }.count, "\(block) \(place)")
      }
      for first in places.indices {
        for end in first...places.count {
          var found: [Int] = []
          layout.forEachRun(of: first..<end) { own, place, count in
            #expect(own == first + found.count)
            found += place..<(place + count)
          }
          #expect(found == Array(places[first..<end]))
        }
      }
    }
  }

  @Test func aRunIsAsLongAsItCanBe() {
    #expect(BlockLayout(Block(offset: [1, 0], shape: [2, 3]), in: [4, 3]).runLength == 6)
    #expect(BlockLayout(Block(offset: [1, 1], shape: [2, 2]), in: [4, 3]).runLength == 2)
    #expect(BlockLayout(Block(offset: [], shape: []), in: []).runLength == 1)
  }
}
