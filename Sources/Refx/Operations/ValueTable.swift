/// The values of a dereffed tree's Refs, found by index: what a later sight stands for.
///
/// Making it visits every node once and reads no payload.
public struct ValueTable<Element> {
  /// One Ref: what it holds, and where it is first seen.
  public struct Entry {
    /// What the Ref holds; itself a reference where a Ref stands directly inside a Ref.
    public let value: Tree<Element>
    /// The collection of the Ref; nil where it has none.
    public let collection: CollectionTag?
    /// Where the Ref is first seen.
    public let firstSite: Path
    /// How many sites the Ref has.
    public fileprivate(set) var siteCount: Int
  }

  private var entries = TableByIndex<Entry>()
  /// The indexes, in order of first sight.
  public private(set) var indexes: [Int] = []

  /// - Parameter inAnyOrder: whether an index may come before its value, as in a tree whose members were
  ///   just put in another order.
  /// - Throws: ``RefxError`` where a value comes twice or, unless `inAnyOrder`, an index before its value.
  public init(of tree: Tree<Element>, inAnyOrder: Bool = false) throws {
    try collect(tree, at: .root, inAnyOrder)
  }

  /// The Ref with this index; nil where the tree has none.
  public subscript(index: Int) -> Entry? { entries[index] }

  private mutating func collect(_ tree: Tree<Element>, at path: Path, _ inAnyOrder: Bool) throws {
    switch tree {
    case .value(let value):
      let entry = Entry(
        value: value.value, collection: value.collection, firstSite: path, siteCount: 1)
      guard entries.insert(entry, at: value.index) else {
        throw RefxError.valueAlreadyExists(index: value.index, path: path)
      }
      indexes.append(value.index)
      try collect(value.value, at: value.value.isReference ? path.appending("0") : path, inAnyOrder)
    case .index(let index):
      if !entries.update(index.index, { $0.siteCount += 1 }), !inAnyOrder {
        throw RefxError.indexWithoutValue(index: index.index, path: path)
      }
    case .dictionary(let branches):
      for (key, member) in zip(branches.keys, branches.members) where member.mayHoldReferences {
        try collect(member, at: path.appending(key), inAnyOrder)
      }
    case .list(let members), .tuple(let members):
      for (position, member) in members.enumerated() where member.mayHoldReferences {
        try collect(member, at: path.appending(Key(position)), inAnyOrder)
      }
    default: break
    }
  }
}

extension ValueTable.Entry: Sendable where Element: Sendable {}
extension ValueTable: Sendable where Element: Sendable {}

extension ValueTable {
  /// What stands at `path`, and the path at which a listing names it: sites are looked through, later ones
  /// too, so that every way to a value finds it.
  ///
  /// - Returns: nil where nothing stands there. A Ref itself is returned as what it holds.
  public func resolve(_ path: Path, in tree: Tree<Element>) -> Tree<Element>? {
    var place = tree
    for key in path.keys {
      switch open(place) {
      case let inner where inner.isReference:
        guard key == "0" else { return nil }
        place = inner
      case let inner:
        guard let next = inner.member(key) else { return nil }
        place = next
      }
    }
    return open(place)
  }

  /// What stands at `path`, a Ref's site as such; nil where nothing does. With it the path at which a listing names
  /// it, where that is another: inside a shared value that is first seen elsewhere.
  func site(at path: Path, in tree: Tree<Element>) -> (tree: Tree<Element>, home: Path?)? {
    var place = tree
    var home: Path?
    for key in path.keys {
      if case .index(let index) = place { home = entries[index.index]?.firstSite }
      let inside = open(place)
      if inside.isReference {
        guard key == "0" else { return nil }
        place = inside
      } else {
        guard let next = inside.member(key) else { return nil }
        place = next
      }
      home?.keys.append(key)
    }
    return (place, home)
  }

  /// What a Ref's site stands for; anything else as it is.
  public func open(_ place: Tree<Element>) -> Tree<Element> {
    switch place {
    case .value(let value): value.value
    case .index(let index): entries[index.index]?.value ?? place
    default: place
    }
  }
}

extension Tree {
  /// Whether a Ref may stand here or below: false for what has no members.
  fileprivate var mayHoldReferences: Bool {
    switch self {
    case .dictionary, .list, .tuple, .value, .index: true
    default: false
    }
  }

  /// The number of the Ref that stands here; nil where none does.
  public var referenceIndex: Int? {
    switch self {
    case .value(let value): value.index
    case .index(let index): index.index
    default: nil
    }
  }
}
