/// Where a group of the old style keeps its links: a tree that lists them by name, and the heap in which the
/// names are.
struct SymbolTable: Equatable {
  let tree: Int
  let heap: Int

  init?(_ fields: inout Fields, addressSize: Int) {
    guard case .some(.some(let tree)) = fields.address(addressSize),
      case .some(.some(let heap)) = fields.address(addressSize)
    else { return nil }
    self.tree = tree
    self.heap = heap
  }
}

/// The links of a group of the old style, which is the usual one: files that shall be read by every HDF5 have
/// no other.
///
/// Nothing of it has a checksum. So the names must ascend, each within the keys that lead to it, and all of
/// them together must fit into their heap: the work is then bounded by the size of the file.
struct OldGroup {
  /// Ascending by the bytes of their names.
  private(set) var links: [StoredLink] = []

  private let file: MetadataFile
  private let heap: LocalHeap
  private let most: Int
  /// What names may take, and keys, which are names too, in every level of the tree.
  private var nameBytesLeft: Int
  private var keyBytesLeft: Int

  /// - Parameter most: how many links there may be.
  /// - Returns: nil where libhdf5 has to be asked.
  init?(_ table: SymbolTable, in file: MetadataFile, most: Int) {
    guard let heap = LocalHeap(at: table.heap, in: file) else { return nil }
    self.file = file
    self.heap = heap
    self.most = most
    nameBytesLeft = heap.byteCount
    keyBytesLeft = heap.byteCount * 16 + 1 << 16
    guard walk(table.tree, level: nil) else { return nil }
  }

  // MARK: The tree

  /// Looks at a node and what lies below it, which is one name at least.
  ///
  /// Levels fall by one from node to node and names only rise, so no node is met twice.
  private mutating func walk(_ address: Int, level: Int?) -> Bool {
    guard let node = treeNode(at: address), node.level < 32, node.level == level ?? node.level,
      !node.children.isEmpty || level == nil
    else { return false }
    for (number, child) in node.children.enumerated() {
      let first = links.count
      guard node.level == 0 ? addLinks(at: child) : walk(child, level: node.level - 1),
        let below = key(node.keys[number]), let last = key(node.keys[number + 1]), first < links.count,
        below.lexicographicallyPrecedes(links[first].name.bytes),
        !last.lexicographicallyPrecedes(links[links.count - 1].name.bytes)
      else { return false }
    }
    return true
  }

  /// A node by the nodes below it and the names between which theirs are.
  private func treeNode(at address: Int) -> (level: Int, keys: [Int], children: [Int])? {
    guard let offset = file.offset(of: address) else { return nil }
    let headBytes = 8 + 2 * file.addressSize
    let head = file.withBytes(at: offset, least: headBytes) { bytes -> (level: Int, count: Int)? in
      var fields = Fields(bytes)
      // The 0 says that it lists links.
      guard fields.follows("TREE"), fields.number(1) == 0, let level = fields.int(1),
        let count = fields.int(2)
      else { return nil }
      return (level, count)
    }
    guard let head else { return nil }
    let entryBytes = file.lengthSize + file.addressSize
    let least = headBytes + head.count * entryBytes + file.lengthSize
    return file.withBytes(at: offset, least: least) { bytes in
      var fields = Fields(bytes)
      var keys: [Int] = []
      var children: [Int] = []
      guard fields.skip(headBytes) else { return nil }
      for _ in 0..<head.count {
        guard let key = fields.int(file.lengthSize),
          case .some(.some(let child)) = fields.address(file.addressSize)
        else { return nil }
        keys.append(key)
        children.append(child)
      }
      guard let key = fields.int(file.lengthSize) else { return nil }
      keys.append(key)
      return (head.level, keys, children)
    }
  }

  private mutating func key(_ offset: Int) -> ArraySlice<UInt8>? {
    guard let text = heap.text(at: offset), text.count < keyBytesLeft else { return nil }
    keyBytesLeft -= text.count + 1
    return text
  }

  // MARK: The links

  /// Adds the links that a symbol table node lists.
  private mutating func addLinks(at address: Int) -> Bool {
    guard let offset = file.offset(of: address) else { return false }
    let count = file.withBytes(at: offset, least: 8) { bytes -> Int? in
      var fields = Fields(bytes)
      guard fields.follows("SNOD"), fields.number(1) == 1, fields.skip(1) else { return nil }
      return fields.int(2)
    }
    let entryBytes = file.lengthSize + file.addressSize + 24
    guard let count, count > 0, count <= most - links.count else { return false }
    return file.withBytes(at: offset, least: 8 + count * entryBytes) { bytes -> Bool? in
      var fields = Fields(bytes)
      guard fields.skip(8) else { return nil }
      for _ in 0..<count { guard addLink(&fields) else { return nil } }
      return true
    } ?? false
  }

  private mutating func addLink(_ fields: inout Fields) -> Bool {
    guard let place = fields.int(file.lengthSize), case .some(let address) = fields.address(file.addressSize),
      let kind = fields.int(4), fields.skip(4), var scratch = fields.subfields(16),
      let name = text(at: place), !name.isEmpty,
      links.last.map({ $0.name.bytes.lexicographicallyPrecedes(name) }) ?? true
    else { return false }
    switch (kind, address) {
    // A 1 says that it is a group, and repeats what its header says.
    case (0, let address?), (1, let address?):
      links.append(StoredLink(name: LinkText(Array(name)), target: .hard(UInt(address))))
    case (2, _):
      guard let place = scratch.int(4), let value = text(at: place), !value.isEmpty, value.count < 1 << 16
      else { return false }
      links.append(
        StoredLink(name: LinkText(Array(name)), target: .soft(String(decoding: value, as: UTF8.self))))
    default: return false
    }
    return true
  }

  private mutating func text(at offset: Int) -> ArraySlice<UInt8>? {
    guard let text = heap.text(at: offset), text.count < nameBytesLeft else { return nil }
    nameBytesLeft -= text.count + 1
    return text
  }
}

/// The heap in which a group of the old style keeps text.
private struct LocalHeap {
  private let bytes: [UInt8]
  var byteCount: Int { bytes.count }

  /// A heap of more bytes is not worth the memory.
  private static let mostBytes = 1 << 28

  init?(at address: Int, in file: MetadataFile) {
    guard let offset = file.offset(of: address) else { return nil }
    let least = 8 + 2 * file.lengthSize + file.addressSize
    let data = file.withBytes(at: offset, least: least) { bytes -> (address: Int, count: Int)? in
      var fields = Fields(bytes)
      // Between the size and the address stands where free space is.
      guard fields.follows("HEAP"), fields.number(1) == 0, fields.skip(3),
        let count = fields.int(file.lengthSize), fields.skip(file.lengthSize),
        case .some(.some(let address)) = fields.address(file.addressSize)
      else { return nil }
      return (address, count)
    }
    guard let data, data.count <= LocalHeap.mostBytes, let place = file.offset(of: data.address),
      let bytes = file.bytes(at: place, count: data.count)
    else { return nil }
    self.bytes = bytes
  }

  /// The text up to a NUL, which must be there.
  func text(at offset: Int) -> ArraySlice<UInt8>? {
    guard offset < bytes.count, let end = bytes[offset...].firstIndex(of: 0) else { return nil }
    return bytes[offset..<end]
  }
}
