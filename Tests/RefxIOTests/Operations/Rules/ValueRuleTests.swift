import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// What rules do to values: tags, ties, casts, transpositions.
@Suite struct ValueRuleTests {
  private func same(_ one: Tree<Leaf>, _ other: Tree<Leaf>) throws {
    #expect(try firstDifference(one, other) == nil)
  }

  @Test func tagsActOnValues() throws {
    let tree: Tree<Leaf> = ["a": seen(one(1), 0), "b": again(0), "c": one(2), "s": .static(1)]
    try same(
      after(tree, .tag("b|c|s", "params")),
      [
        "a": seen(one(1), 0, "params"), "b": again(0, "params"), "c": seen(one(2), 1, "params"),
        "s": .static(1),
      ])
    try same(
      after(["a": seen(one(1), 0, 3), "c": one(2)], .tag(".*", nil)), ["a": seen(one(1), 0), "c": one(2)])
    #expect(try CheckpointContents(tree: tree).planning([.tag("s", 1)]).report.unusedRules == [1])
  }

  @Test func equalValuesAreTied() throws {
    let tree: Tree<Leaf> = ["a": one(1), "b": seen(one(1), 0, "params"), "c": one(2), "d": one(1)]
    try same(
      after(tree, .tie("a", "b|d")),
      ["a": seen(one(1), 0, "params"), "b": again(0, "params"), "c": one(2), "d": again(0, "params")])
    #expect(
      refusalText { _ = try after(tree, .tie("a", "c")) }
        == "a: rule 1 (tie 'a', 'c'): cannot be tied to 'c', whose value is not the same: one has other values; "
        + "say which one wins (--take PATH; in a rule: take)")
    try same(
      after(tree, .tie("a", "c", take: "c")),
      ["a": seen(one(2), 0), "b": seen(one(1), 1, "params"), "c": again(0), "d": one(1)])
    #expect(
      refusalText { _ = try after(tree, .tie("a", "c", take: "b")) }.contains(
        "take matches none of the sites"))
    #expect(refusalText { _ = try after(tree, .tie("a", "c", take: ".*")) }.contains("which are two values"))
    #expect(
      refusalText { _ = try after(["a": one(1), "b": .leaf(Leaf(Double(1)))], .tie(".*")) }.contains(
        "one is float32 [], not float64 []"))
    #expect(
      refusalText { _ = try after(["a": seen(one(1), 0, "x"), "b": seen(one(1), 1, "y")], .tie(".*")) }
        .contains(
          "which is of another collection"))
    // NaN of the same bits are the same value.
    try same(after(["a": one(.nan), "b": one(.nan)], .tie(".*")), ["a": seen(one(.nan), 0), "b": again(0)])
  }

  @Test func groupsSayWhatIsTiedToWhat() throws {
    let tree: Tree<Leaf> = [
      "dec": ["0": one(1), "1": one(2)], "enc": ["0": one(1), "1": one(2), "2": one(9)],
    ]
    try same(
      after(tree, .tie("enc/(\\d)", "dec/(\\d)")),
      [
        "dec": ["0": seen(one(1), 0), "1": seen(one(2), 1)],
        "enc": ["0": again(0), "1": again(1), "2": one(9)],
      ])
    #expect(
      try CheckpointContents(tree: tree).planning([.tie("enc/(\\d)", "dec/(\\d)")]).report.matches == [4])
  }

  @Test func sharedSubtreesAreTiedAndUntied() throws {
    let block: (Int) -> Tree<Leaf> = {
      seen(["k": seen(one(1), $0 + 1), "l": again($0 + 1), "w": one(2)], $0)
    }
    let apart: Tree<Leaf> = ["a": block(0), "b": block(2)]
    let tied: Tree<Leaf> = ["a": block(0), "b": again(0)]
    try same(after(apart, .tie("[ab]")), tied)
    // What is tied inside is copied along.
    try same(after(tied, .untie("b")), apart)
    try same(after(tied, .untie("[ab]")), apart)
    // What is shared with the outside stays so.
    try same(
      after(["a": seen(["w": seen(one(1), 1)], 0), "b": again(0), "w": again(1)], .untie("b")),
      ["a": seen(["w": seen(one(1), 1)], 0), "b": seen(["w": again(1)], 2), "w": again(1)])
    // A cycle is copied as a cycle of its own.
    try same(
      after(["a": seen(["me": again(0)], 0), "b": again(0)], .untie("b")),
      ["a": seen(["me": again(0)], 0), "b": seen(["me": again(1)], 1)])
  }

  @Test func untyingKeepsTheOthersTied() throws {
    let tree: Tree<Leaf> = [
      "a": seen(one(1), 0, "p"), "b": again(0, "p"), "c": again(0, "p"), "d": seen(one(2), 1),
    ]
    try same(
      after(tree, .untie("[ad]")),
      ["a": seen(one(1), 0, "p"), "b": seen(one(1), 1, "p"), "c": again(1, "p"), "d": seen(one(2), 2)])
    #expect(try CheckpointContents(tree: tree).planning([.untie("d")]).report.unusedRules == [1])
  }

  /// Tying and untying leave what is seen at each path as it is.
  @Test(arguments: 0..<60) func tieThenUntie(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let members = (0..<(2 + random.below(6))).map { place -> (Key, Tree<Leaf>) in
      let leaf = one(Float(random.below(2)))
      return (Key("k\(place)"), random.oneIn(2) ? leaf : seen(leaf, place, "p"))
    }
    let tree = try Tree.dictionary(members).reindexed()
    let keys = members.map(\.0)
    let value: (Tree<Leaf>, Key) throws -> [UInt8] = { tree, key in
      let values = try ValueTable(of: tree)
      guard case .leaf(let leaf)? = values.resolve(Path([key]), in: tree) else { return [] }
      return try leaf.allBytes()
    }
    let first = try value(tree, keys[0])
    let equal = try keys.filter { try value(tree, $0) == first }
    let pattern = equal.map(\.string).joined(separator: "|")
    let tied = try after(tree, .tie(pattern))
    #expect(
      try tied.sites().filter { $0.reference?.index == 0 }.count == (equal.count > 1 ? equal.count : 1)
        || members.isEmpty || !tied.sites().contains { $0.reference != nil })
    let untied = try after(tied, .untie(".*"))
    for key in keys { #expect(try value(untied, key) == value(tree, key)) }
    let indexes = try untied.sites().compactMap(\.reference?.index)
    #expect(Set(indexes).count == indexes.count)
  }

  @Test func aSharedValueIsCastOnce() throws {
    let tree: Tree<Leaf> = ["a": seen(one(1.5), 0), "b": again(0), "c": one(2), "n": .leaf(Leaf(Int32(3)))]
    let cast = try after(tree, .cast("[ab]", to: .float64), .cast("c|n", from: .float32, to: .float16))
    #expect(cast.leaves().map(\.dtype) == [.float64, .float16, .int32])
    #expect(try cast.leaves()[0].tensor().elements(of: Double.self) == [1.5])
    #expect(
      refusalText { _ = try after(["t": .leaf(.text(["x"], shape: [1]))], .cast("t", to: .float32)) }
        == "t: rule 1 (cast 't' to float32): string cannot be cast to float32")
    let plan = try CheckpointContents(tree: ["a": one(1e30)]).planning([.cast("a", to: .float16)])
    _ = try plan.result().tree.digest()
    #expect(plan.overflowedCasts() == [["a"]])
  }

  @Test func transposedArraysAreExact() throws {
    let tree: Tree<Leaf> = [
      "a": seen(.leaf(Leaf(Tensor((0..<6).map { Int32($0) }, shape: [2, 3]))), 0), "b": again(0),
      "c": .leaf(Leaf(Tensor((0..<6).map { Int32($0) }, shape: [1, 2, 3]))),
    ]
    let result = try after(tree, .transpose("[ab]"), .transpose("c", axes: [2, 0, 1]))
    #expect(result.leaves().map(\.shape) == [[3, 2], [3, 1, 2]])
    #expect(try result.leaves()[0].tensor().elements(of: Int32.self) == [0, 3, 1, 4, 2, 5])
    #expect(try result.leaves()[1].tensor().elements(of: Int32.self) == [0, 3, 1, 4, 2, 5])
    #expect(
      refusalText { _ = try after(tree, .transpose("c", axes: [1, 0])) }
        == "c: rule 1 (transpose 'c' by [1, 0]): the axes [1, 0] do not fit an array of the shape [1, 2, 3]")
    #expect(
      refusalText { _ = try Rule.transpose("a", axes: [0, 2]) }.contains("the axes [0, 2] are no order"))
  }

  /// Every permutation of small arrays of each width, read whole and in odd pieces, against the definition.
  @Test(arguments: 0..<120) func transpositionsFollowTheDefinition(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let rank = random.below(5)
    let shape = (0..<rank).map { _ in random.oneIn(9) ? 0 : 1 + random.below(6) }
    let axes = shape.indices.shuffled(using: &random)
    let dtype = [DType.uint8, .float16, .float32, .int64, .complex128][random.below(5)]
    let size = try #require(dtype.itemSize)
    let count = shape.reduce(1, *)
    let bytes = random.bytes(count * size)
    let leaf = Leaf(dtype: dtype, shape: shape, bytes: bytes)
    let result = try leaf.transposed(Array(axes), windows: TransposedWindows(), at: .root)
    #expect(result.shape == axes.map { shape[$0] })
    var expected: [UInt8] = []
    for element in 0..<count {
      var rest = element
      var position = Array(repeating: 0, count: rank)
      for (place, axis) in axes.enumerated().reversed() {
        position[axis] = rest % result.shape[place]
        rest /= result.shape[place]
      }
      let source = zip(position, shape).reduce(0) { $0 * $1.1 + $1.0 }
      expected += bytes[(source * size)..<((source + 1) * size)]
    }
    #expect(try result.allBytes() == expected)
    if !expected.isEmpty {
      let start = random.below(expected.count)
      var piece = [UInt8](repeating: 0, count: random.below(expected.count - start) + 1)
      try piece.withUnsafeMutableBytes { try result.source.read(at: start, into: $0) }
      #expect(piece == Array(expected[start..<(start + piece.count)]))
    }
  }

  /// More than a window, from a source that has to be read, by several threads at once.
  @Test func largeArraysAreTransposedInWindows() throws {
    let (rows, columns) = (3001, 4003)
    let leaf = Leaf(dtype: .uint32, shape: [rows, columns], source: CountingSource(rows * columns))
    let result = try leaf.transposed(nil, windows: TransposedWindows(), at: .root)
    let again = try result.transposed(nil, windows: TransposedWindows(), at: .root)
    var next = 0
    try result.forEachPiece { piece in
      for offset in stride(from: 0, to: piece.count, by: 4) {
        let value = piece.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        let (column, row) = (next / rows, next % rows)
        if value != UInt32(row * columns + column) { Issue.record("element \(next) is \(value)"); return }
        next += 1
      }
    }
    #expect(next == rows * columns)
    // Back again, from the middle on.
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    try piece.withUnsafeMutableBytes { try again.source.read(at: 33 << 20, into: $0) }
    #expect(piece.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } == UInt32((33 << 20) / 4))
  }
}

/// Element n is n.
private final class CountingSource: LeafSource {
  let byteCount: Int
  init(_ count: Int) { byteCount = 4 * count }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) {
    for place in 0..<buffer.count {
      let byte = offset + place
      buffer[place] = UInt8(truncatingIfNeeded: (byte / 4) >> (8 * (byte % 4)))
    }
  }
}
