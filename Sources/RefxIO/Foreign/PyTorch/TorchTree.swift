import Refx
import RefxStore

/// Makes the tree of what a pickle describes.
///
/// Tensors that view one storage at the same offset, shape and stride are one shared value, and so are several
/// sites of one array or one tensor that cannot be represented. Containers are copied to each of their sites, with
/// their tensors shared, since whether two sites of a container are one thing is seldom meant in Python.
struct TorchTree {
  var objects: TorchObjects
  let payload: any TorchPayload
  let budget: Budget
  /// How often each view, and each other thing that may be shared, is met.
  var viewSites: [Int: Int] = [:]
  var objectSites: [Int: Int] = [:]
  /// The rows that are being walked, from the root down.
  private var open: Set<Int> = []
  private var nodesLeft: Int
  var bytesLeft: Int
  var keys: [Key] = []
  var numbers: [Sight: Int] = [:]
  var overlaps: ViewOverlaps
  var leaves: PickledLeaves
  let windows = TransposedWindows()

  enum Sight: Hashable {
    case view(Int)
    case object(Int)
  }

  /// - Parameter fileBytes: the size of the file, which says how much it can justify.
  init(_ objects: TorchObjects, payload: any TorchPayload, fileBytes: Int) {
    self.objects = objects
    self.payload = payload
    budget = objects.heap.budget
    // More than that comes of containers that stand in each other many times over.
    nodesLeft = objects.heap.rows.reduce(200_000) { $0 + 4 * ($1.count + 1) }
    // Views that repeat what they view may be of any size.
    bytesLeft = fileBytes.multipliedReportingOverflow(by: 1040).overflow ? .max : fileBytes * 1040
    bytesLeft = bytesLeft.addingSaturated(256 << 20)
    overlaps = ViewOverlaps()
    leaves = PickledLeaves(budget)
  }

  /// - Throws: ``RefxError`` where a container contains itself, keys fall on one name, or a limit is exceeded.
  mutating func tree(of root: PickleValue) throws -> Tree<Leaf> {
    try count(root, depth: 0)
    overlaps = ViewOverlaps(of: viewSites.keys.sorted().map { ($0, objects.views[$0]) })
    return try node(root, depth: 0)
  }

  /// What the file's user should know.
  var warnings: [String] {
    var warnings = overlaps.warnings
    if objects.attributed > 0 {
      warnings.append(
        (objects.attributed == 1 ? "1 value carries" : "\(objects.attributed) values carry")
          + " attributes of Python's beside the content, which are left out")
    }
    return warnings
  }

  // MARK: Who is met how often

  private mutating func count(_ value: PickleValue, depth: Int) throws {
    try budget.check(depth: depth)
    nodesLeft -= 1
    guard nodesLeft >= 0 else { throw RefxError.pickleExplodes() }
    switch value {
    case .list(let row), .tuple(let row): try count(row: row, isDictionary: false, depth)
    case .dictionary(let row): try count(row: row, isDictionary: true, depth)
    case .made(let number):
      switch objects.made[number] {
      case .tensor(let view): viewSites[view, default: 0] += 1
      case .storage(let part):
        guard let view = try whole(part) else { break }
        objects.made[number] = .tensor(view)
        viewSites[view, default: 0] += 1
      default: objectSites[number, default: 0] += 1
      }
    case .name(let number):
      switch objects.names[number] {
      case .element, .constant: break
      default: throw RefxError.pickleHoldsAName()
      }
    default: break
    }
  }

  private mutating func count(row: Int, isDictionary: Bool, _ depth: Int) throws {
    guard open.insert(row).inserted else { throw RefxError.pickleContainsItself() }
    defer { open.remove(row) }
    let values = objects.heap.rows[row]
    for place in stride(from: isDictionary ? 1 : 0, to: values.count, by: isDictionary ? 2 : 1) {
      do { try count(values[place], depth: depth + 1) } catch let error as RefxError {
        // The way to what is too deep says nothing and fills pages.
        if error.code == .limit { throw error }
        if !isDictionary { throw error.under(Key(place)) }
        throw error.under(Key((try? PickleKey.text(values[place - 1], objects, depth: 0)) ?? "?"))
      }
    }
  }

