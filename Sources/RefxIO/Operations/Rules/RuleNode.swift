import Refx

/// A container in the making.
struct RuleNode {
  var kind = RuleTable.Kind.dictionary
  /// The containers of the origin that it is made of, as they are met.
  var containers: [Int] = []
  /// Each with the range of its items.
  var members: [(key: Key, range: Range<Int>)] = []

  /// Whether the members of a list or tuple are 0, 1, 2, …
  var isWhole: Bool { members.indices.allSatisfy { Key($0) == members[$0].key } }
}

extension RuleTable {
  /// The container whose contents are `range` of a space's items, and its members in the order of the tree.
  func node(_ space: Int, _ range: Range<Int>, depth: Int) -> RuleNode {
    var node = RuleNode()
    for position in range {
      let step = items[spaces[space].items[position]].steps[depth]
      if let last = node.members.last, last.key == step.key {
        node.members[node.members.count - 1].range = last.range.lowerBound..<(position + 1)
      } else {
        node.members.append((step.key, position..<(position + 1)))
      }
      if let container = step.container, node.containers.last != container {
        node.containers.append(container)
      }
    }
    // What was put together out of a dictionary and a list is a dictionary.
    let kinds = node.containers.map { containers[$0].kind }
    node.kind = kinds.contains(.dictionary) ? .dictionary : kinds.first ?? .dictionary
    if node.kind == .cell {
      let isCell = node.members.count == 1 && node.members[0].key == "0" && node.members[0].range.count == 1
      if !isCell { node.kind = .dictionary }
    }
    if node.kind == .list || node.kind == .tuple {
      let order = node.members.map { Int($0.key.string) ?? .max }
      node.members = node.members.indices.sorted { (order[$0], $0) < (order[$1], $1) }.map {
        node.members[$0]
      }
    }
    return node
  }
}
