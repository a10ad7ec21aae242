import Refx

extension PartRecord {
  /// Takes from another part's record what both say.
  mutating func share(with other: PartRecord) {
    if names == other.names { names = other.names }
    if holes == other.holes { holes = other.holes }
  }
}

extension Tree where Element == Leaf {
  /// The structure, with a hole for each site.
  var skeleton: Tree {
    switch self {
    case .leaf, .value, .index: .hole
    case .dictionary(let branches):
      .dictionary(Branches(ascending: branches.keys, members: branches.members.map(\.skeleton)))
    case .list(let members): .list(members.map(\.skeleton))
    case .tuple(let members): .tuple(members.map(\.skeleton))
    default: self
    }
  }

  /// The same tree, which has the nodes of `skeleton` in the place of equal ones of its own: they are in memory once.
  func sharing(_ skeleton: Tree) -> (tree: Tree, isEqual: Bool) {
    func share(_ members: [Tree], _ others: [Tree]) -> [Tree]? {
      var isEqual = true
      let shared = zip(members, others).map { member, other in
        let (tree, same) = member.sharing(other)
        isEqual = isEqual && same
        return tree
      }
      return isEqual ? nil : shared
    }
    guard hasSameMembers(as: skeleton) else { return (self, false) }
    switch (self, skeleton) {
    case (.dictionary(let one), .dictionary(let other)):
      guard let members = share(one.members, other.members) else { return (skeleton, true) }
      return (.dictionary(Branches(ascending: other.keys, members: members)), false)
    case (.list(let one), .list(let other)):
      return share(one, other).map { (.list($0), false) } ?? (skeleton, true)
    case (.tuple(let one), .tuple(let other)):
      return share(one, other).map { (.tuple($0), false) } ?? (skeleton, true)
    default: return (skeleton, true)
    }
  }

  var isHole: Bool { if case .hole = self { true } else { false } }

  /// Whether a partition moves this as a whole: a plain leaf or a Ref.
  var isPartSite: Bool {
    switch self {
    case .leaf, .value, .index: true
    default: false
    }
  }

  /// Whether both are nodes of one kind with the same keys, or equal in what has no members.
  func hasSameMembers(as other: Tree) -> Bool {
    switch (self, other) {
    case (.dictionary(let one), .dictionary(let other)): one.keys == other.keys
    case (.list(let one), .list(let other)), (.tuple(let one), .tuple(let other)): one.count == other.count
    case (.none, .none), (.nothing, .nothing), (.hole, .hole): true
    case (.static(let one), .static(let other)): one == other
    default: false
    }
  }

  var memberNodes: [Tree] {
    switch self {
    case .dictionary(let branches): branches.members
    case .list(let members), .tuple(let members): members
    default: []
    }
  }
}
