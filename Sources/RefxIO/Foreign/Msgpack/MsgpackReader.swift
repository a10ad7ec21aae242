import Refx
import RefxStore

/// Reads a MessagePack document as a tree, and the payload of its arrays not at all.
///
/// A map is a dictionary, an array a list, nil is none. A number or a truth value is a leaf of one element, a text
/// is a static value, and bytes are a row of uint8. What flax adds to that are arrays, see ``MsgpackArray``.
struct MsgpackReader {
  private let file: InputFile
  private let budget: Budget
  private var reader: ForwardReader

  init(_ file: InputFile, _ budget: Budget) {
    self.file = file
    self.budget = budget
    reader = ForwardReader(file, isBigEndian: true)
  }

  /// The tree of the whole file.
  ///
  /// - Throws: ``RefxError`` where the document is malformed, is no whole one, or is followed by something.
  mutating func document() throws -> Tree<Leaf> {
    try budget.charge(nodes: 1, depth: 0)
    let tree = try tree(depth: 0)
    guard reader.left == 0 else { throw RefxError.msgpackGoesOn(reader.left, at: reader.place) }
    return tree
  }

  private mutating func tree(depth: Int) throws -> Tree<Leaf> {
    let place = reader.place
    let head = try MsgpackHead(&reader)
    switch head {
    case .map(let count): return try map(of: count, depth: depth, at: place)
    case .array(let count): return try list(of: count, depth: depth, at: place)
    case .none: return .none
    case .bool(let truth): return .leaf(try scalar(truth))
    case .integer(let number): return .leaf(try scalar(number))
    case .unsigned(let number): return .leaf(try scalar(number))
    case .single(let number): return .leaf(try scalar(number))
    case .double(let number): return .leaf(try scalar(number))
    case .text(let count): return try text(of: count)
    case .bytes(let count):
      let array = MsgpackArray(file, at: reader.place, dtype: .uint8, byteCount: count)
      try budget.charge(bytes: count, at: place)
      try reader.skip(count)
      return .leaf(Leaf(dtype: .uint8, shape: [count], source: array))
    case .extension(let type, let count): return .leaf(try extended(type, count, at: place))
    }
  }

  private func scalar(_ number: some TensorElement) throws -> Leaf {
    let leaf = Leaf(Tensor(number))
    try budget.charge(bytes: leaf.byteCount)
    return leaf
  }

  private mutating func text(of count: Int) throws -> Tree<Leaf> {
    try budget.charge(metadataBytes: count, at: reader.place)
    let start = reader
    if let text = try reader.text(count) { return .static(.string(text)) }
    reader = start
    try reader.skip(count)
    return .leaf(.unsupported("str", "its text is not UTF-8"))
  }

  // MARK: Containers

  private mutating func list(of count: Int, depth: Int, at place: Int) throws -> Tree<Leaf> {
    guard count <= reader.left else { throw RefxError.msgpackCut(count, left: reader.left, at: place) }
    try budget.charge(nodes: count, depth: depth + 1, at: place)
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(count)
    for position in 0..<count {
      do { members.append(try tree(depth: depth + 1)) } catch let error as RefxError {
        throw error.under(Key(position))
      }
    }
    return .list(members)
  }

  private mutating func map(of count: Int, depth: Int, at place: Int) throws -> Tree<Leaf> {
    guard count <= reader.left / 2 else {
      throw RefxError.msgpackCut(count, left: reader.left / 2, at: place)
    }
    try budget.charge(nodes: count, depth: depth + 1, at: place)
    var members: [(Key, Tree<Leaf>)] = []
    members.reserveCapacity(count)
    var isChunked = false
    for _ in 0..<count {
      let key = try key()
      do { members.append((key, try tree(depth: depth + 1))) } catch let error as RefxError {
        throw error.under(key)
      }
      if key == MsgpackChunks.marker { isChunked = true }
    }
    guard let branches = Branches(checking: members) else {
      throw RefxError.msgpackDamaged(
        "keys of their own", found: "two of \"\(firstRepeated(members.map { $0.0 }))\"", at: place)
    }
    if isChunked { return .leaf(try MsgpackChunks.leaf(of: branches, at: place)) }
    return .dictionary(branches)
  }

