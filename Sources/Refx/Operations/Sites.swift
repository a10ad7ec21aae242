/// One node of a dereffed tree with the path at which it stands.
public struct Site<Element> {
  /// What stands at a site.
  public enum Content {
    case leaf(Element)
    case dictionary(count: Int)
    case list(count: Int)
    case tuple(count: Int)
    case none, nothing, hole
    case `static`(StaticValue)
    /// Another Ref: the site's own Ref holds a Ref, which stands at the path's "0".
    case reference
  }

  /// What makes a site one of a shared reference.
  public struct Reference: Hashable, Sendable {
    public let index: Int
    /// Whether this is the Ref's first site.
    public let isFirst: Bool
    public let collection: CollectionTag?
  }

  public let path: Path
  /// What stands here; at a later site of a Ref what stands at its first.
  public let content: Content
  /// Set where a Ref stands here.
  public let reference: Reference?
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
  /// - Throws: what `body` throws, and ``RefxError`` where an index comes before its value.
  public func forEachSite(_ body: (Site<Element>) throws -> Void) throws {
    var walk = SiteWalk<Element>()
    try walk.visit(self, at: .root, body)
  }

  /// Every site, in the order of ``forEachSite(_:)``.
  public func sites() throws -> [Site<Element>] {
    var all: [Site<Element>] = []
    try forEachSite { all.append($0) }
    return all
  }
}

private struct SiteWalk<Element> {
  private var seen: [Int: Site<Element>.Content] = [:]

  mutating func visit(
    _ tree: Tree<Element>, at path: Path, _ body: (Site<Element>) throws -> Void
  ) throws {
    switch tree {
    case .value(let value):
      if seen[value.index] != nil { throw RefxError.valueAlreadyExists(index: value.index, path: path) }
      let content = SiteWalk.content(of: value.value)
      seen[value.index] = content
      try body(
        Site(
          path: path, content: content,
          reference: .init(index: value.index, isFirst: true, collection: value.collection)))
      try visitMembers(of: value.value, at: path, body)
    case .index(let index):
      guard let content = seen[index.index] else {
        throw RefxError.indexWithoutValue(index: index.index, path: path)
      }
      try body(
        Site(
          path: path, content: content,
          reference: .init(index: index.index, isFirst: false, collection: index.collection)))
    default:
      try body(Site(path: path, content: SiteWalk.content(of: tree), reference: nil))
      try visitMembers(of: tree, at: path, body)
    }
  }

  private mutating func visitMembers(
    of tree: Tree<Element>, at path: Path, _ body: (Site<Element>) throws -> Void
  ) throws {
    switch tree {
    case .dictionary(let branches):
      for (key, member) in zip(branches.keys, branches.members) {
        try visit(member, at: path.appending(key), body)
      }
    case .list(let members), .tuple(let members):
      for (position, member) in members.enumerated() {
        try visit(member, at: path.appending(Key(position)), body)
      }
    case .value, .index: try visit(tree, at: path.appending("0"), body)
    default: break
    }
  }

  private static func content(of tree: Tree<Element>) -> Site<Element>.Content {
    switch tree {
    case .leaf(let element): .leaf(element)
    case .dictionary(let branches): .dictionary(count: branches.count)
    case .list(let members): .list(count: members.count)
    case .tuple(let members): .tuple(count: members.count)
    case .none: .none
    case .nothing: .nothing
    case .hole: .hole
    case .static(let value): .static(value)
    case .value, .index: .reference
    }
  }
}
