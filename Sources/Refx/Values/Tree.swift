/// A tree of dictionaries, lists and tuples, generic over what stands at its leaves.
///
/// Two trees of this shape matter: a `Tree<Leaf>` is **dereffed**, a Sendable value that may cross a
/// boundary (a task, a process, a file): where a Ref stood it has a ``value(_:)`` at first sight and an
/// ``index(_:)`` at later ones. A ``RefTree`` (`Tree<RefLeaf>`) holds live Refs and must not cross.
///
/// Order is fixed: depth first, the members of a dictionary by code point. Trees that come out of files are
/// at most ``maximumTreeDepth`` deep.
public enum Tree<Element> {
  /// Whatever has elements: an array with its dtype and shape, or a live Ref.
  case leaf(Element)
  /// Members by key, in the order of the keys' bytes.
  case dictionary(Branches<Element>)
  /// Members in order.
  case list([Tree])
  /// Members in order, of a fixed number.
  case tuple([Tree])
  /// Python's None: a node without leaves.
  case none
  /// The tree's own Nothing.
  case nothing
  /// In a part: a site whose content went to another part. Not the origin's own ``nothing``.
  case hole
  /// Part of the structure, not of the data.
  case `static`(StaticValue)
  /// The first sight of a Ref in a dereffed tree: it carries the value.
  case value(Value<Tree>)
  /// A later sight of a Ref in a dereffed tree: it carries the index of the value seen before.
  case index(Index)
}

extension Tree: Sendable where Element: Sendable {}
extension Tree: Equatable where Element: Equatable {}
extension Tree: Hashable where Element: Hashable {}

/// How deep a tree may be: what files hold and what the Codable bridge makes.
public let maximumTreeDepth = 1000

extension Tree {
  /// A dictionary of these members, put in order.
  ///
  /// - Precondition: no key comes twice.
  @inlinable
  public static func dictionary(_ members: [(Key, Tree)]) -> Tree {
    .dictionary(Branches(members))
  }

  /// What stands at `path`, or nil. List and tuple members are named by their position; a Ref adds no key,
  /// except that a Ref directly inside a Ref stands at "0". A later sight ends the walk: its value stands
  /// elsewhere.
  public subscript(path: Path) -> Tree? {
    var place = self
    for key in path.keys {
      guard let next = place.member(key) else { return nil }
      place = next
    }
    return place
  }

  /// What stands at the path of these keys, or nil: `tree["a", 0]`.
  public subscript(keys: Key...) -> Tree? {
    self[Path(keys)]
  }

  /// The member `key` of this node, looking through a value's first sight.
  public func member(_ key: Key) -> Tree? {
    switch self {
    case .dictionary(let branches): branches[key]
    case .list(let members), .tuple(let members):
      Int(key.string).flatMap { $0 >= 0 && $0 < members.count && Key($0) == key ? members[$0] : nil }
    case .value(let value):
      if value.value.isReference { key == "0" ? value.value : nil } else { value.value.member(key) }
    default: nil
    }
  }

  /// Whether a Ref stood here, first seen or later.
  public var isReference: Bool {
    switch self {
    case .value, .index: true
    default: false
    }
  }
}

/// The members of a dictionary in a tree, ordered by key.
public struct Branches<Element> {
  /// The keys, ascending by bytes, each once.
  public let keys: [Key]
  /// The members, in the order of their keys.
  public let members: [Tree<Element>]

  /// Puts `members` in order.
  ///
  /// - Precondition: no key comes twice; see ``init(checking:)`` for keys from outside.
  @inlinable
  public init(_ members: [(Key, Tree<Element>)]) {
    guard let made = Branches(checking: members) else {
      preconditionFailure("a dictionary has one member for each key")
    }
    self = made
  }

  /// Puts `members` in order; nil where a key comes twice.
  @inlinable
  public init?(checking members: [(Key, Tree<Element>)]) {
    // Keys alone are put in order: to move a tree about is far dearer than to move a number.
    let given = members.map { $0.0 }
    guard let order = given.ascendingOrder else { return nil }
    if order.isEmpty {
      keys = given
      self.members = members.map { $0.1 }
    } else {
      keys = order.map { given[$0] }
      self.members = order.map { members[$0].1 }
    }
  }

  /// - Precondition: `keys` ascend and are as many as `members`.
  @inlinable
  package init(ascending keys: [Key], members: [Tree<Element>]) {
    self.keys = keys
    self.members = members
  }

  /// The number of members.
  @inlinable
  public var count: Int { keys.count }

  /// The member named `key`; found by bisection.
  public subscript(key: Key) -> Tree<Element>? {
    position(of: key).map { members[$0] }
  }

  /// Where the member named `key` is; nil where there is none.
  func position(of key: Key) -> Int? {
    var low = 0
    var high = keys.count
    while low < high {
      let middle = (low + high) / 2
      if keys[middle] < key { low = middle + 1 } else { high = middle }
    }
    return low < keys.count && keys[low] == key ? low : nil
  }

  /// The same keys with each member replaced.
  @inlinable
  func map<Other>(_ transform: (Key, Tree<Element>) throws -> Tree<Other>) rethrows -> Branches<Other> {
    var replaced: [Tree<Other>] = []
    replaced.reserveCapacity(members.count)
    for (key, member) in zip(keys, members) { replaced.append(try transform(key, member)) }
    return Branches<Other>(ascending: keys, members: replaced)
  }
}

extension Array where Element == Key {
  /// The positions of the keys by ascending key, empty where they ascend already; nil where one comes twice.
  @usableFromInline
  var ascendingOrder: [Int]? {
    if zip(self, dropFirst()).allSatisfy({ $0 < $1 }) { return [] }
    let order = indices.sorted { self[$0] < self[$1] }
    for (one, next) in zip(order, order.dropFirst()) where self[one] == self[next] { return nil }
    return order
  }
}

extension Branches: Sendable where Element: Sendable {}
extension Branches: Equatable where Element: Equatable {}
extension Branches: Hashable where Element: Hashable {}

extension Tree: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
  public init(dictionaryLiteral elements: (Key, Tree)...) {
    self = .dictionary(Branches(elements))
  }

  public init(arrayLiteral elements: Tree...) {
    self = .list(elements)
  }
}
