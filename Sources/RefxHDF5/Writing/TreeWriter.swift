import Refx
import RefxStore

/// Lays a tree down as groups, datasets and hard links, once its payload is written.
///
/// An object is made where it is met first. A group's header gets its place before its members are made, so
/// that a member may link back to it.
struct TreeWriter {
  let payload: PayloadWriter
  let options: WriteOptions
  let mostNameBytes: Int
  let attributes: HeldAttributes
  var metadata: MetadataBuffer
  private var nextLeaf = 0
  /// The numbers that the file gives to Refs, in order of first sight, by those of the tree.
  private var numbers: [Int: Int] = [:]
  /// Where each Ref's object lies, by the file's numbers.
  var objects: [UInt64] = []
  /// How many sites each Ref of the tree has.
  private var siteCounts: [Int: Int] = [:]

  typealias Link = (name: [UInt8], address: UInt64)

  /// What an object that is a Ref says about it.
  struct Tag {
    let number: Int
    let collection: CollectionTag?
    let linkCount: Int
  }

  /// - Parameters:
  ///   - start: where the metadata will lie.
  ///   - mostNameBytes: what the names in a group must stay below, where they do not stand in its header.
  init(
    _ payload: PayloadWriter, options: WriteOptions, attributes: HeldAttributes, at start: Int,
    mostNameBytes: Int = LinkHeap.mostNameBytes
  ) {
    self.payload = payload
    self.options = options
    self.attributes = attributes
    self.mostNameBytes = mostNameBytes
    metadata = MetadataBuffer(at: UInt64(start))
  }

  /// Lays down everything.
  ///
  /// - Parameters:
  ///   - attributes: adds those of the root.
  ///   - text: what the root's member for metadata holds; nil where there is none.
  /// - Returns: the metadata, and where the root group lies.
  mutating func write(
    _ tree: Tree<Leaf>, metadata text: (address: UInt64, type: [UInt8], byteCount: Int, crc32: UInt32)?,
    attributes: (inout HeaderBuilder) -> Void
  ) throws -> (bytes: [UInt8], root: UInt64) {
    countSites(of: tree)
    var links: [Link] = []
    if let text {
      var header = HeaderBuilder()
      header.addDataset(
        type: text.type, space: .simple([]),
        layout: .contiguous(address: text.address, byteCount: text.byteCount))
      header.addAttribute(LayoutNames.checksum, number: text.crc32)
      links.append((Array("metadata".utf8), add(header.bytes)))
    }
    links.append((Array("tree".utf8), try write(tree, at: .root)))
    if !objects.isEmpty {
      let members = objects.enumerated().map { (name: Array(String($0).utf8), address: $1) }
      links.append((Array("refs".utf8), try addGroup(members, at: .root) { _ in }))
    }
    let root = try addGroup(
      links.sorted { $0.name.lexicographicallyPrecedes($1.name) }, at: .root, attributes)
    return (metadata.bytes, root)
  }

  private mutating func countSites(of tree: Tree<Leaf>) {
    switch tree {
    case .index(let index): siteCounts[index.index, default: 0] += 1
    case .value(let value):
      siteCounts[value.index, default: 0] += 1
      countSites(of: value.value)
    case .dictionary(let branches): for member in branches.members { countSites(of: member) }
    case .list(let members), .tuple(let members): for member in members { countSites(of: member) }
    case .leaf, .none, .nothing, .hole, .static: break
    }
  }

  // MARK: Nodes

  /// - Returns: the address of the node's object.
  mutating func write(_ tree: Tree<Leaf>, at path: Path) throws -> UInt64 {
    switch tree {
    case .value(let value): return try write(value, at: path)
    case .index(let index):
      guard let number = numbers[index.index] else {
        throw RefxError.indexWithoutValue(index: index.index, path: path)
      }
      return objects[number]
    default: return try writeObject(tree, nil, at: path)
    }
  }

  /// A Ref: one object, to which every site and /refs have a link.
  private mutating func write(_ value: Value<Tree<Leaf>>, at path: Path) throws -> UInt64 {
    guard numbers[value.index] == nil else {
      throw RefxError.valueAlreadyExists(index: value.index, path: path)
    }
    if case .name(let name) = value.collection, name.string.utf8.count > 60_000 {
      throw RefxError.hdf5NameTooLong(bytes: name.string.utf8.count, path: path)
    }
    let number = objects.count
    numbers[value.index] = number
    objects.append(MetadataBuffer.undefined)
    let tag = Tag(
      number: number, collection: value.collection, linkCount: 1 + (siteCounts[value.index] ?? 1))
    return try writeObject(value.value, tag, at: path)
  }

  private mutating func writeObject(_ tree: Tree<Leaf>, _ tag: Tag?, at path: Path) throws -> UInt64 {
    switch tree {
    case .dictionary(let branches):
      return try writeGroup(
        .dictionary, branches.members, keys: branches.keys, tag, at: path
      ) { key, path in try TreeWriter.linkName(key, at: path) }
    case .list(let members): return try writeList(.list, members, tag, at: path)
    case .tuple(let members): return try writeList(.tuple, members, tag, at: path)
    // A Ref directly inside a Ref.
    case .value, .index: return try writeList(.reference, [tree], tag, at: path)
    case .none: return addEmpty(.none, tag, at: path)
    case .nothing: return addEmpty(.nothing, tag, at: path)
    case .hole: return addEmpty(.hole, tag, at: path)
    case .static(let value): return try addStatic(value, tag, at: path)
    case .leaf:
      nextLeaf += 1
      return try addLeaf(payload.leaves[nextLeaf - 1], tag, at: path)
    }
  }

  private mutating func writeList(
    _ kind: NodeKind, _ members: [Tree<Leaf>], _ tag: Tag?, at path: Path
  ) throws -> UInt64 {
    try writeGroup(kind, members, keys: members.indices.map { Key($0) }, tag, at: path) { key, _ in
      Array(key.string.utf8)
    }
  }

  static func linkName(_ key: Key, at path: Path) throws -> [UInt8] {
    let name = Array(LinkName.encode(key).utf8)
    guard name.count < 64_000 else { throw RefxError.hdf5NameTooLong(bytes: name.count, path: path) }
    return name
  }

  // MARK: Groups
}
