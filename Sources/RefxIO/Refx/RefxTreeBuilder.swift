import Refx
import RefxStore

/// Builds the tree out of the section of nodes.
struct RefxTreeBuilder {
  private var reader: SectionReader
  private let names: [Key]
  private let collections: [CollectionTag]
  private let budget: Budget

  /// The collection of each Ref whose value was begun.
  private var refs: [CollectionTag?] = []
  /// Nodes that containers have announced and that are still to come. Each takes a byte at least, so that
  /// nothing is reserved that the file does not justify.
  private var announced = 1
  private var nameIsUsed: [Bool]
  private var collectionIsUsed: [Bool]

  init(_ reader: SectionReader, names: RefxNames, collections: [CollectionTag], _ budget: Budget) {
    self.reader = reader
    self.names = names.keys
    self.collections = collections
    self.budget = budget
    nameIsUsed = [Bool](repeating: false, count: names.keys.count)
    collectionIsUsed = [Bool](repeating: false, count: collections.count)
  }

  /// - Parameter nextLeaf: gives the leaves in their order.
  mutating func build(_ nextLeaf: () throws -> Leaf) throws -> Tree<Leaf> {
    try budget.charge(nodes: 1, depth: 0, at: reader.place)
    let tree = try node(depth: 0, nextLeaf)
    try reader.checkEnd()
    guard nameIsUsed.allSatisfy(\.self), collectionIsUsed.allSatisfy(\.self) else {
      throw reader.damaged("the catalogue has a name or a collection that no node uses")
    }
    return tree
  }

  private mutating func node(depth: Int, _ nextLeaf: () throws -> Leaf) throws -> Tree<Leaf> {
    announced -= 1
    let code = try reader.byte()
    guard let kind = RefxLayout.Node(rawValue: code) else {
      throw RefxError.refxUnknown("kind of node", number: Int(code), at: reader.place - 1)
    }
    switch kind {
    case .none: return .none
    case .nothing: return .nothing
    case .hole: return .hole
    case .leaf: return .leaf(try nextLeaf())
    case .dictionary: return try dictionary(depth: depth, nextLeaf)
    case .list: return .list(try members(depth: depth, nextLeaf))
    case .tuple: return .tuple(try members(depth: depth, nextLeaf))
    case .string: return .static(.string(try reader.text(count: try reader.varint())))
    case .int: return .static(.int(try reader.integer()))
    case .float: return .static(.float(Double(bitPattern: try reader.integer())))
    case .false: return .static(.bool(false))
    case .true: return .static(.bool(true))
    case .value: return try value(depth: depth, nextLeaf)
    case .index:
      let index = try reader.varint()
      guard index < refs.count else {
        throw reader.damaged("an index before its value", expected: "below \(refs.count)", found: "\(index)")
      }
      return .index(Index(index, collection: refs[index]))
    }
  }

  /// Reads how many nodes follow at the level `depth`.
  private mutating func announce(bytesEach: Int, depth: Int) throws -> Int {
    let place = reader.place
    let count = try reader.varint()
    guard count <= reader.remaining / bytesEach, announced + count <= reader.remaining else {
      throw reader.damaged(
        "more nodes are announced than there are bytes", expected: "at most \(reader.remaining - announced)",
        found: "\(count)")
    }
    try budget.charge(nodes: count, depth: depth, at: place)
    announced += count
    return count
  }

  private mutating func dictionary(depth: Int, _ nextLeaf: () throws -> Leaf) throws -> Tree<Leaf> {
    let count = try announce(bytesEach: 2, depth: depth + 1)
    var keys: [Key] = []
    var members: [Tree<Leaf>] = []
    keys.reserveCapacity(count)
    members.reserveCapacity(count)
    var last = -1
    for _ in 0..<count {
      let name = try reader.varint()
      guard name < names.count, name > last else {
        throw reader.damaged(
          "a member's name is not among those that may follow", expected: "\(last + 1) to \(names.count - 1)",
          found: "\(name)")
      }
      last = name
      nameIsUsed[name] = true
      keys.append(names[name])
      members.append(try node(depth: depth + 1, nextLeaf))
    }
    // Names ascend by their numbers, so the keys do by their bytes.
    return .dictionary(Branches(ascending: keys, members: members))
  }

  private mutating func members(depth: Int, _ nextLeaf: () throws -> Leaf) throws -> [Tree<Leaf>] {
    let count = try announce(bytesEach: 1, depth: depth + 1)
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(count)
    for _ in 0..<count { members.append(try node(depth: depth + 1, nextLeaf)) }
    return members
  }

  /// The Ref is known before its value is read, so that an index inside closes a cycle.
  private mutating func value(depth: Int, _ nextLeaf: () throws -> Leaf) throws -> Tree<Leaf> {
    let collection = try reader.varint()
    guard collection <= collections.count else {
      throw reader.damaged(
        "a collection is not in the table", expected: "at most \(collections.count)", found: "\(collection)")
    }
    var tag: CollectionTag?
    if collection > 0 {
      tag = collections[collection - 1]
      collectionIsUsed[collection - 1] = true
    }
    let index = refs.count
    refs.append(tag)
    announced += 1
    let isRef = reader.peekIsReference
    // A Ref is no node of its own, unless it holds another one.
    if isRef { try budget.charge(nodes: 1, depth: depth + 1, at: reader.place) }
    let content = try node(depth: isRef ? depth + 1 : depth, nextLeaf)
    return .value(Value(content, index: index, collection: tag))
  }
}

extension SectionReader {
  /// Whether the next node is a Ref's.
  var peekIsReference: Bool {
    var ahead = self
    guard let code = try? ahead.byte() else { return false }
    return code == RefxLayout.Node.value.rawValue || code == RefxLayout.Node.index.rawValue
  }
}
