/// Finds out whether parts of a tree hold the same: all that can be known without payload, and which leaves must
/// be equal besides.
///
/// What is demanded of a shared value holds for all that was found the same, so each is looked into once for
/// each other that it is the same as for the first time: the work grows with the tree, rings of Refs end.
struct Equality {
  /// The shared value that stands at a node; nil where none does.
  private let entry: (Tree<Leaf>) -> Int?
  private let content: (Int) -> Tree<Leaf>
  /// What stands at a node once every Ref is looked through; nil where there is nothing else.
  private let plain: (Tree<Leaf>) -> Tree<Leaf>?
  /// Towards the representative of a shared value; one that is not here is its own.
  private var parents: [Int: Int] = [:]
  /// Leaves that must be equal, and the demand that says so.
  private(set) var leaves: [(one: Leaf, other: Leaf, demand: Int)] = []
  /// The demands that do not hold, whatever the leaves are.
  private(set) var refused: Set<Int> = []

  /// Whether nothing was demanded of any two.
  private(set) var isIdle = true

  /// - Parameter values: the shared values of the tree.
  init(of values: SharedValues) {
    entry = { values.position(of: $0) }
    content = { values[$0].content }
    plain = { values.plain($0) }
  }

  /// One of the shared values that this one must be the same as; for all of them the same one.
  mutating func representative(of position: Int) -> Int {
    var position = position
    while let next = parents[position] {
      if let further = parents[next] { parents[position] = further }
      position = next
    }
    return position
  }

  /// Demands that two nodes hold the same.
  mutating func demand(_ demand: Int, that one: Tree<Leaf>, is other: Tree<Leaf>) {
    isIdle = false
    var open = [(one, other)]
    while let (one, other) = open.popLast() {
      if let first = entry(one), let second = entry(other) {
        let (a, b) = (representative(of: first), representative(of: second))
        if a == b { continue }
        parents[max(a, b)] = min(a, b)
        open.append((content(first), content(second)))
        continue
      }
      guard let one = plain(one), let other = plain(other) else {
        refused.insert(demand)
        continue
      }
      switch (one, other) {
      case (.leaf(let leaf), .leaf(let second)):
        if leaf.dtype != second.dtype || leaf.shape != second.shape {
          refused.insert(demand)
        } else if leaf.source !== second.source {
          leaves.append((leaf, second, demand))
        }
      case (.static(let value), .static(let second)) where value == second: break
      case (.none, .none), (.nothing, .nothing), (.hole, .hole): break
      case (.dictionary(let branches), .dictionary(let second)) where branches.keys == second.keys:
        open += zip(branches.members, second.members)
      case (.list(let members), .list(let second)) where members.count == second.count,
        (.tuple(let members), .tuple(let second)) where members.count == second.count:
        open += zip(members, second)
      default: refused.insert(demand)
      }
    }
  }
}