  private func firstRepeated(_ keys: [Key]) -> Key {
    let sorted = keys.sorted()
    return zip(sorted, sorted.dropFirst()).first { $0 == $1 }?.0 ?? ""
  }

  /// A text, or an integer as its decimals.
  private mutating func key() throws -> Key {
    let place = reader.place
    switch try MsgpackHead(&reader) {
    case .text(let count):
      try budget.check(nameBytes: count, at: place)
      try budget.charge(metadataBytes: count, at: place)
      guard let text = try reader.text(count) else {
        throw RefxError.msgpackDamaged("UTF-8 as a key", found: "other bytes", at: place)
      }
      return Key(text)
    case .integer(let number): return Key(String(number))
    case .unsigned(let number): return Key(String(number))
    case let other:
      throw RefxError.msgpackDamaged("a text or an integer as a key", found: other.name, at: place)
    }
  }

  // MARK: What flax adds

  private mutating func extended(_ type: Int8, _ count: Int, at place: Int) throws -> Leaf {
    let end = reader.place + count
    let leaf: Leaf
    switch type {
    case 1, 3: leaf = try array(isScalar: type == 3, to: end, at: place)
    case 2:
      guard case .array(2) = try MsgpackHead(&reader), case .double(let real) = try MsgpackHead(&reader),
        case .double(let imaginary) = try MsgpackHead(&reader)
      else { throw RefxError.msgpackDamaged("two floats of a complex number", found: "others", at: place) }
      leaf = try scalar(Complex<Double>(real, imaginary))
    default:
      try reader.skip(count)
      leaf = .unsupported(
        "ext \(type)", "flax gives no meaning to that type of MessagePack's extensions")
    }
    guard reader.place == end else {
      throw RefxError.msgpackDamaged(
        "an extension of \(count) bytes", found: "\(count + reader.place - end)", at: place)
    }
    return leaf
  }

  /// Extents, the dtype's name, and the bytes, which lie within the extension that ends at `end`.
  private mutating func array(isScalar: Bool, to end: Int, at place: Int) throws -> Leaf {
    func damaged(_ found: String) -> RefxError {
      .msgpackDamaged("an array's extents, dtype and bytes", found: found, at: place)
    }
    guard case .array(3) = try MsgpackHead(&reader), case .array(let rank) = try MsgpackHead(&reader) else {
      throw damaged("others")
    }
    guard rank <= end - reader.place else { throw damaged("\(rank) extents") }
    try budget.check(rank: rank, at: place)
    var shape: [Int] = []
    for _ in 0..<rank {
      guard case .integer(let extent) = try MsgpackHead(&reader), extent >= 0,
        let extent = Int(exactly: extent)
      else { throw damaged("an extent that is none") }
      shape.append(extent)
    }
    guard !isScalar || shape.isEmpty else { throw damaged("a scalar of the shape \(shape)") }
    guard case .text(let nameBytes) = try MsgpackHead(&reader), nameBytes <= max(0, end - reader.place) else {
      throw damaged("no dtype's name")
    }
    try budget.check(nameBytes: nameBytes, at: place)
    guard let name = try reader.text(nameBytes) else { throw damaged("a dtype's name that is no text") }
    guard case .bytes(let count) = try MsgpackHead(&reader), count <= max(0, end - reader.place) else {
      throw damaged("no bytes")
    }
    let start = reader.place
    try reader.skip(count)
    guard let dtype = DType(name: name), let itemSize = dtype.itemSize else {
      guard DType.elementCount(of: shape) != nil else { throw damaged("the shape \(shape)") }
      return .unsupported(name, "its elements stand for no dtype of this library", shape: shape)
    }
    guard let expected = dtype.byteCount(of: shape), expected == count else {
      throw RefxError.msgpackDamaged(
        "the bytes of the shape \(shape), each element having \(itemSize)", found: "\(count)", at: place)
    }
    try budget.charge(bytes: count, at: place)
    return Leaf(
      dtype: dtype, shape: shape, source: MsgpackArray(file, at: start, dtype: dtype, byteCount: count))
  }
}
