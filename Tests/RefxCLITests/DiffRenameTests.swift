import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// What moved, found by contents.
@Suite struct DiffRenameTests {
  private func diff(_ a: Tree<Leaf>, _ b: Tree<Leaf>) throws -> TreeDiff {
    var options = DiffOptions()
    options.findsRenames = true
    return try a.diff(to: b, options: options)
  }

  /// A row as a line: `> a/w b/w`.
  private func lines(_ diff: TreeDiff) -> [String] {
    diff.structure.map { row in
      let path = row.path.isRoot ? "(root)" : row.path.text
      let moved = row.moved > 0 ? " moved \(row.moved)" : ""
      switch row.change {
      case .removed: return "- \(path)\(moved)"
      case .added: return "+ \(path)\(moved)"
      case .renamed: return "> \(path) \(row.newPath?.text ?? "")"
      case .kind, .static: return "~ \(path)"
      }
    }
  }

  private func w(_ seed: Float) -> Tree<Leaf> { numbers([seed, seed + 1]) }

  @Test func whatIsInsideOfChangedSubtreesIsFound() throws {
    let part = try diff(
      ["enc": ["w": w(1), "x": w(2), "y": w(3)]], ["encoder": ["w": w(1), "x": w(2), "y": w(9)]])
    #expect(
      lines(part) == [
        "- enc moved 2", "> enc/w encoder/w", "> enc/x encoder/x", "- enc/y", "+ encoder moved 2",
        "+ encoder/y",
      ])
    #expect(part.unchanged == 2 && part.arrays == 3)
    let into = try diff(["w": w(1)], ["sub": ["w": w(1)], "other": w(5)])
    #expect(lines(into) == ["+ other", "+ sub moved 1", "> w sub/w"])
    let other = try diff(
      ["a": ["w": w(1), "s": .static("x")]], ["b": ["w": w(1), "s": .static("y")]])
    #expect(lines(other) == ["- a moved 1", "- a/s", "> a/w b/w", "+ b moved 1", "+ b/s"])
    // All of it moved, and the emptied containers inside are not listed again.
    let emptied = try diff(["a": ["b": ["c": w(1)], "d": w(2)]], ["p": w(1), "q": w(2)])
    #expect(lines(emptied) == ["- a moved 2", "> a/b/c p", "> a/d q"])
    let whole = try diff(
      ["a": ["w": w(1), "x": w(2)], "k": w(3)], ["k": w(3), "z": ["w": w(1), "x": w(2)]])
    #expect(lines(whole) == ["> a z"])
    #expect(whole.structure.first?.leaves == 2)
    // Out of what was replaced, and into it.
    #expect(lines(try diff(["w": w(1)], ["w": ["value": w(1)]])) == ["~ w", "> w w/value"])
    #expect(lines(try diff(w(1), ["x": w(1)])) == ["~ (root)", "> (root) x"])
    // The larger subtree goes first, wherever it stands.
    let large = try diff(
      ["a": ["w": w(1)], "b": ["c": ["w": w(1)], "d": w(2)]],
      ["n": ["c": ["w": w(1)], "d": w(2)], "z": w(1)])
    #expect(lines(large) == ["- a moved 1", "> a/w z", "> b n"])
    #expect(lines(try diff(["a": [:]], ["b": [:]])) == ["- a", "+ b"])
  }

  @Test func ofSeveralThatAreEqualTheLikestPathsBelongTogether() throws {
    let zero = w(0)
    let last = try diff(["a": zero, "m": ["b": zero]], ["n": ["b": zero, "y": w(5)], "z": zero])
    #expect(lines(last).filter { $0.hasPrefix(">") } == ["> a z", "> m/b n/b"])
    let layers = try diff(
      ["e": ["0": ["b": zero, "w": w(1)], "1": ["b": zero, "w": w(2)], "2": ["b": zero, "w": w(3)]]],
      ["f": ["0": ["b": zero, "w": w(7)], "1": ["b": w(8), "w": w(9)], "2": ["b": zero, "w": w(10)]]])
    #expect(lines(layers).filter { $0.hasPrefix(">") } == ["> e/0/b f/0/b", "> e/2/b f/2/b"])
    let order = try diff(["a": zero, "b": zero], ["c": zero, "d": zero])
    #expect(lines(order) == ["> a c", "> b d"])
    // The same bytes of another type or shape are something else.
    let reshaped = try diff(
      ["a": numbers([1, 2] as [Float])], ["b": numbers([1, 2] as [Float], shape: [2, 1])])
    #expect(lines(reshaped) == ["- a", "+ b"])
  }

  @Test func tiesAndCollectionsOfWhatMovedAreCompared() throws {
    let leaf = w(1)
    func pair(_ one: Key, _ two: Key, _ tag: CollectionTag?) -> Tree<Leaf> {
      [one: first(leaf, 0, tag), two: again(0, tag)]
    }
    func counts(_ diff: TreeDiff) -> [Int] { TreeDiff.Kind.allCases.map { diff.count(of: $0) } }
    let tagged = try diff(pair("a", "b", "p"), pair("c", "d", "q"))
    #expect(counts(tagged) == [2, 0, 1, 0, 0])
    #expect(tagged.collection.first?.path == ["a"] && tagged.collection.first?.other == ["c"])
    #expect(tagged.collection.first?.from == "p" && tagged.collection.first?.to == "q")

    let apart: Tree<Leaf> = ["c": first(leaf, 0, "p"), "d": first(leaf, 1, "p")]
    let untied = try diff(pair("a", "b", "p"), apart)
    #expect(counts(untied) == [2, 1, 0, 0, 0])
    #expect(untied.topology.first?.change == .untied)
    #expect(untied.topology.first?.from == [[["a"], ["b"]]])
    #expect(untied.topology.first?.to == [[["c"]], [["d"]]])
    let tied = try diff(apart, pair("x", "y", "p"))
    #expect(tied.topology.map(\.change) == [.tied] && tied.topology.first?.to == [[["x"], ["y"]]])

    #expect(counts(try diff(["a": leaf], ["b": first(leaf, 0, "p")])) == [1, 0, 1, 0, 0])
    #expect(counts(try diff(["a": leaf], ["a": first(leaf, 0, "p")])) == [0, 0, 1, 0, 0])
    #expect(counts(try diff(["a": leaf], ["b": first(leaf, 0)])) == [1, 0, 0, 0, 0])
    // One site stayed, the other moved, and is tied no more.
    let stayed = try diff(
      ["a": first(leaf, 0), "b": again(0)], ["a": first(leaf, 0), "c": first(leaf, 1)])
    #expect(counts(stayed) == [1, 1, 0, 0, 0])
    #expect(stayed.topology.first?.paths == [["a"], ["b"]])
    #expect(stayed.topology.first?.to == [[["a"]], [["c"]]])
    // Inside of a subtree that moved as a whole.
    let inside = try diff(
      ["s": pair("a", "b", "p")], ["t": ["a": first(leaf, 0, "p"), "b": first(leaf, 1, "p")]])
    #expect(counts(inside) == [1, 1, 0, 0, 0])
    #expect(inside.topology.first?.to == [[["t", "a"]], [["t", "b"]]])
    // A later site of what is first seen elsewhere.
    let site = try diff(
      ["m": first(["w": leaf], 0), "n": again(0)], ["k": again(0), "j": first(["w": leaf], 0), "m": again(0)])
    #expect(lines(site) == ["+ k", "> n j"], "\(lines(site))")
    // Refs that hold themselves end, and are found.
    let ring: Tree<Leaf> = first(["next": again(0), "w": leaf], 0)
    #expect(lines(try diff(["a": ring], ["b": ring])) == ["> a b"])
  }

  @Test func onlyWhatMovedMayDifferAndStillDoes() throws {
    var options = DiffOptions()
    options.findsRenames = true
    options.kinds = [.collection]
    let (a, b): (Tree<Leaf>, Tree<Leaf>) = (["a": first(w(1), 0, "p")], ["b": first(w(1), 0, "q")])
    #expect(try a.diff(to: b, options: options).collection.count == 1)
    #expect(try a.differs(from: b, options: options))
    options.findsRenames = false
    #expect(try !a.differs(from: b, options: options))
  }

  /// What is renamed holds the same, and nothing is told twice or left out.
  @Test(arguments: 0..<150) func renamesKeepCount(seed: Int) throws {
    var trees = RandomTree(seed: UInt64(7000 + seed), mostElements: 3)
    let shared = shifted(trees.make(nodes: 25), by: 1000)
    let (x, y): (Tree<Leaf>, Tree<Leaf>) =
      seed % 2 == 0
      ? (["old": shared, "o": trees.make(nodes: 10)], ["new": shared, "n": trees.make(nodes: 10)])
      : (["x": shared, "o": trees.make(nodes: 40)], ["o": ["y": trees.make(nodes: 40)], "z": ["x": shared]])
    #expect(try diff(x, x).isEmpty)
    let plain = try x.diff(to: y)
    let moved = try diff(x, y)
    func arrays(_ diff: TreeDiff, _ changes: Set<StructureChange.Change>) -> Int {
      diff.structure.filter { changes.contains($0.change) }.reduce(0) { $0 + $1.leaves }
    }
    // Nothing moves out of what was replaced here that a removed row would count.
    if !plain.structure.contains(where: { $0.change == .kind }) {
      #expect(arrays(plain, [.removed]) == arrays(moved, [.removed, .renamed]))
      #expect(arrays(plain, [.added]) == arrays(moved, [.added, .renamed]))
    }
    // A later site of a Ref counts as an array, whatever the Ref holds; without one there is nothing to find.
    var holdsArray = false
    try shared.forEachSite { if case .leaf = $0.content { holdsArray = true } }
    if seed % 2 == 0, holdsArray {
      let isFound = moved.structure.contains { $0.path == ["old"] && $0.newPath == ["new"] }
      #expect(isFound, "\(lines(moved))")
    }
    let (mine, theirs) = (try ValueTable(of: x), try ValueTable(of: y))
    for row in moved.structure where row.change == .renamed {
      let from = try #require(mine.resolve(row.path, in: x))
      let newPath = try #require(row.newPath)
      let to = try #require(theirs.resolve(newPath, in: y))
      #expect(try alone(from, mine).digest().values == alone(to, theirs).digest().values, "\(row.path)")
    }
  }

  /// What stands somewhere as a tree of its own.
  private func alone(_ tree: Tree<Leaf>, _ values: ValueTable<Leaf>) throws -> Tree<Leaf> {
    var reindexing = Reindexing(values)
    return try reindexing.copy(tree, at: .root)
  }

  /// The same tree with other indexes.
  private func shifted(_ tree: Tree<Leaf>, by count: Int) -> Tree<Leaf> {
    switch tree {
    case .value(let value): first(shifted(value.value, by: count), value.index + count, value.collection)
    case .index(let index): again(index.index + count, index.collection)
    default: tree.mapMembers(at: .root) { member, _ in shifted(member, by: count) }
    }
  }

  @Test(.timeLimit(.minutes(5))) func manyThatAreEqualTakeNoLongerThanOthers() throws {
    let zero = numbers([0] as [Float])
    let count = 20_000
    func many(_ prefix: String, _ extra: Float) -> Tree<Leaf> {
      var members: [(Key, Tree<Leaf>)] = (0..<count).map { (Key("\(prefix)\($0)"), zero) }
      members.append(("z", w(extra)))
      return .dictionary(members)
    }
    let rows = try diff(["a": many("x", 1)], ["b": many("y", 2)]).structure
    #expect(rows.count { $0.change == .renamed } == count)
    // A large shared subtree that is gone from many places.
    let big: Tree<Leaf> = .dictionary((0..<2000).map { (Key("\($0)"), w(Float($0))) })
    var sites: [(Key, Tree<Leaf>)] = [("a", first(big, 0))]
    for site in 0..<2000 { sites.append((Key("b\(site)"), ["s": again(0)])) }
    let kept: Tree<Leaf> = ["a": first(big, 0), "c": ["s": again(0), "t": w(-5)]]
    let gone = try diff(.dictionary(sites), kept).structure
    #expect(gone.count { $0.change == .renamed } == 1 && gone.count == 2003)
  }
}
