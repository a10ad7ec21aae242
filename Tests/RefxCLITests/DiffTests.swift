import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite struct DiffTests {
  private func counts(_ diff: TreeDiff) -> [Int] { TreeDiff.Kind.allCases.map { diff.count(of: $0) } }

  @Test func equalTreesDoNotDiffer() throws {
    #expect(try smallModel().diff(to: smallModel()).isEmpty)
  }

  @Test func untyingAPairIsOneChangeOfTopology() throws {
    let diff = try smallModel().diff(to: smallModel(tied: false))
    #expect(counts(diff) == [0, 1, 0, 0, 0])
    #expect(diff.topology.first?.change == .untied)
    #expect(diff.topology.first?.paths == [["embedding"], ["head"]])
    #expect(try smallModel(tied: false).diff(to: smallModel()).topology.first?.change == .tied)
  }

  @Test func aSiteThatLostItsCollectionIsNamedItself() throws {
    let leaf = numbers([1] as [Float])
    let a: Tree<Leaf> = ["a": first(leaf, 0, "params"), "b": again(0, "params")]
    let diff = try a.diff(to: ["a": first(leaf, 0, "params"), "b": leaf])
    #expect(counts(diff) == [0, 1, 1, 0, 0])
    #expect(diff.collection.map(\.path) == [["b"]])
    #expect(diff.collection.first?.from == "params" && diff.collection.first?.to == nil)
  }

  @Test func retyingIsOneRow() throws {
    let leaf = numbers([1] as [Float])
    let a: Tree<Leaf> = ["a": first(leaf, 0), "b": again(0), "c": first(leaf, 1), "d": again(1)]
    let b: Tree<Leaf> = ["a": first(leaf, 0), "b": first(leaf, 1), "c": again(0), "d": again(1)]
    let diff = try a.diff(to: b)
    #expect(diff.topology.map(\.change) == [.retied])
    #expect(diff.topology.first?.from == [[["a"], ["b"]], [["c"], ["d"]]])
    #expect(counts(diff) == [0, 1, 0, 0, 0])
  }

  @Test func aSharedValueHasOneRowAtItsFirstSite() throws {
    let changed: Tree<Leaf> = [
      "a": first(numbers([1, 2, 5] as [Float]), 0), "b": again(0),
    ]
    let original: Tree<Leaf> = ["a": first(numbers([1, 2, 3] as [Float]), 0), "b": again(0)]
    let diff = try original.diff(to: changed)
    #expect(diff.value.map(\.path) == [["a"]])
    #expect(diff.value.first?.difference.changed == 1)
    #expect(diff.value.first?.difference.maxAbs == 2)
    #expect(diff.value.first?.difference.maxRel == 2.0 / 3)
    #expect(diff.value.first?.difference.rms == (4.0 / 3).squareRoot())
  }

  @Test func anUntiedSubtreeIsComparedUnderBothPaths() throws {
    let inside: Tree<Leaf> = ["w": numbers([1] as [Float])]
    let other: Tree<Leaf> = ["w": numbers([2] as [Float])]
    let a: Tree<Leaf> = ["a": first(inside, 0), "b": again(0)]
    let b: Tree<Leaf> = ["a": first(inside, 0), "b": first(other, 1)]
    let diff = try a.diff(to: b)
    #expect(counts(diff) == [0, 1, 0, 0, 1])
    #expect(diff.value.first?.path == ["a", "w"])
    #expect(diff.value.first?.other == ["b", "w"])
  }

  @Test func cyclesOfOtherLengthsAreCompared() throws {
    let one: Tree<Leaf> = first(["next": again(0)], 0)
    let two: Tree<Leaf> = first(["next": first(["next": again(0)], 1)], 0)
    #expect(try one.diff(to: one).isEmpty)
    #expect(try !one.diff(to: two).topology.isEmpty)
    let plain: Tree<Leaf> = ["next": first(["next": ["next": again(0)]], 0)]
    let shifted: Tree<Leaf> = first(["next": ["next": again(0)]], 0)
    _ = try plain.diff(to: shifted)
  }

  @Test func structureTypeAndCollectionHaveKindsOfTheirOwn() throws {
    let a: Tree<Leaf> = [
      "gone": [numbers([1] as [Float]), numbers([2] as [Float])], "kind": [], "s": .static("a"),
      "t": numbers([1] as [Float]),
      "c": first(numbers([1] as [Int8]), 0, "params"),
    ]
    let b: Tree<Leaf> = [
      "kind": .none, "new": numbers([1] as [Float]), "s": .static("b"), "t": numbers([1] as [Double]),
      "c": first(numbers([1] as [Int8]), 0, 3),
    ]
    let diff = try a.diff(to: b)
    #expect(counts(diff) == [4, 0, 1, 1, 0])
    #expect(diff.structure.map(\.change) == [.removed, .kind, .added, .static])
    #expect(diff.structure.first?.leaves == 2)
    #expect(diff.collection.first?.to == 3)
    #expect(diff.type.first?.toDType == .float64)
  }

  @Test func aPlainLeafAndALoneUntaggedRefAreTheSame() throws {
    let leaf = numbers([1] as [Float])
    #expect(try Tree<Leaf>.dictionary([("a", leaf)]).diff(to: ["a": first(leaf, 0)]).isEmpty)
  }

  @Test func tolerancesAndNaN() throws {
    func diff(_ a: [Double], _ b: [Double], _ change: (inout DiffOptions) -> Void = { _ in }) throws
      -> ElementDifference?
    {
      var options = DiffOptions()
      change(&options)
      return try numbers(a).diff(to: numbers(b), options: options).value.first?.difference
    }
    let payload = Double(bitPattern: Double.nan.bitPattern | 5)
    #expect(try diff([.nan], [.nan]) == nil)
    #expect(try diff([.nan], [payload])?.changed == 1)
    #expect(try diff([.nan], [payload]) { $0.nanIsNaN = true } == nil)
    #expect(try diff([.nan, 1], [1, 2])?.nan == 1)
    #expect(try diff([.nan, 1], [1, 2])?.maxAbs == 1)
    #expect(try diff([1, 100], [1.01, 101]) { $0.relativeTolerance = 0.02 } == nil)
    #expect(try diff([1, 100], [1.01, 101]) { $0.absoluteTolerance = 0.1 }?.changed == 1)
    #expect(try diff([.infinity], [1])?.maxAbs == .infinity)
    #expect(try diff([0.0], [-0.0])?.maxAbs == 0)
    #expect(try diff([0.0], [1])?.maxRel == .infinity)
  }

  @Test func integersOfFullWidthAreCompared() throws {
    let diff = try numbers([Int64.min, .max] as [Int64]).diff(to: numbers([Int64.max, .max] as [Int64]))
    #expect(diff.value.first?.difference.maxAbs == Double(UInt64.max))
    #expect(diff.value.first?.difference.changed == 1)
  }

  @Test func complexNumbersAreComparedByMagnitude() throws {
    let a = numbers([Complex<Float>(0, 0), Complex(1, 1)])
    let b = numbers([Complex<Float>(3, 4), Complex(1, 1)])
    #expect(try a.diff(to: b).value.first?.difference.maxAbs == 5)
  }

  @Test func ofAnUntiedPairTheOneFarthestOffHasTheRow() throws {
    func diff(_ one: [Float], _ other: [Float]) throws -> ValueChange? {
      let a: Tree<Leaf> = ["a": first(numbers([1, 2] as [Float]), 0), "b": again(0)]
      return try a.diff(to: ["a": first(numbers(one), 0), "b": first(numbers(other), 1)]).value.first
    }
    let row = try #require(try diff([3, 3], [1, 5]))
    #expect(row.path == ["a"] && row.other == ["b"] && row.more == 1 && row.difference.maxAbs == 3)
    let mirror = try #require(try diff([1, 5], [3, 3]))
    #expect(mirror.other == nil && mirror.more == 1 && mirror.difference.maxAbs == 3)
    // As far off, but in more elements; as far off in as many.
    #expect(try diff([1, 5], [4, 5])?.other == ["b"])
    #expect(try diff([1, 5], [4, 2])?.other == nil)
    #expect(try diff([1, 2], [4, 2])?.more == 0)
    // What is no number on one side is farther off than any number, but not where both are none.
    #expect(try diff([1, 500], [1, .nan])?.other == ["b"])
    #expect(try diff([1, .nan], [1, 500])?.other == nil)
  }

  @Test func rowsOfTypesNameThePathThatHasTheOtherType() throws {
    let leaf = numbers([1] as [Float])
    let a: Tree<Leaf> = ["a": first(leaf, 0), "b": again(0), "c": again(0)]
    let double = numbers([1] as [Double])
    let one = try a.diff(to: ["a": first(leaf, 0), "b": first(double, 1), "c": again(0)])
    #expect(one.type.map(\.path) == [["a"]] && one.type.first?.other == ["b"] && one.type.first?.more == 0)
    let two = try a.diff(to: ["a": first(leaf, 0), "b": double, "c": numbers([1] as [Int8])])
    #expect(two.type.count == 1 && two.type.first?.other == ["b"] && two.type.first?.more == 1)
    let all = try a.diff(to: ["a": first(double, 0), "b": again(0), "c": again(0)])
    #expect(all.type.count == 1 && all.type.first?.other == nil && all.type.first?.more == 0)
    #expect(one.unchanged == 0 && one.arrays == 1)
  }

  @Test func whatDidNotChangeIsCounted() throws {
    let a: Tree<Leaf> = [
      "a": first(numbers([1] as [Float]), 0), "b": again(0), "c": numbers([1] as [Float]),
      "gone": numbers([3] as [Float]), "t": numbers([1] as [Float]),
    ]
    let b: Tree<Leaf> = [
      "a": first(numbers([1] as [Float]), 0), "b": first(numbers([1] as [Float]), 1),
      "c": numbers([2] as [Float]), "t": numbers([1] as [Double]),
    ]
    let diff = try a.diff(to: b)
    #expect(diff.arrays == 4 && diff.unchanged == 1)
    var options = DiffOptions()
    options.kinds.remove(.value)
    #expect(try a.diff(to: b, options: options).unchanged == nil)
  }

  @Test(arguments: 0..<120) func whetherAnythingDiffersIsWhetherThereAreRows(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(4000 + seed / 4), mostElements: 8)
    let a = trees.make(nodes: 12)
    let b = seed % 3 == 0 ? try a.reindexed() : seed % 3 == 1 ? trees.make(nodes: 12) : changed(a)
    for kinds in [TreeDiff.Kind.allCases, [.value], [.collection, .topology], [.type]] {
      for renames in [false, true] {
        var options = DiffOptions()
        options.kinds = Set(kinds)
        options.findsRenames = renames
        options.nanIsNaN = seed % 4 == 0
        options.absoluteTolerance = seed % 4 == 1 ? 1e-3 : nil
        let rows = try a.diff(to: b, options: options)
        #expect(try a.differs(from: b, options: options) == !rows.isEmpty)
      }
    }
  }

  /// The same tree with one bit of each array flipped.
  private func changed(_ tree: Tree<Leaf>) -> Tree<Leaf> {
    switch tree {
    case .leaf(let leaf):
      guard leaf.byteCount > 0, leaf.dtype == .float32, var bytes = try? leaf.allBytes() else { return tree }
      bytes[0] ^= 1
      return .leaf(Leaf(dtype: leaf.dtype, shape: leaf.shape, bytes: bytes))
    case .value(let value): return first(changed(value.value), value.index, value.collection)
    default: return tree.mapMembers(at: .root) { member, _ in changed(member) }
    }
  }

  @Test func renamesAreFound() throws {
    let inside: Tree<Leaf> = ["w": first(numbers([1, 2] as [Float]), 0), "x": again(0)]
    let before: Tree<Leaf> = ["old": inside]
    let after: Tree<Leaf> = ["new": inside]
    var options = DiffOptions()
    options.findsRenames = true
    let rows = try before.diff(to: after, options: options).structure
    #expect(rows.map(\.change) == [.renamed])
    #expect(rows.first?.newPath == ["new"])
  }

  @Test(arguments: 0..<60) func aTreeEqualsItselfAndDiffersOnlyWhereDigestsDo(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(seed))
    let a = trees.make(nodes: 40)
    let b = trees.make(nodes: 40)
    #expect(try a.diff(to: a).isEmpty)
    #expect(try a.diff(to: a.reindexed()).isEmpty)
    let same = try a.digest() == b.digest()
    #expect(try a.diff(to: b).isEmpty == same)
  }
}