  /// A storage as a tensor of one dimension; nil where it cannot be represented.
  private mutating func whole(_ part: StoragePart) throws -> Int? {
    guard part.element.dtype != nil, !objects.storages[part.storage].isMeta else { return nil }
    let count = part.byteCount / part.element.itemSize
    return try objects.number(
      of: TorchView(
        storage: part.storage, element: part.element, byteStart: part.byteStart, shape: [count],
        strides: [count < 2 ? 0 : 1]))
  }

  // MARK: Nodes

  private mutating func node(_ value: PickleValue, depth: Int) throws -> Tree<Leaf> {
    try budget.charge(nodes: 1, depth: depth)
    switch value {
    case .none: return .none
    case .text(let text):
      return .static(.string(objects.heap.texts[text]))
    case .boolean, .integer, .float, .large, .bytes: return .leaf(try leaves.leaf(value, objects.heap))
    case .list(let row): return .list(try members(objects.heap.rows[row], depth))
    case .tuple(let row): return .tuple(try members(objects.heap.rows[row], depth))
    case .dictionary(let row): return try dictionary(objects.heap.rows[row], depth)
    case .set:
      return .leaf(
        .unsupported("set", "its members have no order, so that none of them has a name"))
    case .name(let number):
      switch objects.names[number] {
      case .element(let element): return .static(.string("torch." + element.rawValue))
      case .constant(let name): return .static(.string(name))
      default: throw RefxError.pickleHoldsAName()
      }
    case .made(let number): return try object(number)
    // The file was refused for it.
    case .foreign: throw RefxError.pickleHoldsAName()
    }
  }

  // What a container takes in memory, and each of its members.
  private static let containerBytes = 64
  private static let memberBytes = MemoryLayout<Tree<Leaf>>.stride
  private static let keyBytes = 2 * MemoryLayout<Key>.stride + MemoryLayout<PickleValue>.stride
  /// A tensor, and where its elements lie.
  static let tensorBytes = 320

  private mutating func members(_ row: [PickleValue], _ depth: Int) throws -> [Tree<Leaf>] {
    if row.isEmpty { return [] }
    try budget.charge(metadataBytes: TorchTree.containerBytes + TorchTree.memberBytes * row.count)
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(row.count)
    for (position, value) in row.enumerated() {
      let key = Key(position)
      keys.append(key)
      do { members.append(try node(value, depth: depth + 1)) } catch let error as RefxError {
        throw error.under(key)
      }
      keys.removeLast()
    }
    return members
  }

  private mutating func dictionary(_ row: [PickleValue], _ depth: Int) throws -> Tree<Leaf> {
    if row.isEmpty { return .dictionary(Branches(ascending: [], members: [])) }
    try budget.charge(
      metadataBytes: 2 * TorchTree.containerBytes
        + (TorchTree.memberBytes + TorchTree.keyBytes) * (row.count / 2))
    var pairs: [(key: Key, value: PickleValue)] = []
    pairs.reserveCapacity(row.count / 2)
    for place in stride(from: 0, to: row.count, by: 2) {
      let text = try PickleKey.text(row[place], objects, depth: 0)
      try budget.check(nameBytes: text.utf8.count)
      pairs.append((Key(text), row[place + 1]))
    }
    pairs.sort { $0.key < $1.key }
    for (one, next) in zip(pairs, pairs.dropFirst()) where one.key == next.key {
      throw RefxError.pickleKeyTwice(one.key)
    }
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(pairs.count)
    for (key, value) in pairs {
      keys.append(key)
      do { members.append(try node(value, depth: depth + 1)) } catch let error as RefxError {
        throw error.under(key)
      }
      keys.removeLast()
    }
    return .dictionary(Branches(ascending: pairs.map(\.key), members: members))
  }

  // MARK: Leaves
}
