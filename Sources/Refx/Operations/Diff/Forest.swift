/// The nodes of several subtrees, each before its members.
struct Forest {
  enum State {
    case whole
    /// Something inside moved.
    case opened
    case moved
  }

  struct Node {
    /// The row that the subtree is of.
    let row: Int
    let path: Path
    let tree: Tree<Leaf>
    let parent: Int?
    /// Whether its members are nodes too.
    let isOpen: Bool
    /// Whether it is a site of a Ref that holds it: such a one moves with the Ref alone.
    var isWithinItself = false
    /// The number of the first node that is not inside.
    var end = 0
    /// The same number for the same contents; nil where they are like nothing else.
    var content: Int?
    var size = 0
    var hasArrays = false
    var state = State.whole
  }

  var nodes: [Node] = []
  /// The Refs around the node that is being added.
  private var around: Set<Int> = []

  /// - Parameter most: how many nodes are opened.
  mutating func add(_ tree: Tree<Leaf>, at path: Path, row: Int, parent: Int?, most: Int) {
    let number = nodes.count
    let isOpen = number < most
    nodes.append(Node(row: row, path: path, tree: tree, parent: parent, isOpen: isOpen))
    if case .index(let index) = tree { nodes[number].isWithinItself = around.contains(index.index) }
    if isOpen {
      if case .value(let value) = tree { around.insert(value.index) }
      defer { if case .value(let value) = tree { around.remove(value.index) } }
      var inside = tree
      if case .value(let value) = tree { inside = value.value }
      if inside.isReference {
        if case .value = tree { add(inside, at: path.appending("0"), row: row, parent: number, most: most) }
      } else {
        inside.forEachMember(at: path) { add($0, at: $1, row: row, parent: number, most: most) }
      }
    }
    nodes[number].end = nodes.count
  }

  /// The contents of what can move.
  var contents: Set<Int> { Set(nodes.lazy.filter(\.hasArrays).compactMap(\.content)) }

  /// The nodes of these contents, the largest first, then in order.
  func bySize(_ known: Set<Int>) -> [Int] {
    let chosen = nodes.indices.filter { number in
      nodes[number].hasArrays && nodes[number].content.map { known.contains($0) } ?? false
    }
    return chosen.sorted { (nodes[$1].size, $0) < (nodes[$0].size, $1) }
  }

  mutating func move(_ number: Int) {
    for inside in number..<nodes[number].end { nodes[inside].state = .moved }
    var parent = nodes[number].parent
    while let outer = parent, nodes[outer].state != .opened {
      nodes[outer].state = .opened
      parent = nodes[outer].parent
    }
  }

  /// The first node of a row, where `next` is; moves `next` on.
  func root(of row: Int, from next: inout Int) -> Int? {
    guard next < nodes.count, nodes[next].row == row else { return nil }
    defer { next = nodes[next].end }
    return next
  }

  /// The outermost nodes that moved or of which nothing did.
  func forEachOutermost(in root: Int, _ body: (Int) -> Void) {
    var number = root
    while number < nodes[root].end {
      if nodes[number].state == .opened {
        number += 1
      } else {
        body(number)
        number = nodes[number].end
      }
    }
  }
}
