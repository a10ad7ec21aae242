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
  var located: [Int] = [0]

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

extension RuleTable.Kind {
  fileprivate init(_ tree: Tree<Leaf>) {
    switch tree {
    case .list: self = .list
    case .tuple: self = .tuple
    default: self = .dictionary
    }
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
