import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

@Suite struct TyingTests {
  private func same(_ one: Tree<Leaf>, _ other: Tree<Leaf>) throws {
    #expect(try firstDifference(one, other) == nil)
  }

  private func tied(
    _ tree: Tree<Leaf>, _ paths: Path..., take: Path? = nil, collection: TieCollection = .agreed
  ) throws -> TiedCheckpoint {
    try CheckpointContents(tree: tree).tying(paths, take: take, collection: collection)
  }

  private func untied(_ tree: Tree<Leaf>, _ glob: String) throws -> UntiedCheckpoint {
    try CheckpointContents(tree: tree).untying(PathPattern(glob: glob))
  }

  @Test func plainArraysAndRefsBecomeOneValue() throws {
    let tree: Tree<Leaf> = [
      "a": one(1), "b": seen(one(1), 0, "params"), "c": again(0, "params"), "d": one(2),
      "e": seen(one(1), 1, 7),
    ]
    let plain = try tied(["a": one(1), "b": one(1)], ["a"], ["b"])
    try same(plain.contents.tree, ["a": seen(one(1), 0), "b": again(0)])
    #expect(plain.sites == [["a"], ["b"]] && plain.alreadyTied.isEmpty && plain.collection == nil)
    // The other sites of a Ref come along.
    let more = try tied(tree, ["a"], ["c"])
    #expect(more.sites == [["a"], ["b"], ["c"]] && more.collection == "params")
    // The one that wins brings its collection.
    #expect(try tied(tree, ["d"], ["e"], take: ["e"]).collection == 7)
    #expect(try tied(tree, ["b"], ["e"], take: ["e"]).collection == 7)
    #expect(try tied(tree, ["b"], ["e"], collection: .given("x")).collection == "x")
    #expect(try tied(tree, ["b"], ["e"], collection: .given(nil)).collection == nil)
    let words = refusalText { _ = try tied(tree, ["b"], ["e"]) }
    #expect(
      words.hasPrefix(
        "b: is of collection 'params' and cannot be tied to 'e', which is of another collection: '7'"),
      "\(words)")
  }

  @Test func whatStaysTiedInsideIsCounted() throws {
    let inner: Tree<Leaf> = ["v": seen(one(1), 1), "w": again(1)]
    let tree: Tree<Leaf> = ["a": seen(inner, 0), "b": again(0), "c": again(1)]
    // What the subtree shares with the outside stays shared with it.
    #expect(try untied(tree, "b").tiedInside == 1)
    #expect(try untied(["a": seen(inner, 0), "b": again(0)], "b").tiedInside == 1)
    #expect(try untied(["a": seen(one(1), 0), "b": again(0), "c": again(0)], "c").tiedInside == 0)
    #expect(try untied(["a": seen(["x": one(1)], 0), "b": again(0)], "**").tiedInside == 0)
  }

  @Test func whatCannotBeTiedIsRefusedInASentence() throws {
    let tree: Tree<Leaf> = [
      "a": one(1), "d": ["w": one(1)], "h": .hole, "n": .nothing, "r": seen(["w": one(1)], 0),
      "s": .static(3),
      "z": again(0),
    ]
    for (paths, take, words) in [
      (
        [["a"], ["d"]], nil,
        "d: expected an array or a Ref to tie, found a dictionary of 1; tie what is in it"
      ),
      ([["a"], ["h"]], nil, "h: expected an array or a Ref to tie, found a hole; merge the parts first"),
      ([["a"], ["n"]], nil, "n: expected an array or a Ref to tie, found nothing"),
      ([["s"], ["a"]], nil, "s: expected an array or a Ref to tie, found the static value 3; static values"),
      ([["a"], ["r"]], nil, "a: cannot be tied to 'r', whose value is not the same"),
      ([["r"], ["r", "w"]], nil, "r: cannot be tied to 'r/w', which stands inside its value"),
      ([["r", "w"], ["z"]], ["r", "w"], "z: cannot be tied to 'r/w', which stands inside its value"),
      ([["a"], ["a"]], nil, "tying takes two different paths or more: found only 'a'"),
      ([["a"]], nil, "tying takes two different paths"), ([], nil, "tying takes two different paths"),
      ([["a"], ["x"]], nil, "x: nothing stands there"),
      (
        [["a"], ["d", "w"]], ["z"],
        "z: the site that wins is none of those that are tied: expected one of 'a', 'd/w'"
      ),
      ([["a"], ["d", "w"]], ["y"], "y: nothing stands there"),
      ([[], ["a"]], nil, "the root: expected an array or a Ref to tie, found a dictionary of 7"),
    ] as [([Path], Path?, String)] {
      let said = refusalText { _ = try CheckpointContents(tree: tree).tying(paths, take: take) }
      #expect(said.hasPrefix(words), "\(said)")
    }
    let knot: Tree<Leaf> = ["a": one(1), "k": seen(["me": again(0)], 0)]
    #expect(try tied(knot, ["a"], ["k"], take: ["a"]).contents.tree["k"]?.referenceIndex == 0)
    #expect(
      refusalText { _ = try tied(knot, ["a"], ["k", "me"], take: ["a"]) }
        == "k/me: stands inside the value that gives way, which holds itself, and would go with it; name its site 'k'"
    )
    var part = CheckpointContents(tree: tree)
    part.metadata[PartRecord.key] = [:]
    #expect(
      refusalText { _ = try part.tying([["a"], ["d", "w"]]) }.contains("a part of a partition, which tie"))
    #expect(
      refusalText { _ = try part.untying(PathPattern(glob: "z")) }.contains(
        "a part of a partition, which untie"))
  }

  @Test func pathsThroughSharedSubtreesNameOnePlace() throws {
    let tree: Tree<Leaf> = ["a": seen(["w": one(1)], 0, 1), "b": again(0, 1), "c": one(1)]
    let already = try tied(tree, ["a", "w"], ["b", "w"])
    try same(already.contents.tree, tree)
    #expect(already.wasTied([["a", "w"], ["b", "w"]]) && already.sites == [["a", "w"]])
    let outside = try tied(tree, ["b", "w"], ["c"])
    try same(
      outside.contents.tree, ["a": seen(["w": seen(one(1), 1)], 0, 1), "b": again(0, 1), "c": again(1)])
    let words = refusalText { _ = try untied(tree, "b/w") }
    #expect(
      words.hasPrefix("b/w: stands inside the shared value at 'b', where a listing names it 'a/w'"),
      "\(words)")
    #expect(try untied(tree, "a/w").unshared == [["a", "w"]])
    #expect(try tied(["a": seen(one(1), 0), "b": again(0)], ["b"], ["a"]).wasTied([["a"], ["b"]]))
  }

  @Test func attributesGoWithTheValue() throws {
    func contents(_ tree: Tree<Leaf>, _ attributes: (Path, Key, Int64)...) -> CheckpointContents {
      var contents = CheckpointContents(tree: tree, metadata: ["by": "me"])
      for (path, name, value) in attributes {
        contents.attributes[path] += [Attribute(name, .one(.int(value)))]
      }
      return contents
    }
    let plain = contents(["a": one(1), "b": one(1)], (["a"], "x", 1), (["b"], "x", 2), (["b"], "y", 3))
    let joined = try plain.tying([["a"], ["b"]])
    #expect(joined.contents.attributes.paths == [["a"]] && joined.contents.metadata == ["by": "me"])
    #expect(
      joined.contents.attributes[["a"]] == [Attribute("x", .one(.int(1))), Attribute("y", .one(.int(3)))])
    #expect(joined.lostAttributes == [["b"]])
    let taken = try plain.tying([["a"], ["b"]], take: ["b"])
    #expect(taken.contents.attributes[["a"]].map(\.name) == ["x", "y"] && taken.lostAttributes == [["a"]])
    #expect(taken.contents.attributes[["a"]].first?.value == .one(.int(2)))
    // A copy has what the value had, inside too, wherever the first site is then.
    let shared = contents(
      ["a": seen(["w": one(1)], 0), "b": again(0), "c": again(0)], (["a"], "x", 1), (["a", "w"], "y", 2))
    let apart = try shared.untying(PathPattern(glob: "a")).contents.attributes
    #expect(apart.paths == [["a"], ["a", "w"], ["b"], ["b", "w"]])
    #expect(apart[["b", "w"]] == shared.attributes[["a", "w"]])
  }

  // MARK: Every small tree

  /// Every pair of paths of every tree: what is seen stays, and exactly what must be one is one; or it is refused for
  /// a reason that the graph shows.
  @Test(arguments: 2...5) func tiesOfSmallTrees(nodes: Int) throws {
    var counts = (tied: 0, refused: 0, untied: 0)
    // Of the many of five nodes every sixth.
    for (number, tree) in SmallTrees.all(nodes: nodes).enumerated()
    where nodes < 5 || number.isMultiple(of: 6) {
      let graph = try TieModel(tree)
      let paths = try tree.sites().map(\.path)
      for one in paths {
        for other in paths where other != one {
          if try check(tree, graph, one, other, withRule: nodes < 5) {
            counts.tied += 1
          } else {
            counts.refused += 1
          }
        }
      }
      for path in paths + [["**"]] { if try checkUntying(tree, graph, path) { counts.untied += 1 } }
    }
    if nodes > 2 { #expect(counts.tied > 0 && counts.refused > 0 && counts.untied > 0, "\(counts)") }
  }

  /// - Returns: whether they were tied.
  private func check(_ tree: Tree<Leaf>, _ graph: TieModel, _ one: Path, _ other: Path, withRule: Bool)
    throws -> Bool
  {
    let (x, y) = (try #require(graph[one]), try #require(graph[other]))
    let canBeTied = [x, y].allSatisfy { graph.nodes[$0].isRef || graph.nodes[$0].label.hasPrefix("float32") }
    let isInside = x != y && (graph.reach(x).contains(y) || graph.reach(y).contains(x))
    let isAllowed = canBeTied && !isInside && (x == y || graph.holdsTheSame(x, y))
    let result: TiedCheckpoint
    do {
      result = try CheckpointContents(tree: tree).tying([one, other])
    } catch let error as RefxError {
      #expect(!isAllowed && error.code == .refusal, "\(tree): \(one) \(other): \(error)")
      return false
    }
    #expect(isAllowed, "\(tree): \(one) \(other)")
    let after = result.contents.tree
    #expect(try firstDifference(after, after.reindexed()) == nil)
    let new = try TieModel(after)
    #expect(new.looksLike(graph))
    let classes = graph.united(x, y)
    // Each old node has a path; what stands there now is one with another's exactly where the classes say so.
    let places = try tree.sites().map(\.path).map { (old: classes[graph[$0]!], new: new[$0]) }
    #expect(places.allSatisfy { $0.new != nil })
    #expect(Set(places.map { [$0.old, $0.new ?? -1] }).count == Set(places.map(\.old)).count, "\(tree)")
    #expect(Set(places.map { [$0.old, $0.new ?? -1] }).count == Set(places.map(\.new)).count, "\(tree)")
    #expect(result.wasTied([one, other]) == (x == y))
    // The rule does the same.
    if withRule, !one.isRoot, !other.isRoot {
      let rule = try Rule.tie(literal(one), literal(other))
      #expect(try firstDifference(try tree.applying([rule]), after) == nil)
    }
    // What was plain before and comes off again leaves everything as it was.
    if !graph.nodes[y].isRef, x != y {
      let back = try CheckpointContents(tree: after).untying(PathPattern(regex: literal(other)))
      #expect(try back.contents.tree.structureDigest() == tree.structureDigest())
      #expect(try TieModel(back.contents.tree).looksLike(graph))
    }
    return true
  }

  private func literal(_ path: Path) -> String { path.text }

  /// - Returns: whether something was untied.
  private func checkUntying(_ tree: Tree<Leaf>, _ graph: TieModel, _ path: Path) throws -> Bool {
    let contents = CheckpointContents(tree: tree)
    let result: UntiedCheckpoint
    do {
      result = try contents.untying(PathPattern(glob: path.text))
    } catch let error as RefxError {
      #expect(error.code == .noSuchPath, "\(tree): \(path): \(error)")
      // What has no row in a listing.
      let rows = try Listing(of: tree).rows
      #expect(path == ["**"] ? rows.isEmpty : !rows.contains { $0.path == path }, "\(tree): \(path)")
      return false
    }
    let after = result.contents.tree
    #expect(try TieModel(after).looksLike(graph), "\(tree): \(path)")
    #expect(try firstDifference(after, after.reindexed()) == nil)
    if path != ["**"] {
      let before = try ValueTable(of: tree)
      let index = before.place(path, in: tree)?.node.referenceIndex
      let isShared = index.flatMap { before[$0]?.siteCount }.map { $0 > 1 } ?? false
      #expect(result.untied == (isShared ? [path] : []) && result.unshared == (isShared ? [] : [path]))
      guard isShared, let index else { return false }
      // It shares with nobody outside of itself, and the others share as before.
      let values = try ValueTable(of: after)
      let others = try tree.sites().filter { $0.reference?.index == index && $0.path != path }.map(\.path)
      let mine = values.place(path, in: after)?.node.referenceIndex
      let outside = others.filter { !path.contains($0) && !$0.contains(path) }
        .map { values.place($0, in: after)?.node.referenceIndex }
      #expect(mine != nil && outside.allSatisfy { $0 != mine && $0 == outside[0] }, "\(tree): \(path)")
      return true
    }
    return !result.untied.isEmpty
  }

  /// Trees of all kinds of nodes, keys and collections, with one site that wins.
  @Test(arguments: 0..<120) func tiesOfRandomTrees(seed: UInt64) throws {
    var maker = RandomTree(seed: seed)
    let tree = maker.make()
    let graph = try TieModel(tree)
    var random = SeededRandom(seed: seed ^ 0x5EED)
    let sites = try tree.sites().map(\.path)
    for _ in 0..<12 {
      let (one, other) = (sites[random.below(sites.count)], sites[random.below(sites.count)])
      let (x, y) = (try #require(graph[one]), try #require(graph[other]))
      let result: TiedCheckpoint
      do {
        result = try CheckpointContents(tree: tree).tying([one, other], take: other, collection: .given("t"))
      } catch let error as RefxError {
        let isTiable = try [one, other].allSatisfy { path in
          guard let node = try ValueTable(of: tree).place(path, in: tree)?.node else { return false }
          if case .leaf = node { return true }
          return node.isReference
        }
        let isInside =
          graph.reach(x).contains(y) || graph.reach(y).contains(x) || graph.reach(x).contains(x)
        #expect(!isTiable || isInside || one == other, "\(error)")
        continue
      }
      let new = try TieModel(result.contents.tree)
      let (a, b) = (try #require(new[one]), try #require(new[other]))
      #expect(a == b && new.nodes[a].collection == "t")
      #expect(new.looksLike(graph, at: a, y, collections: false))
      #expect(result.collection == "t" && result.sites.contains(one) && result.sites.contains(other))
    }
  }
}
