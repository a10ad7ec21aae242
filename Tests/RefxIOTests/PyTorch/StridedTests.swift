import Refx
import RefxStore
import RefxTestSupport
import Testing

/// Views of storages: every shape and stride gives the elements in C order, whole and in pieces.
@Suite struct StridedTests {
  private static let types: [(storage: String, size: Int)] = [
    ("ByteStorage", 1), ("HalfStorage", 2), ("IntStorage", 4), ("DoubleStorage", 8),
    ("ComplexDoubleStorage", 16),
  ]

  private func leaf(
    _ type: (storage: String, size: Int), _ storage: [UInt8], offset: Int, _ shape: [Int], _ strides: [Int]
  ) throws -> Leaf {
    let pickle = PyTorchFiles.pickle(
      PyTorchFiles.tensor(
        type.storage, key: "7", count: storage.count / type.size, offset: offset, shape: shape,
        strides: strides))
    let tree = try PyTorchFiles.open(PyTorchFiles.archive(pickle, [("7", storage)])).contents.tree
    guard case .leaf(let leaf) = tree else { throw NumPyFiles.Missing() }
    return leaf
  }

  private func elements(
    _ storage: [UInt8], _ size: Int, offset: Int, _ shape: [Int], _ strides: [Int]
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    var index = [Int](repeating: 0, count: shape.count)
    if shape.contains(0) { return [] }
    while true {
      let place = zip(index, strides).reduce(offset) { $0 + $1.0 * $1.1 } * size
      bytes += storage[place..<(place + size)]
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return bytes }
    }
  }

  @Test(arguments: 0..<60 as Range<UInt64>) func everyViewHasItsElements(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let type = Self.types[Int(seed) % Self.types.count]
    let count = [40, 700, 40_000][random.below(3)]
    let storage = (0..<(count * type.size)).map { _ in UInt8(random.below(256)) }
    let rank = random.below(5)
    var shape: [Int] = []
    var strides: [Int] = []
    var offset = random.below(4)
    var left = count - 1 - offset
    for _ in 0..<rank {
      let stride = [0, 1, 1, 2, 3, 17, 100, 1000][random.below(8)]
      let most = stride == 0 ? 5 : min(left / stride + 1, [3, 20, 400][random.below(3)])
      let extent = random.below(12) == 0 ? 0 : 1 + random.below(most)
      left -= max(extent - 1, 0) * stride
      shape.append(extent)
      strides.append(stride)
      if shape.reduce(1, *) > 30_000 { break }
    }
    offset += random.below(left + 1)
    let order = Array(shape.indices).shuffled(using: &random)
    shape = order.map { shape[$0] }
    strides = order.map { strides[$0] }
    let leaf = try leaf(type, storage, offset: offset, shape, strides)
    let expected = elements(storage, type.size, offset: offset, shape, strides)
    #expect(leaf.byteCount == expected.count)
    var whole = [UInt8](repeating: 0xEE, count: leaf.byteCount)
    try whole.withUnsafeMutableBytes { try leaf.source.read(at: 0, into: $0) }
    #expect(whole == expected, "\(shape), \(strides), \(offset)")
    for _ in 0..<(expected.isEmpty ? 0 : 20) {
      let start = random.below(expected.count)
      var part = [UInt8](repeating: 0xEE, count: random.below(expected.count - start) + 1)
      try part.withUnsafeMutableBytes { try leaf.source.read(at: start, into: $0) }
      #expect(part[...] == expected[start..<(start + part.count)], "\(shape), \(strides), from \(start)")
    }
    var pieces: [UInt8] = []
    try leaf.forEachPiece { pieces += $0 }
    #expect(pieces == expected)
  }

  /// Larger than what is read of a storage at once, so that it is put together from runs and from stretches.
  @Test(arguments: [[2300, 1100], [9, 700, 410], [5, 3_000_000], [1_500_000, 2]])
  func largeViewsAreReadInPieces(extents: [Int]) throws {
    let count = extents.reduce(1, *)
    let storage = [UInt8](unsafeUninitializedCapacity: 2 * count) { buffer, filled in
      for place in 0..<count {
        let value = UInt16(truncatingIfNeeded: place &* 40_503 &+ place >> 13)
        buffer[2 * place] = UInt8(value & 0xFF)
        buffer[2 * place + 1] = UInt8(value >> 8)
      }
      filled = 2 * count
    }
    // The last index slowest.
    var strides: [Int] = []
    for extent in extents {
      strides.append((strides.last ?? 1) * (strides.isEmpty ? 1 : extents[strides.count - 1])); _ = extent
    }
    let leaf = try leaf(("ShortStorage", 2), storage, offset: 0, extents, strides)
    var place = 0
    var wrong = 0
    var index = [Int](repeating: 0, count: extents.count)
    try leaf.forEachPiece { piece in
      for start in stride(from: 0, to: piece.count, by: 2) {
        let source = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
        if piece[start] != storage[2 * source] || piece[start + 1] != storage[2 * source + 1] { wrong += 1 }
        place += 1
        var axis = extents.count - 1
        while axis >= 0 {
          index[axis] += 1
          if index[axis] < extents[axis] { break }
          index[axis] = 0
          axis -= 1
        }
      }
    }
    #expect(place == count && wrong == 0)
  }

  /// Whatever lies outside of a storage is refused before anything is read.
  @Test(arguments: [
    (0, [21], [1]), (1, [20], [1]), (-1, [2], [1]), (0, [2, 2], [19, 1]), (0, [1], [-1]), (0, [3], [10]),
    (Int.max, [1], [1]), (1, [2, 2], [Int.max, Int.max]), (0, [Int.max, Int.max], [0, 1]), (0, [-1], [1]),
    (0, [2], [1, 1]), (20, [1], [1]), (0, [Int.max], [Int.max]),
  ])
  func whatLiesOutsideIsRefused(offset: Int, shape: [Int], strides: [Int]) {
    let error = #expect(throws: RefxError.self) {
      try leaf(("IntStorage", 4), [UInt8](repeating: 1, count: 80), offset: offset, shape, strides)
    }
    #expect(error?.code == .damaged)
  }

  /// What repeats its elements beyond all proportion is listed; what repeats them within reason is read.
  @Test func repetitionsAreBounded() throws {
    let storage = [UInt8](repeating: 1, count: 4)
    let huge = try leaf(("IntStorage", 4), storage, offset: 0, [1 << 20, 1 << 20], [0, 0])
    #expect(huge.source.unsupported?.typeName == "expanded")
    let large = try leaf(("IntStorage", 4), storage, offset: 0, [1000, 1000], [0, 0])
    #expect(large.source.unsupported == nil && large.byteCount == 4_000_000)
  }
}
