/// Makes the tree out of the pieces: members in order, shared objects numbered as they are first seen.
struct TreeFinisher {
  /// Whether class instances at a single site stand as shared values too.
  var marksEveryObject = false
  /// The objects, by their number; kept only where every object is marked.
  private var objects: [LiveModel.Entry?] = []
  private var nextNumber = 0

  init(marksEveryObject: Bool = false) {
    self.marksEveryObject = marksEveryObject
  }

  /// The objects of the finished tree, by number.
  var entries: [LiveModel.Entry] { objects.compactMap { $0 } }

  /// Class instances that are marked are levels of their own, which a checkpoint does not have.
  private var maximumDepth: Int { marksEveryObject ? 2 * maximumTreeDepth : maximumTreeDepth }

  mutating func tree(of piece: Piece) throws -> Tree<Leaf> {
    try tree(of: piece, place: .root(), depth: 0)
  }

  private mutating func tree(of piece: Piece, place: Place, depth: Int) throws -> Tree<Leaf> {
    guard depth <= maximumDepth else { throw RefxError.modelTooDeep(path: place.path) }
    switch piece {
    case .leaf(let leaf): return .leaf(leaf)
    case .static(let value): return .static(value)
    case .none: return .none
    case .some(let inner): return .tuple([try tree(of: inner, place: place.appending("0"), depth: depth + 1)])
    case .slot(let slot): return try tree(of: slot.piece ?? .keyed(KeyedPiece()), place: place, depth: depth)
    case .keyed(let members): return .dictionary(try branches(of: members, place: place, depth: depth))
    case .list(let list):
      if let row = list.row { return .leaf(row) }
      let pieces = list.members
      var members: [Tree<Leaf>] = []
      members.reserveCapacity(pieces.count)
      for (position, member) in pieces.enumerated() {
        let memberPlace = place.appending(position: position)
        members.append(try tree(of: member, place: memberPlace, depth: depth + 1))
      }
      return .list(members)
    case .object(let object): return try tree(of: object, place: place, depth: depth)
    }
  }

  private mutating func tree(of object: ObjectPiece, place: Place, depth: Int) throws -> Tree<Leaf> {
    let content = object.content ?? .none
    guard object.isShared || marksEveryObject else {
      return try tree(of: content, place: place, depth: depth)
    }
    if let number = object.number { return .index(Index(number, collection: object.collection)) }
    let number = nextNumber
    nextNumber += 1
    object.number = number
    if marksEveryObject { objects.append(nil) }
    // A shared object directly inside another stands at "0", one level below.
    var inside = place
    if case .object(let inner) = content, inner.isShared { inside = place.appending("0") }
    let inner = try tree(of: content, place: inside, depth: depth + 1)
    if marksEveryObject {
      objects[number] = LiveModel.Entry(
        object: object.object, content: inner, isShared: object.isShared, firstPlace: place,
        ref: object.ref)
    }
    return .value(Value(inner, index: number, collection: object.collection))
  }

  private mutating func branches(of piece: KeyedPiece, place: Place, depth: Int) throws -> Branches<Leaf> {
    let order = try piece.order(at: place)
    var keys: [Key] = []
    var members: [Tree<Leaf>] = []
    keys.reserveCapacity(order.count)
    members.reserveCapacity(order.count)
    for position in order {
      let key = piece.keys[position]
      keys.append(key)
      members.append(try tree(of: piece.members[position], place: place.appending(key), depth: depth + 1))
    }
    return Branches(ascending: keys, members: members)
  }
}
