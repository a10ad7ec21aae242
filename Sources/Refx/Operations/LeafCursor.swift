/// Something with leaves in a fixed order: a ``Tree`` or a ``Partition``.
public protocol LeafAligned<Element> {
  /// What stands at the leaves.
  associatedtype Element
  /// Goes through the leaves in order: plain leaves, Refs, Values, Indexes, Nothings, holes.
  var leafCursor: LeafCursor<Element> { get }
  /// The path of one leaf, for messages.
  func alignedPath(of position: Int) -> Path
}

extension Tree: LeafAligned {
  public var leafCursor: LeafCursor<Element> { LeafCursor(self) }

  public func alignedPath(of position: Int) -> Path {
    let rules = Flattening<Element>(derefsAreLeaves: true, nothingsAreLeaves: true)
    return Flattener.flatten(self, rules) { _ in }.path(of: position)
  }
}

extension Partition: LeafAligned {
  public var leafCursor: LeafCursor<Element> { LeafCursor(leaves) }
  public func alignedPath(of position: Int) -> Path { layout.path(of: position) }
}

/// Stands at one leaf after the other, so that two trees are gone through side by side without a copy of either's
/// leaves.
public struct LeafCursor<Element> {
  /// The members among which the cursor stands, and where.
  private var members: [Tree<Element>]
  private var place = -1
  /// The nodes around them.
  private var outer: [(members: [Tree<Element>], place: Int)] = []
  /// Whether the members are a part's leaves, which nobody enters; and where parts share, who has which leaf.
  private let isPart: Bool
  private let share: LeafShare?
  /// How many leaves it has passed, the one where it stands among them.
  private(set) var count = 0
  /// Whether it stands where another part has the leaf.
  private var isElsewhere = false

  init(_ tree: Tree<Element>) {
    members = [tree]
    isPart = false
    share = nil
  }

  init(_ leaves: PartLeaves<Element>) {
    members = leaves.own
    isPart = true
    share = leaves.share
  }

  /// The leaf where the cursor stands.
  var leaf: Tree<Element> {
    @inline(__always) get { isElsewhere ? .nothing : members[place] }
  }

  /// Goes to the next leaf.
  ///
  /// - Returns: false where there is none.
  @inline(__always)
  mutating func advance() -> Bool {
    if isPart { return advanceInPart() }
    while true {
      place += 1
      while place == members.count {
        guard let around = outer.popLast() else { return false }
        members = around.members
        place = around.place + 1
      }
      switch members[place] {
      case .leaf, .value, .index, .nothing, .hole:
        count += 1
        return true
      case .dictionary(let branches): enter(branches.members)
      case .list(let inner), .tuple(let inner): enter(inner)
      case .none, .static: break
      }
    }
  }

  private mutating func enter(_ inner: [Tree<Element>]) {
    outer.append((members, place))
    members = inner
    place = -1
  }

  private mutating func advanceInPart() -> Bool {
    guard count < share?.owners.count ?? members.count else { return false }
    if let share {
      let rank = share.owners.rank(of: count, in: share.part)
      isElsewhere = rank == nil
      if let rank { place = rank }
    } else {
      place = count
    }
    count += 1
    return true
  }

  /// How many leaves there are in all.
  var total: Int {
    var rest = self
    while rest.advance() {}
    return rest.count
  }
}
