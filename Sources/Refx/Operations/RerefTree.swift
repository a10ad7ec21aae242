/// The live tree of a dereffed one: each shared value becomes one new Ref, of the running task's trace level,
/// which stands at all of its sites. From refx: `reref`.
///
/// A Ref to a single leaf is a `Ref<Leaf>`, any other a `Ref<RefTree>`; it is there before its value is
/// filled in, so that cycles close. Payload is not copied. Linear in the number of nodes.
///
/// - Throws: ``RefxError`` where an index has two values, or comes before its value.
public func reref(_ tree: Tree<Leaf>) throws -> RefTree {
  var walk = RerefWalk<Leaf>()
  return try walk.visit(tree, depth: 0)
}

/// The live tree of one that may hold Derefs; see ``reref(_:)-(Tree<Leaf>)``.
///
/// - Throws: ``RefxError`` as well where it holds a Ref.
public func reref(_ tree: RefTree) throws -> RefTree {
  var walk = RerefWalk<RefLeaf>()
  return try walk.visit(tree, depth: 0)
}

extension Tree where Element == Leaf {
  /// The live tree; see ``reref(_:)-(Tree<Leaf>)``.
  public func rereffed() throws -> RefTree { try reref(self) }
}

/// A leaf that reref can meet.
protocol RerefElement {
  /// The plain leaf; nil where it is a live Ref.
  var plain: Leaf? { get }
}

extension Leaf: RerefElement {
  var plain: Leaf? { self }
}

extension RefLeaf: RerefElement {
  var plain: Leaf? {
    if case .leaf(let leaf) = self { leaf } else { nil }
  }
}

/// One pass of reref over a tree, or over several that share values.
struct RerefWalk<Element: RerefElement> {
  private var made = TableByIndex<RefLeaf>()

  mutating func visit(_ tree: Tree<Element>, depth: Int) throws -> RefTree {
    switch tree {
    case .leaf(let element):
      guard let leaf = element.plain else { throw RefxError.refInRereffed() }
      return .leaf(.leaf(leaf))
    case .list(let members): return .list(try visit(members, depth: depth + 1))
    case .tuple(let members): return .tuple(try visit(members, depth: depth + 1))
    case .dictionary(let branches):
      if depth >= maximumTreeDepth { throw RefxError.tooDeep() }
      var rereffed: [RefTree] = []
      rereffed.reserveCapacity(branches.count)
      for position in 0..<branches.count {
        do {
          rereffed.append(try visit(branches.members[position], depth: depth + 1))
        } catch let error as RefxError {
          throw error.under(branches.keys[position])
        }
      }
      return .dictionary(Branches(ascending: branches.keys, members: rereffed))
    case .none: return .none
    case .nothing: return .nothing
    case .hole: return .hole
    case .static(let value): return .static(value)
    case .value(let value): return .leaf(try visit(value, depth: depth))
    case .index(let index):
      guard let ref = made[index.index] else {
        throw RefxError.indexWithoutValue(index: index.index, path: .root)
      }
      return .leaf(ref)
    }
  }

  private mutating func visit(_ members: [Tree<Element>], depth: Int) throws -> [RefTree] {
    if depth > maximumTreeDepth { throw RefxError.tooDeep() }
    var rereffed: [RefTree] = []
    rereffed.reserveCapacity(members.count)
    for member in members {
      do {
        rereffed.append(try visit(member, depth: depth))
      } catch let error as RefxError {
        throw error.under(Key(rereffed.count))
      }
    }
    return rereffed
  }

  private mutating func visit(_ value: Value<Tree<Element>>, depth: Int) throws -> RefLeaf {
    if case .leaf(let element) = value.value, let leaf = element.plain {
      let ref = RefLeaf.ref(Ref(leaf, collection: value.collection))
      try register(ref, at: value.index)
      return ref
    }
    if depth >= maximumTreeDepth { throw RefxError.tooDeep() }
    let ref = Ref<RefTree>(.none, collection: value.collection)
    let leaf = RefLeaf.ref(ref)
    try register(leaf, at: value.index)
    do {
      ref.stored = try visit(value.value, depth: depth + 1)
    } catch let error as RefxError {
      throw value.value.isReference ? error.under("0") : error
    }
    return leaf
  }

  private mutating func register(_ ref: RefLeaf, at index: Int) throws {
    guard made.insert(ref, at: index) else { throw RefxError.valueAlreadyExists(index: index, path: .root) }
  }
}
