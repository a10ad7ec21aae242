/// Makes a live tree out of the pieces.
///
/// A class instance stands at each of its sites with the same members. It is made once, but whoever walks the
/// tree meets it as often as it stands there; so nodes are counted as they will be met.
struct LiveTreeFinisher {
  /// A part of the tree, how many nodes it has, and how many levels.
  private struct Part {
    let tree: RefTree
    let nodes: Int
    let levels: Int
  }

  static let maximumNodes = 100_000_000
  private var parts: [ObjectIdentifier: Part] = [:]

  mutating func tree(of piece: Piece) throws -> RefTree {
    try part(of: piece, place: .root(), depth: 0).tree
  }

  private mutating func part(of piece: Piece, place: Place, depth: Int) throws -> Part {
    guard depth <= maximumTreeDepth else { throw RefxError.modelTooDeep(path: place.path) }
    switch piece {
    case .leaf(let leaf): return LiveTreeFinisher.single(.leaf(.leaf(leaf)))
    case .static(let value): return LiveTreeFinisher.single(.static(value))
    case .none: return LiveTreeFinisher.single(.none)
    case .some(let inner): return try parts(of: [inner], { _ in "0" }, place, depth) { .tuple($0) }
    case .slot(let slot): return try part(of: slot.piece ?? .keyed(KeyedPiece()), place: place, depth: depth)
    case .keyed(let members):
      let order = try members.order(at: place)
      let keys = order.map { members.keys[$0] }
      return try parts(of: order.map { members.members[$0] }, { keys[$0] }, place, depth) {
        .dictionary(Branches(ascending: keys, members: $0))
      }
    case .list(let list):
      if let row = list.row { return LiveTreeFinisher.single(.leaf(.leaf(row))) }
      return try parts(of: list.members, { Key($0) }, place, depth) { .list($0) }
    case .object(let object):
      if let live = object.live { return LiveTreeFinisher.single(.leaf(.ref(live))) }
      return try part(of: object, place: place, depth: depth)
    }
  }

  private static func single(_ tree: RefTree) -> Part { Part(tree: tree, nodes: 1, levels: 0) }

  private mutating func part(of object: ObjectPiece, place: Place, depth: Int) throws -> Part {
    let identity = ObjectIdentifier(object.object)
    if let known = parts[identity] {
      guard depth + known.levels <= maximumTreeDepth else { throw RefxError.modelTooDeep(path: place.path) }
      return known
    }
    let made = try part(of: object.content ?? .none, place: place, depth: depth)
    parts[identity] = made
    return made
  }

  private mutating func parts(
    of pieces: [Piece], _ key: (Int) -> Key, _ place: Place, _ depth: Int, _ node: ([RefTree]) -> RefTree
  ) throws -> Part {
    var members: [RefTree] = []
    members.reserveCapacity(pieces.count)
    var nodes = 1
    var levels = 0
    for (position, piece) in pieces.enumerated() {
      let made = try part(of: piece, place: place.appending(key(position)), depth: depth + 1)
      members.append(made.tree)
      nodes += made.nodes
      guard nodes <= LiveTreeFinisher.maximumNodes else {
        throw RefxError.liveTreeTooLarge(limit: LiveTreeFinisher.maximumNodes, path: place.path)
      }
      levels = max(levels, made.levels + 1)
    }
    return Part(tree: node(members), nodes: nodes, levels: levels)
  }
}
