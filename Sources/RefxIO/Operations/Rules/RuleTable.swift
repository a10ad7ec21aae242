import Refx

/// A tree taken apart for rules: a row of items, each with the way to it, so that an item is moved by writing
/// another way.
///
/// A Ref that holds a subtree has a **space** of its own, in which the subtree's items have their ways; the tree
/// itself is space 0. So what lies in a shared subtree is there once, whatever happens to the subtree's sites.
/// Lists with gaps may stand here between two rules; trees have none.
struct RuleTable {
  enum Kind {
    case dictionary, list, tuple
    /// A Ref that holds a Ref, at "0".
    case cell
  }

  /// A container of the origin. Items carry it along as they move, so that a list stays one under another name.
  struct Container {
    let kind: Kind
    let origin: Path
  }

  struct Step {
    let key: Key
    /// The container that the key is of; nil where a rule made it.
    let container: Int?
  }

  enum Content {
    case leaf(Leaf)
    case `static`(StaticValue)
    case none, nothing, hole
    /// A container without members.
    case empty(Int)
    /// A site of a Ref.
    case site(Int)
  }

  struct Item {
    /// The way to it in its space.
    var steps: [Step]
    var space: Int
    var content: Content
    let origin: Path
    /// The rules that touched it, counted from 1.
    var rules: [Int] = []
    var movedBy: Int?
    var isGone = false
    /// The text of its path, once it was asked for.
    var text: String?
  }

  struct Space {
    /// By the bytes of their keys.
    var items: [Int] = []
    /// The way to the first site of its Ref, and that site.
    var prefix: [Step] = []
    var firstSite: Int?
    var isReached = true
  }

  enum Value {
    case content(Content)
    case space(Int)
  }

  struct Ref {
    var value: Value
    var collection: CollectionTag?
  }

  private(set) var containers: [Container] = []
  var items: [Item] = []
  var spaces: [Space] = [Space()]
  var refs: [Ref] = []
  /// The spaces that are reached, in the order of first sight.
  private(set) var located: [Int] = [0]

  /// - Throws: ``RefxError`` where an index comes before its value, or the tree is too deep.
  init(_ tree: Tree<Leaf>) throws {
    var numbers: [Int: Int] = [:]
    try add(tree, to: 0, [], at: .root, &numbers)
    for space in spaces.indices { sort(space) }
    try locate()
  }

  private mutating func add(
    _ tree: Tree<Leaf>, to space: Int, _ steps: [Step], at path: Path, _ numbers: inout [Int: Int]
  ) throws {
    guard path.keys.count <= maximumTreeDepth else {
      throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: path)
    }
    switch tree {
    case .leaf(let leaf): append(.leaf(leaf), to: space, steps, path)
    case .none: append(.none, to: space, steps, path)
    case .nothing: append(.nothing, to: space, steps, path)
    case .hole: append(.hole, to: space, steps, path)
    case .static(let value): append(.static(value), to: space, steps, path)
    case .index(let index):
      guard let ref = numbers[index.index] else {
        throw RefxError.indexWithoutValue(index: index.index, path: path)
      }
      append(.site(ref), to: space, steps, path)
    case .value(let value):
      let ref = refs.count
      guard numbers.updateValue(ref, forKey: value.index) == nil else {
        throw RefxError.valueAlreadyExists(index: value.index, path: path)
      }
      append(.site(ref), to: space, steps, path)
      refs.append(Ref(value: .content(.none), collection: value.collection))
      switch value.value {
      case .leaf(let leaf): refs[ref].value = .content(.leaf(leaf))
      case .static(let constant): refs[ref].value = .content(.static(constant))
      case .none: break
      case .nothing: refs[ref].value = .content(.nothing)
      case .hole: refs[ref].value = .content(.hole)
      case .value, .index:
        let inner = addSpace(to: ref)
        let cell = container(.cell, at: path)
        try add(value.value, to: inner, [Step(key: "0", container: cell)], at: path.appending("0"), &numbers)
      case .dictionary, .list, .tuple:
        if value.value.hasNoMembers {
          refs[ref].value = .content(.empty(container(Kind(value.value), at: path)))
        } else {
          try add(value.value, to: addSpace(to: ref), [], at: path, &numbers)
        }
      }
    case .dictionary, .list, .tuple:
      let container = container(Kind(tree), at: path)
      if tree.hasNoMembers { return append(.empty(container), to: space, steps, path) }
      try tree.forEachMember(at: path) { member, inner in
        guard let key = inner.keys.last else { return }
        try add(member, to: space, steps + [Step(key: key, container: container)], at: inner, &numbers)
      }
    }
  }

  private mutating func append(_ content: Content, to space: Int, _ steps: [Step], _ origin: Path) {
    spaces[space].items.append(items.count)
    items.append(Item(steps: steps, space: space, content: content, origin: origin))
  }

  private mutating func addSpace(to ref: Int) -> Int {
    spaces.append(Space())
    refs[ref].value = .space(spaces.count - 1)
    return spaces.count - 1
  }

  private mutating func container(_ kind: Kind, at path: Path) -> Int {
    containers.append(Container(kind: kind, origin: path))
    return containers.count - 1
  }
}

// MARK: Places

