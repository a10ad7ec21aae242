import Refx

/// Puts a table together again.
struct RuleTreeBuilder {
  let table: RuleTable
  private(set) var brokenLists: [RulesReport.BrokenList] = []
  /// Where each container of the origin is now; the place that it had, where it is still at several.
  private(set) var places: [Int: Path] = [:]
  private var numbers: [Int: Int] = [:]

  init(_ table: RuleTable) {
    self.table = table
  }

  /// The whole tree, its Refs numbered in order of first sight.
  mutating func tree() -> Tree<Leaf> {
    if table.spaces[0].items.isEmpty { return emptied() }
    return build(0, table.spaces[0].items.indices, depth: 0, at: .root)
  }

  /// What an item holds, as a tree of its own: of a Ref's site, what the Ref holds.
  mutating func contents(of item: Int) -> Tree<Leaf> {
    if case .site(let ref) = table.items[item].content { return value(of: ref, at: .root) }
    return tree(of: table.items[item].content, at: .root)
  }

  /// What is left of a tree without any item.
  private func emptied() -> Tree<Leaf> {
    switch table.containers.first?.kind {
    case .list: .list([])
    case .tuple: .tuple([])
    default: .dictionary([])
    }
  }

  private mutating func build(_ space: Int, _ range: Range<Int>, depth: Int, at path: Path) -> Tree<Leaf> {
    let first = table.spaces[space].items[range.lowerBound]
    if table.items[first].steps.count == depth { return tree(of: table.items[first].content, at: path) }
    let node = table.node(space, range, depth: depth)
    for container in node.containers {
      if places[container] == nil || table.containers[container].origin == path { places[container] = path }
    }
    let members = node.members.map { key, range in
      build(space, range, depth: depth + 1, at: path.appending(key))
    }
    switch node.kind {
    case .dictionary: return .dictionary(Array(zip(node.members.map(\.key), members)))
    case .cell: return members[0]
    case .list, .tuple:
      if !node.isWhole {
        brokenLists.append(
          .init(path: path, isTuple: node.kind == .tuple, members: node.members.map(\.key)))
      }
      return node.kind == .list ? .list(members) : .tuple(members)
    }
  }

  private mutating func tree(of content: RuleTable.Content, at path: Path) -> Tree<Leaf> {
    switch content {
    case .leaf(let leaf): return .leaf(leaf)
    case .static(let value): return .static(value)
    case .none: return .none
    case .nothing: return .nothing
    case .hole: return .hole
    case .empty(let container):
      if places[container] == nil { places[container] = path }
      switch table.containers[container].kind {
      case .list: return .list([])
      case .tuple: return .tuple([])
      case .dictionary, .cell: return .dictionary([])
      }
    case .site(let ref):
      let collection = table.refs[ref].collection
      if let number = numbers[ref] { return .index(Index(number, collection: collection)) }
      let number = numbers.count
      numbers[ref] = number
      return .value(.init(value(of: ref, at: path), index: number, collection: collection))
    }
  }

  private mutating func value(of ref: Int, at path: Path) -> Tree<Leaf> {
    switch table.refs[ref].value {
    case .content(let content): tree(of: content, at: path)
    case .space(let space): build(space, table.spaces[space].items.indices, depth: 0, at: path)
    }
  }
}
