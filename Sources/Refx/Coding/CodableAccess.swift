/// How a live tree reads and writes a Ref whose value is of a Codable type of your own.
public enum CodableAccess<Value: Codable>: RefAccess {
  /// The value as a tree with its own Refs as leaves.
  public static func tree(of value: Value) throws -> RefTree {
    try TreeEncoder().refTree(of: value)
  }

  /// The value in `tree`, which takes the Refs of `tree` as they are.
  ///
  /// - Throws: ``RefxError`` with every difference where the tree does not fit the type.
  public static func value(of tree: RefTree) throws -> Value {
    var numbers: [ObjectIdentifier: Int] = [:]
    var live: [AnyRef] = []
    let numbered: Tree<Leaf> = tree.flatMap { leaf in
      switch leaf {
      case .leaf(let leaf): return .leaf(leaf)
      case .ref(let reference):
        let identity = ObjectIdentifier(reference.ref)
        let number = numbers[identity] ?? live.count
        if number == live.count {
          numbers[identity] = number
          live.append(reference.ref)
        }
        return .index(Index(number, collection: reference.ref.collection))
      }
    }
    return try TreeDecoder().decode(
      Value.self, from: numbered, sharing: try SharedValues(of: numbered, live: live))
  }
}

extension TreeEncoder {
  /// The model as a live tree: its own Refs are the leaves, so that `treePartition`, `updateRefs` and the
  /// other operations work on the model itself. A class instance stands at each of its sites with the same
  /// members.
  ///
  /// The values of the Refs are not looked at.
  ///
  /// - Throws: ``RefxError`` as ``encode(_:)`` does, and where a Ref holds what is not Codable.
  public func refTree<Model: Encodable>(of model: Model) throws -> RefTree {
    let session = EncodingSession(looksIntoRefs: false)
    let piece = try session.piece(of: model, at: .root())
    var finisher = LiveTreeFinisher()
    return try finisher.tree(of: piece)
  }
}

/// Makes a live tree out of the pieces.
struct LiveTreeFinisher {
  private var trees: [ObjectIdentifier: RefTree] = [:]

  mutating func tree(of piece: Piece, place: Place = .root(), depth: Int = 0) throws -> RefTree {
    guard depth <= maximumTreeDepth else { throw RefxError.modelTooDeep(path: place.path) }
    switch piece {
    case .leaf(let leaf): return .leaf(.leaf(leaf))
    case .static(let value): return .static(value)
    case .none: return .none
    case .some(let inner): return .tuple([try tree(of: inner, place: place.appending("0"), depth: depth + 1)])
    case .slot(let slot): return try tree(of: slot.piece ?? .keyed(KeyedPiece()), place: place, depth: depth)
    case .keyed(let members):
      let order = try members.order(at: place)
      return .dictionary(
        Branches(
          ascending: order.map { members.keys[$0] },
          members: try order.map {
            try tree(of: members.members[$0], place: place.appending(members.keys[$0]), depth: depth + 1)
          }))
    case .list(let list):
      return .list(
        try list.members.enumerated().map { position, member in
          try tree(of: member, place: place.appending(Key(position)), depth: depth + 1)
        })
    case .object(let object):
      if let live = object.live { return .leaf(.ref(live)) }
      let identity = ObjectIdentifier(object.object)
      if let known = trees[identity] { return known }
      let made = try tree(of: object.content ?? .none, place: place, depth: depth)
      trees[identity] = made
      return made
    }
  }
}