extension RuleTable {
  /// The way to an item from the root; of what lies in a shared subtree, by its first site.
  func way(to item: Int) -> [Step] { spaces[items[item].space].prefix + items[item].steps }

  func path(of item: Int) -> Path { Path(way(to: item).map(\.key)) }

  /// The text of an item's path.
  mutating func text(of item: Int) -> String {
    if let text = items[item].text { return text }
    let text = path(of: item).text
    items[item].text = text
    return text
  }

  /// The space of the Ref that stands there, where it holds a subtree.
  func innerSpace(of item: Int) -> Int? {
    if case .site(let ref) = items[item].content, case .space(let space) = refs[ref].value {
      space
    } else {
      nil
    }
  }

  /// How many sites each Ref has.
  func siteCounts() -> [Int] {
    var counts = Array(repeating: 0, count: refs.count)
    for item in items where !item.isGone {
      if case .site(let ref) = item.content { counts[ref] += 1 }
    }
    return counts
  }

  /// The Ref of which an item is a site; nil where it is none.
  func ref(at item: Int) -> Int? {
    if !items[item].isGone, case .site(let ref) = items[item].content { ref } else { nil }
  }

  /// All sites of some Refs.
  func sites(of wanted: Set<Int>) -> [Int: [Int]] {
    var sites: [Int: [Int]] = [:]
    for item in items.indices {
      if let ref = ref(at: item), wanted.contains(ref) { sites[ref, default: []].append(item) }
    }
    return sites
  }

  /// The items that a pattern matches, in order, with the groups. The root itself is no member of anything: where a
  /// Ref with a subtree stands there, no pattern matches it.
  ///
  /// - Throws: ``RefxError`` where a match takes too many steps.
  mutating func matches(_ pattern: RulePattern) throws -> [(item: Int, groups: [Substring?])] {
    var found: [(item: Int, groups: [Substring?])] = []
    for item in items.indices where !items[item].isGone {
      guard let groups = try pattern.expression.match(text(of: item)) else { continue }
      if innerSpace(of: item) != nil, way(to: item).isEmpty { continue }
      found.append((item, groups))
    }
    return found
  }

  /// Finds the first site of each space, and takes those away that none leads to any more.
  ///
  /// - Throws: ``RefxError`` where shared subtrees inside each other make the tree too deep.
  mutating func locate() throws {
    if spaces.count == 1 { return }
    for space in spaces.indices {
      spaces[space].isReached = space == 0
      spaces[space].prefix = []
      spaces[space].firstSite = nil
    }
    located = [0]
    try visit(0, spaces[0].items.indices, depth: 0)
    for item in items.indices where items[item].space != 0 { items[item].text = nil }
  }

  private mutating func visit(_ space: Int, _ range: Range<Int>, depth: Int) throws {
    guard let first = range.first else { return }
    let item = spaces[space].items[first]
    if items[item].steps.count == depth {
      guard let inner = innerSpace(of: item), !spaces[inner].isReached else { return }
      let way = way(to: item)
      guard way.count <= maximumTreeDepth else {
        throw RefxError.treeTooDeep(limit: maximumTreeDepth, path: Path(way.map(\.key)))
      }
      spaces[inner].isReached = true
      spaces[inner].prefix = way
      spaces[inner].firstSite = item
      located.append(inner)
      return try visit(inner, spaces[inner].items.indices, depth: 0)
    }
    for (_, members) in node(space, range, depth: depth).members {
      try visit(space, members, depth: depth + 1)
    }
  }

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

  /// Puts the items of a space in order: those in front that are, with the others put among them.
  mutating func sort(_ space: Int) {
    func isBefore(_ one: Int, _ other: Int) -> Bool { items[one].steps.order(items[other].steps) < 0 }
    let all = spaces[space].items
    var sorted = 1
    while sorted < all.count, !isBefore(all[sorted], all[sorted - 1]) { sorted += 1 }
    if sorted >= all.count { return }
    let others = all[sorted...].sorted(by: isBefore)
    var merged: [Int] = []
    merged.reserveCapacity(all.count)
    var next = 0
    for item in all[..<sorted] {
      while next < others.count, isBefore(others[next], item) {
        merged.append(others[next])
        next += 1
      }
      merged.append(item)
    }
    spaces[space].items = merged + others[next...]
  }
}

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

extension RuleTable.Kind {
  fileprivate init(_ tree: Tree<Leaf>) {
    switch tree {
    case .list: self = .list
    case .tuple: self = .tuple
    default: self = .dictionary
    }
  }
}

extension Array where Element == RuleTable.Step {
  /// Negative, zero or positive as this way comes before, is, or comes after the other, by the bytes of the keys.
  func order(_ other: [RuleTable.Step]) -> Int {
    for (mine, theirs) in zip(self, other) where mine.key != theirs.key {
      return mine.key < theirs.key ? -1 : 1
    }
    return count - other.count
  }

  func isBeginning(of other: [RuleTable.Step]) -> Bool {
    count <= other.count && zip(self, other).allSatisfy { $0.key == $1.key }
  }
}

extension Tree where Element == Leaf {
  fileprivate var hasNoMembers: Bool {
    switch self {
    case .dictionary(let branches): branches.count == 0
    case .list(let members), .tuple(let members): members.isEmpty
    default: true
    }
  }
}
