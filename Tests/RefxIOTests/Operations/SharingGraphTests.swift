import Refx
import RefxTestSupport
import Testing

@testable import RefxIO

@Suite struct SharingGraphTests {
  private static func array(_ count: Int) -> Tree<Leaf> { .leaf(Leaf(Tensor((0..<count).map(Float.init)))) }

  private static func shared(_ tree: Tree<Leaf>, _ index: Int) -> Tree<Leaf> {
    .value(.init(tree, index: index, collection: "params"))
  }

  /// A layer: two arrays, and where it is given the site of a shared one.
  private static func layer(_ tied: Tree<Leaf>? = nil) -> Tree<Leaf> {
    var members: [(Key, Tree<Leaf>)] = [(Key("w"), array(4)), (Key("b"), array(2))]
    if let tied { members.append((Key("rope"), tied)) }
    return ["attn": .dictionary(members), "norm": array(3)]
  }

  @Test func aTiedTransformerIsAFewBoxes() throws {
    let layers = Tree<Leaf>.list((0..<12).map { _ in SharingGraphTests.layer() })
    let tree: Tree<Leaf> = [
      "embed": ["tokens": SharingGraphTests.shared(SharingGraphTests.array(8), 0)],
      "encoder": ["layers": layers], "head": ["weight": .index(Index(0, collection: "params"))],
    ]
    let graph = try SharingGraph(of: tree)
    #expect(graph.groups.map(\.names) == [[], [["embed"]], [["encoder"], ["layers"]], [["head"]]])
    #expect(graph.groups.map(\.isCollapsed) == [false, false, true, false])
    #expect(graph.groups[2].members == SharingGraph.Members(names: [], count: 12, leaves: 3, bytes: 36))
    #expect(graph.groups[2].leaves == 36 && graph.groups[2].bytes == 432)
    #expect(graph.values.count == 1 && graph.values[0].bytes == 32 && graph.values[0].dtype == "float32")
    #expect(graph.values[0].sites == [["embed", "tokens"], ["head", "weight"]])
    #expect(graph.edges.map(\.group) == [1, 3] && graph.edges.map(\.names) == [["tokens"], ["weight"]])
  }

  @Test func layersThatShareOneValueAreOneGroup() throws {
    let later = Tree<Leaf>.index(Index(0, collection: "params"))
    let layers = (0..<12).map {
      SharingGraphTests.layer($0 == 0 ? SharingGraphTests.shared(SharingGraphTests.array(5), 0) : later)
    }
    let graph = try SharingGraph(of: ["layers": .list(layers), "rope": later])
    #expect(graph.groups.map(\.count) == [1, 12, 12])
    #expect(graph.groups[1].names == [["layers"], (0..<12).map { Key($0) }])
    let layer = graph.groups[1]
    #expect(layer.leaves == 12 && !layer.isCollapsed)
    #expect(graph.edges.map(\.sites.count).sorted() == [1, 12])
  }

  @Test func aSharedSubtreeIsAValueWithItsInside() throws {
    let inner = SharingGraphTests.shared(SharingGraphTests.array(2), 1)
    let tree: Tree<Leaf> = [
      "a": SharingGraphTests.shared(["x": inner, "y": SharingGraphTests.array(3)], 0),
      "b": .index(Index(0, collection: "params")), "c": .index(Index(1, collection: "params")),
    ]
    let graph = try SharingGraph(of: tree)
    #expect(graph.values.map(\.dtype) == ["tree", "float32"] && graph.values.map(\.leaves) == [2, 1])
    #expect(graph.savedBytes == graph.values[0].bytes + graph.values[1].bytes)
    #expect(graph.groups.map(\.parent) == [nil, .value(0)])
    #expect(graph.values[1].sites == [["a", "x"], ["c"]])
  }

  @Test func aPatternChoosesValuesWithAllTheirSites() throws {
    let tree: Tree<Leaf> = [
      "a": SharingGraphTests.shared(SharingGraphTests.array(1), 0),
      "b": .index(Index(0, collection: "params")),
      "c": SharingGraphTests.shared(SharingGraphTests.array(2), 1),
      "d": .index(Index(1, collection: "params")),
    ]
    let graph = try SharingGraph(of: tree) { $0 == ["d"] }
    #expect(graph.values.map(\.sites) == [[["c"], ["d"]]])
    #expect(graph.groups.map(\.leaves) == [1])
  }

  @Test(arguments: 0..<400) func everySharedValueIsDrawnOnceWithAllItsSites(seed: UInt64) throws {
    var maker = RandomTree(seed: seed, mostElements: 8)
    try SharingGraphTests.check(maker.make(nodes: seed.isMultiple(of: 2) ? 30 : 200))
  }

  @Test(arguments: 1...5) func smallTreesAreDrawnWhole(nodes: Int) throws {
    for tree in SmallTrees.all(nodes: nodes) { try SharingGraphTests.check(tree) }
  }

  /// Sites against a walk of their own, and every array that is not shared in one group.
  private static func check(_ tree: Tree<Leaf>) throws {
    var sites: [Int: [Path]] = [:]
    var arrays = 0
    var bytes = 0
    for site in try tree.sites() {
      if let reference = site.reference { sites[reference.index, default: []].append(site.path) }
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true else { continue }
      arrays += 1
      bytes += leaf.byteCount
    }
    let shared = sites.filter { $0.value.count > 1 }
    let graph = try SharingGraph(of: tree)
    #expect(graph.values.map(\.index) == shared.keys.sorted())
    for (position, value) in graph.values.enumerated() {
      #expect(value.sites == shared[value.index])
      let drawn = graph.edges.filter { $0.value == position }.flatMap(\.sites)
      #expect(drawn.sorted() == value.sites.sorted())
    }
    for (position, group) in graph.groups.enumerated() {
      if case .group(let parent) = group.parent { #expect(parent < position) }
    }
    // What a shared subtree holds stands in its groups where something inside is shared, in the value elsewhere.
    let opened = Set(
      graph.groups.compactMap { group -> Int? in
        if case .value(let value) = group.parent { value } else { nil }
      })
    var drawnArrays = 0
    var drawnBytes = 0
    for group in graph.groups {
      (drawnArrays, drawnBytes) = (drawnArrays + group.leaves, drawnBytes + group.bytes)
    }
    for (position, value) in graph.values.enumerated() where !opened.contains(position) {
      (drawnArrays, drawnBytes) = (drawnArrays + value.leaves, drawnBytes + value.bytes)
    }
    #expect(drawnArrays == arrays && drawnBytes == bytes)
  }
}
