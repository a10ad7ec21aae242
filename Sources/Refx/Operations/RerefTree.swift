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
  /// The first sight of a Ref that holds a single leaf, which nearly all are; nil where it is looked at closer.
  static func sight(in tree: Tree<Self>) -> BorrowedSight?
  /// The collection of such a sight.
  static func collection(in tree: Tree<Self>) -> CollectionTag?
}

extension Leaf: RerefElement {
  var plain: Leaf? { self }
  @inline(__always) static func sight(in tree: Tree<Leaf>) -> BorrowedSight? { tree.borrowedSight }
  @inline(__always) static func collection(in tree: Tree<Leaf>) -> CollectionTag? { tree.collectionOfValue }
}

extension RefLeaf: RerefElement {
  var plain: Leaf? {
    if case .leaf(let leaf) = self { leaf } else { nil }
  }
  static func sight(in tree: RefTree) -> BorrowedSight? { nil }
  static func collection(in tree: RefTree) -> CollectionTag? { nil }
}

/// One pass of reref over a tree, or over several that share values.
struct RerefWalk<Element: RerefElement> {
  /// The Refs that were made, by index. The tree that is being made holds them.
  private var made = TableByIndex<Unmanaged<AnyRef>>()

  mutating func visit(_ tree: Tree<Element>, depth: Int) throws -> RefTree {
    switch tree {
    case .leaf(let element):
      guard let leaf = element.plain else { throw RefxError.refInRereffed() }
      return .leaf(.leaf(leaf))
    case .list(let members): return .list(try visit(members, depth: depth + 1) { Key($0) })
    case .tuple(let members): return .tuple(try visit(members, depth: depth + 1) { Key($0) })
    case .dictionary(let branches):
      let members = try visit(branches.members, depth: depth + 1) { branches.keys[$0] }
      return .dictionary(Branches(ascending: branches.keys, members: members))
    case .none: return .none
    case .nothing: return .nothing
    case .hole: return .hole
    case .static(let value): return .static(value)
    case .value(let value): return try visit(value, depth: depth)
    case .index(let index):
      guard let ref = made[index.index]?.takeUnretainedValue() else {
        throw RefxError.indexWithoutValue(index: index.index, path: .root)
      }
      if let ref = ref as? Ref<Leaf> { return .ref(ref) }
      return .ref(unsafeDowncast(ref, to: Ref<RefTree>.self))
    }
  }

  @inline(__always)
  private mutating func visit(
    _ members: [Tree<Element>], depth: Int, _ key: (Int) -> Key
  ) throws -> [RefTree] {
    if depth > maximumTreeDepth { throw RefxError.tooDeep() }
    var rereffed: [RefTree] = []
    rereffed.reserveCapacity(members.count)
    for position in members.indices {
      do {
        if let sight = Element.sight(in: members[position]) {
          let collection = Element.collection(in: members[position])
          rereffed.append(.ref(try made(sight.leaf, collection, sight.index)))
        } else {
          rereffed.append(try visit(members[position], depth: depth))
        }
      } catch let error as RefxError {
        throw error.under(key(position))
      }
    }
    return rereffed
  }

  private mutating func visit(_ value: Value<Tree<Element>>, depth: Int) throws -> RefTree {
    if case .leaf(let element) = value.value, let leaf = element.plain {
      return .ref(try made(leaf, value.collection, value.index))
    }
    if depth >= maximumTreeDepth { throw RefxError.tooDeep() }
    let ref = Ref<RefTree>(.none, collection: value.collection)
    try register(ref, at: value.index)
    do {
      ref.stored = try visit(value.value, depth: depth + 1)
    } catch let error as RefxError {
      throw value.value.isReference ? error.under("0") : error
    }
    return .ref(ref)
  }

  @inline(__always)
  private mutating func made(
    _ leaf: consuming Leaf, _ collection: consuming CollectionTag?, _ index: Int
  ) throws -> Ref<Leaf> {
    let ref = Ref(leaf, collection: collection)
    try register(ref, at: index)
    return ref
  }

  private mutating func register(_ ref: AnyRef, at index: Int) throws {
    guard made.insert(.passUnretained(ref), at: index) else {
      throw RefxError.valueAlreadyExists(index: index, path: .root)
    }
  }
}
