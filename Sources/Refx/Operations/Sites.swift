/// One node of a dereffed tree with the path at which it stands.
public struct Site<Element> {
  /// What stands at a site.
  public enum Content {
    /// A single leaf.
    case leaf(Element)
    /// A dictionary of so many members.
    case dictionary(count: Int)
    /// A list of so many members.
    case list(count: Int)
    /// A tuple of so many members.
    case tuple(count: Int)
    /// A place without members: see the cases of ``Tree`` of the same names.
    case none, nothing, hole
    /// A value that is part of the structure.
    case `static`(StaticValue)
    /// Another Ref: the site's own Ref holds a Ref, which stands at the path's "0".
    case reference
  }

  /// What makes a site one of a shared reference.
  public struct Reference: Hashable, Sendable {
    /// The number of the Ref.
    public let index: Int
    /// Whether this is the Ref's first site.
    public let isFirst: Bool
    /// The collection of the Ref; nil where it has none.
    public let collection: CollectionTag?

    @inlinable
    init(index: Int, isFirst: Bool, collection: CollectionTag?) {
      self.index = index
      self.isFirst = isFirst
      self.collection = collection
    }
  }

  /// Where the site is.
  public let path: Path
  /// What stands here; at a later site of a Ref what stands at its first.
  public let content: Content
  /// Set where a Ref stands here.
  public let reference: Reference?

  @inlinable
  init(path: Path, content: Content, reference: Reference?) {
    self.path = path
    self.content = content
    self.reference = reference
  }
}

extension Site.Content {
  /// Whether this is a dictionary, list, tuple or Ref: something with sites below it.
  public var isInterior: Bool {
    switch self {
    case .dictionary, .list, .tuple, .reference: true
    default: false
    }
  }
}

extension Tree {
  /// Visits every site, depth first: a node before its members, dictionaries by key, each shared value's
  /// inside once, under its first site.
  ///
  /// Linear; reads no payload. Paths grow in place: one that is kept costs a copy, one that is not costs
  /// nothing.
  ///
  /// - Throws: what `body` throws, and ``RefxError`` where an index comes before its value.
  @inlinable
  public func forEachSite(_ body: (Site<Element>) throws -> Void) throws {
    var walk = SiteWalk<Element>()
    try walk.visit(self, body)
  }

  /// Every site, in the order of ``forEachSite(_:)``.
  @inlinable
  public func sites() throws -> [Site<Element>] {
    var all: [Site<Element>] = []
    try forEachSite { all.append($0) }
    return all
  }
}

@usableFromInline
struct SiteWalk<Element> {
  /// Where the walk stands.
  @usableFromInline var keys: [Key] = []
  @usableFromInline var seen = TableByIndex<Site<Element>.Content>()

  @inlinable
  init() {}

  @inlinable
  mutating func visit(_ tree: Tree<Element>, _ body: (Site<Element>) throws -> Void) throws {
    switch tree {
    case .value(let value):
      let content = Site<Element>.Content(value.value)
      guard seen.insert(content, at: value.index) else { throw secondValue(value.index) }
      let reference = Site<Element>.Reference(
        index: value.index, isFirst: true, collection: value.collection)
      try body(Site(path: Path(keys), content: content, reference: reference))
      try visitMembers(of: value.value, body)
    case .index(let index):
      guard let content = seen[index.index] else { throw indexWithoutValue(index.index) }
      let reference = Site<Element>.Reference(
        index: index.index, isFirst: false, collection: index.collection)
      try body(Site(path: Path(keys), content: content, reference: reference))
    default:
      try body(Site(path: Path(keys), content: Site<Element>.Content(tree), reference: nil))
      try visitMembers(of: tree, body)
    }
  }

  @inlinable
  mutating func visitMembers(of tree: Tree<Element>, _ body: (Site<Element>) throws -> Void) throws {
    switch tree {
    case .dictionary(let branches):
      for position in branches.members.indices {
        try visit(branches.members[position], below: branches.keys[position], body)
      }
    case .list(let members), .tuple(let members):
      for position in members.indices { try visit(members[position], below: Key(position), body) }
    case .value, .index: try visit(tree, below: "0", body)
    default: break
    }
  }

  @inlinable
  mutating func visit(
    _ tree: Tree<Element>, below key: Key, _ body: (Site<Element>) throws -> Void
  ) throws {
    keys.append(key)
    try visit(tree, body)
    keys.removeLast()
  }

  @usableFromInline
  func secondValue(_ index: Int) -> RefxError { .valueAlreadyExists(index: index, path: Path(keys)) }

  @usableFromInline
  func indexWithoutValue(_ index: Int) -> RefxError { .indexWithoutValue(index: index, path: Path(keys)) }
}

extension Site.Content {
  /// What stands at the root of `tree`.
  @inlinable
  init(_ tree: Tree<Element>) {
    switch tree {
    case .leaf(let element): self = .leaf(element)
    case .dictionary(let branches): self = .dictionary(count: branches.count)
    case .list(let members): self = .list(count: members.count)
    case .tuple(let members): self = .tuple(count: members.count)
    case .none: self = .none
    case .nothing: self = .nothing
    case .hole: self = .hole
    case .static(let value): self = .static(value)
    case .value, .index: self = .reference
    }
  }
}
