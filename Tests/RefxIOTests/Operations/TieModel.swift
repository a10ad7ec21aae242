import Refx
import RefxTestSupport

/// A tree as a graph in which each Ref is one node: what sharing means, told without indexes and first sites.
struct TieModel {
  struct Node {
    var label = ""
    var isRef = false
    var collection: CollectionTag?
    var children: [(key: Key, node: Int)] = []
  }

  private(set) var nodes: [Node] = []
  private var refs: [Int: Int] = [:]

  init(_ tree: Tree<Leaf>) throws { _ = try build(tree) }

  private mutating func build(_ tree: Tree<Leaf>) throws -> Int {
    if case .index(let index) = tree { return refs[index.index]! }
    let number = nodes.count
    nodes.append(Node())
    guard case .value(let value) = tree else {
      try fill(number, tree)
      return number
    }
    refs[value.index] = number
    nodes[number].isRef = true
    nodes[number].collection = value.collection
    if value.value.isReference {
      nodes[number].label = "cell"
      let inner = try build(value.value)
      nodes[number].children = [("0", inner)]
    } else {
      try fill(number, value.value)
    }
    return number
  }

  private mutating func fill(_ number: Int, _ tree: Tree<Leaf>) throws {
    switch tree {
    case .leaf(let leaf): nodes[number].label = "\(leaf.dtype) \(leaf.shape) \(try leaf.allBytes())"
    case .static(let value): nodes[number].label = "static \(value.typeName) \(value)"
    default: nodes[number].label = tree.kindName
    }
    var members: [(Key, Tree<Leaf>)] = []
    tree.forEachMember(at: .root) { members.append(($1.keys[0], $0)) }
    for (key, member) in members {
      let child = try build(member)
      nodes[number].children.append((key, child))
    }
  }

  /// The node at a path, through any site.
  subscript(path: Path) -> Int? {
    var place = 0
    for key in path.keys {
      guard let next = nodes[place].children.first(where: { $0.key == key }) else { return nil }
      place = next.node
    }
    return place
  }

  func reach(_ start: Int) -> Set<Int> {
    var found: Set<Int> = []
    var row = nodes[start].children.map(\.node)
    while let next = row.popLast() {
      if found.insert(next).inserted { row += nodes[next].children.map(\.node) }
    }
    return found
  }

  /// Whether the same is seen from two nodes, however it is shared.
  func looksLike(_ other: TieModel, at mine: Int = 0, _ theirs: Int = 0, collections: Bool = true) -> Bool {
    var seen: Set<[Int]> = []
    var row = [[mine, theirs]]
    while let pair = row.popLast() {
      guard seen.insert(pair).inserted else { continue }
      let (a, b) = (nodes[pair[0]], other.nodes[pair[1]])
      guard a.label == b.label, a.children.map(\.key) == b.children.map(\.key) else { return false }
      if collections, a.collection != b.collection { return false }
      row += zip(a.children, b.children).map { [$0.node, $1.node] }
    }
    return true
  }

  /// Whether two nodes of this graph hold the same, their ties inside too.
  func holdsTheSame(_ one: Int, _ other: Int) -> Bool {
    var pairs: [Int: Int] = [:]
    var back: [Int: Int] = [:]
    func same(_ x: Int, _ y: Int, isTop: Bool) -> Bool {
      let (a, b) = (nodes[x], nodes[y])
      if !isTop {
        guard a.isRef == b.isRef else { return false }
        if a.isRef {
          if pairs[x] != nil || back[y] != nil { return pairs[x] == y && back[y] == x }
          pairs[x] = y
          back[y] = x
          guard a.collection == b.collection else { return false }
        }
      }
      guard a.label == b.label, a.children.map(\.key) == b.children.map(\.key) else { return false }
      return zip(a.children, b.children).allSatisfy { same($0.node, $1.node, isTop: false) }
    }
    return same(one, other, isTop: true)
  }

  /// The classes of nodes once two are one, and so what stands under the same keys of both.
  func united(_ one: Int, _ other: Int) -> [Int] {
    var classes = Array(nodes.indices)
    func root(_ node: Int) -> Int {
      var node = node
      while classes[node] != node { node = classes[node] }
      return node
    }
    var row = [(one, other)]
    while let (x, y) = row.popLast() {
      let (a, b) = (root(x), root(y))
      if a == b { continue }
      classes[max(a, b)] = min(a, b)
      row += zip(nodes[x].children, nodes[y].children).map { ($0.node, $1.node) }
    }
    return classes.indices.map(root)
  }
}
