import Refx
import Testing

/// deref → reref → deref is the identity on dereffed trees: exhaustively for small trees, then at random.
@Suite struct RoundTrips {
  /// All ordered trees of up to five nodes, each leaf a plain one, None or one of three Refs.
  @Test func allSmallTrees() throws {
    var count = 0
    for nodes in 1...5 {
      for shape in Shape.all(of: nodes) {
        let places = shape.leafCount
        var choice = [Int](repeating: 0, count: places)
        repeat {
          count += 1
          try check(shape, choice)
        } while Shape.next(&choice, below: 5)
      }
    }
    #expect(count == 3198)
  }

  private func check(_ shape: Shape, _ choice: [Int]) throws {
    let refs = [Ref(0, collection: "params"), Ref(1), Ref(2, collection: 3)]
    var rest = choice[...]
    let tree = shape.tree { () -> RefTree in
      let chosen = rest.removeFirst()
      return chosen < 3 ? .ref(refs[chosen]) : chosen == 3 ? .leaf(9) : .none
    }
    let dereffed = try deref(tree)
    let live = try reref(dereffed)
    let again = try deref(live)
    let scalars = try dereffed.scalars()
    #expect(try again.scalars() == scalars, "\(tree.structure) \(choice)")
    // Sharing is the same, site by site; each value stands once, where it is seen first.
    let before = tree.leaves().map { $0.ref }
    let after = live.leaves().map { $0.ref }
    for (one, two) in zip(before.indices, after.indices) {
      for other in 0..<one {
        #expect(
          (before[one] === before[other] && before[one] != nil)
            == (after[two] === after[other] && after[two] != nil))
      }
    }
    #expect(
      Set(before.compactMap { $0 }).count == tree.leaves().count(where: { $0.ref != nil })
        - indexCount(dereffed))
    // Partition and merge are inverses on both.
    let (parts, structure) = treePartition(dereffed, byCollection("params"), byCollection(nil))
    #expect(try mergePartitions(parts, structure).scalars() == scalars)
  }

  private func indexCount(_ tree: Tree<Leaf>) -> Int {
    treePartition(tree).partitions[0].leaves.count { if case .index = $0 { true } else { false } }
  }

  @Test(arguments: 0..<40) func randomTrees(_ seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let refs: [RefLeaf] = (0..<20).map {
      .ref(Ref($0, collection: $0 % 3 == 0 ? nil : .number(Int64($0 % 3))))
    }
    let subtrees = (0..<6).map { _ in Ref<RefTree>(.none, collection: "subtrees") }
    func grow(_ budget: Int) -> RefTree {
      if budget <= 1 {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: return .leaf(Int.random(in: 0..<100, using: &random))
        case 1: return .nothing
        case 2: return .none
        case 3: return .ref(subtrees.randomElement(using: &random)!)
        default: return .leaf(refs.randomElement(using: &random)!)
        }
      }
      let members = (0..<Int.random(in: 0...6, using: &random)).map { _ in grow(budget / 3) }
      switch Int.random(in: 0..<3, using: &random) {
      case 0: return .list(members)
      case 1: return .tuple(members)
      default: return .dictionary(members.enumerated().map { (Key("é\(members.count - $0)"), $1) })
      }
    }
    for subtree in subtrees { subtree.value = grow(30) }
    let tree = RefTree.list([grow(200), grow(200)])
    let dereffed = try deref(tree)
    let live = try reref(dereffed)
    #expect(try deref(live).scalars() == dereffed.scalars(), "seed \(seed)")
    #expect(tree.structure == live.structure, "seed \(seed)")
    // An update from another copy makes them equal; a second one changes nothing.
    let changed = try dereffed.map { Leaf(try Int(leaf: $0) + 1) }
    try updateRefs(live, changed)
    for (now, then) in zip(live.leaves(), try reref(changed).leaves()) where now.ref is Ref<Leaf> {
      #expect(
        try Scalar(RefTree.leaf(now).plainLeaf()) == Scalar(RefTree.leaf(then).plainLeaf()), "seed \(seed)")
    }
    for subtree in subtrees { subtree.value = .none }
    for case let subtree as Ref<RefTree> in live.leaves().compactMap(\.ref) { subtree.value = .none }
  }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
private struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// The shape of an ordered tree.
private indirect enum Shape {
  case leaf
  case node([Shape])

  var leafCount: Int {
    switch self {
    case .leaf: 1
    case .node(let members): members.reduce(0) { $0 + $1.leafCount }
    }
  }

  /// All shapes of `nodes` nodes; a node without members is a container as well as a leaf.
  static func all(of nodes: Int) -> [Shape] {
    if nodes == 1 { return [.leaf, .node([])] }
    return forests(of: nodes - 1).map { .node($0) }
  }

  private static func forests(of nodes: Int) -> [[Shape]] {
    if nodes == 0 { return [[]] }
    return (1...nodes).flatMap { first in
      all(of: first).flatMap { shape in forests(of: nodes - first).map { [shape] + $0 } }
    }
  }

  /// Lists at even depths, dictionaries at odd ones.
  func tree(depth: Int = 0, _ leaf: () -> RefTree) -> RefTree {
    switch self {
    case .leaf: return leaf()
    case .node(let members):
      let made = members.map { $0.tree(depth: depth + 1, leaf) }
      return depth % 2 == 0 ? .list(made) : .dictionary(made.enumerated().map { (Key($0), $1) })
    }
  }

  /// The next number of as many digits; false after the last.
  static func next(_ digits: inout [Int], below base: Int) -> Bool {
    for place in digits.indices {
      digits[place] += 1
      if digits[place] < base { return true }
      digits[place] = 0
    }
    return false
  }
}
