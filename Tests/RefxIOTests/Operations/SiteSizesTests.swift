import Refx
import RefxIO
import RefxTestSupport
import Testing

/// What sharing saves, against copies that are really made.
@Suite struct SiteSizesTests {
  /// The bytes of all arrays where each site is a copy of its own; nil where a Ref holds itself.
  private static func copied(_ tree: Tree<Leaf>, _ values: inout [Int: Tree<Leaf>], _ around: Set<Int>)
    -> Int?
  {
    func sum(_ members: [Tree<Leaf>], _ values: inout [Int: Tree<Leaf>]) -> Int? {
      var total = 0
      for member in members {
        guard let bytes = copied(member, &values, around) else { return nil }
        total += bytes
      }
      return total
    }
    switch tree {
    case .leaf(let leaf): return leaf.byteCount
    case .dictionary(let branches): return sum(branches.members, &values)
    case .list(let members), .tuple(let members): return sum(members, &values)
    case .value(let value):
      values[value.index] = value.value
      return copied(value.value, &values, around.union([value.index]))
    case .index(let index):
      guard !around.contains(index.index), let value = values[index.index] else { return nil }
      return copied(value, &values, around.union([index.index]))
    case .none, .nothing, .hole, .static: return 0
    }
  }

  private static func check(_ tree: Tree<Leaf>) throws -> Bool {
    let listing = try Listing(of: tree)
    let graph = try SharingGraph(of: tree)
    #expect(graph.savedBytes == listing.logicalBytes - listing.uniqueBytes)
    var values: [Int: Tree<Leaf>] = [:]
    guard let copied = copied(tree, &values, []) else { return false }
    #expect(listing.logicalBytes == copied)
    return listing.logicalBytes > listing.uniqueBytes
  }

  @Test func logicalIsWhatCopiesTake() throws {
    var sharing = 0
    for seed in 0..<400 as Range<UInt64> {
      var maker = RandomTree(seed: seed, mostElements: 8)
      if try SiteSizesTests.check(maker.make(nodes: seed.isMultiple(of: 2) ? 30 : 200)) { sharing += 1 }
    }
    #expect(sharing > 50)
    for nodes in 1...5 {
      for tree in SmallTrees.all(nodes: nodes) { _ = try SiteSizesTests.check(tree) }
    }
  }

  /// Each level holds the one below twice: copies would be 2 to the power of the levels.
  @Test func nestedSharingMultipliesAndIsNotWalked() throws {
    func tower(_ levels: Int) -> Tree<Leaf> {
      var tree = Tree<Leaf>.value(Value(.leaf(Leaf(Float(1))), index: levels, collection: nil))
      for level in (0..<levels).reversed() {
        tree = .value(
          Value(.list([tree, .index(Index(level + 1, collection: nil))]), index: level, collection: nil))
      }
      return tree
    }
    #expect(try Listing(of: tower(20)).logicalBytes == 4 << 20)
    let high = try Listing(of: tower(200))
    #expect(high.logicalBytes == .max && high.uniqueBytes == 4)
    #expect(try SharingGraph(of: tower(200)).savedBytes == .max)
  }
}
