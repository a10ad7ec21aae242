import Refx

/// Every dereffed tree of few nodes, over one leaf, one static value and the keys "a", "b", ….
public enum SmallTrees {
  /// All trees of exactly `nodes` nodes.
  public static func all(nodes: Int) -> [Tree<Leaf>] {
    trees(nodes: nodes, refs: 0).map(\.tree)
  }

  /// A tree, and how many Refs have been seen when it ends.
  private typealias Made = (tree: Tree<Leaf>, refs: Int)

  private static func trees(nodes: Int, refs: Int) -> [Made] {
    guard nodes > 0 else { return [] }
    var made: [Made] = []
    if nodes == 1 {
      let leaf = Leaf(Float(1.5))
      made += [.leaf(leaf), .none, .nothing, .hole, .static(7)].map { ($0, refs) }
      made += (0..<refs).map { (.index(Index($0)), refs) }
    }
    for (members, after) in rows(nodes: nodes - 1, refs: refs) {
      made.append((.list(members), after))
      made.append((.tuple(members), after))
      let keys = ["a", "b", "c", "d", "e"].map { Key($0) }
      made.append((.dictionary(Array(zip(keys, members))), after))
    }
    for (content, after) in trees(nodes: nodes - 1, refs: refs + 1) {
      made.append((.value(Value(content, index: refs)), after))
    }
    return made
  }

  /// All rows of trees that have `nodes` nodes together.
  private static func rows(nodes: Int, refs: Int) -> [(members: [Tree<Leaf>], refs: Int)] {
    if nodes == 0 { return [([], refs)] }
    var rows: [(members: [Tree<Leaf>], refs: Int)] = []
    for size in 1...nodes {
      for first in trees(nodes: size, refs: refs) {
        for rest in self.rows(nodes: nodes - size, refs: first.refs) {
          rows.append(([first.tree] + rest.members, rest.refs))
        }
      }
    }
    return rows
  }
}
