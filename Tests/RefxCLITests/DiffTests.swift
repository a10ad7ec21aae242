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
