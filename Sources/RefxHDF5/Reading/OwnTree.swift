import Refx
import RefxStore

/// Reads the tree of a file in our own layout, and checks everything that the file says about it.
struct OwnTree {
  private let graph: ObjectGraph
  private let budget: Budget
  private var leaves: LeafMaker
  private var attributes: AttributeCollector
  private var codec: ChunkCodec.Identity?
  /// The objects under /refs, and the numbers that were given to them in order of first sight.
  private var refs: Set<Int> = []
  private var numbers: [Int: Int] = [:]
  /// The objects that stand in the tree without being shared.
  private var placed: Set<Int> = []
  private var warnings: [String] = []
  private var uncheckedLeaves = 0
  /// The sources of text without a checksum, which lies in memory and so cannot say it itself.
  private var uncheckedTexts: Set<ObjectIdentifier> = []

  /// Whether the root says that the file is of our layout.
  ///
  /// - Throws: ``RefxError`` where it is of a version that this release does not know.
  static func isOwn(_ graph: ObjectGraph) throws -> Bool {
    let root = graph.objects[0].attributes
    guard root[LayoutNames.format] == .text(LayoutNames.formatValue) else { return false }
    switch root[LayoutNames.version] {
    case .number(LayoutNames.versionValue): return true
    case .number(let version):
      throw RefxError.hdf5VersionUnknown(
        version, known: LayoutNames.versionValue, file: graph.input.bytes.name)
    case let other:
      throw RefxError.hdf5Layout(
        "/", expected: "a layout version in \(LayoutNames.version)",
        found: other == nil ? "none" : "something else",
        file: graph.input.bytes.name)
    }
  }

  init(_ graph: ObjectGraph, _ budget: Budget) {
    self.graph = graph
    self.budget = budget
    leaves = LeafMaker(graph.input, budget)
    attributes = AttributeCollector(graph.input, budget)
  }

  mutating func open() throws -> OpenedCheckpoint {
    let root = graph.objects[0]
    if case .text(let text) = root.attributes[LayoutNames.codec] { codec = ChunkCodec.Identity(text: text) }
    placed = [0]
    try readRefs()
    guard let link = graph.link(LinkText(LayoutNames.tree), of: 0), case .object(let top) = link.target else {
      throw layout("/", expected: "the tree under /tree", found: "nothing")
    }
    let tree = try node(top, at: .root, depth: 0)
    if let unused = refs.filter({ numbers[$0] == nil }).min() {
      throw layout(graph.objects[unused].name, expected: "a site in /tree", found: "none")
    }
    for link in graph.links(of: 0) {
      let name = link.name.visible
      guard ![LayoutNames.tree, LayoutNames.refs, LayoutNames.metadata].contains(name) else { continue }
      warnings.append("/\(name) is no part of the layout and is left out")
    }
    try checkStructure(of: tree)
    if uncheckedLeaves > 0 {
      let words = uncheckedLeaves == 1 ? "1 leaf has" : "\(uncheckedLeaves) leaves have"
      warnings.append("\(words) no checksum, so that changed values are not noticed")
    }
    warnings += attributes.warnings
    let contents = try contents(tree)
    let threads = graph.input.options.threads
    var opened = OpenedCheckpoint(
      contents: contents, format: HDF5Store.format.name, version: Int(LayoutNames.versionValue),
      warnings: warnings,
      hasChecksums: true,
      verifyLeaves: { try contents.tree.verify(threads: threads, of: $0, $1, $2) })
    let uncheckedTexts = uncheckedTexts
    opened.hasChecksumOf = { leaf in
      (leaf.source as? HDF5Leaf)?.hasChecksum ?? !uncheckedTexts.contains(ObjectIdentifier(leaf.source))
    }
    return opened
  }

  private mutating func contents(_ tree: Tree<Leaf>) throws -> CheckpointContents {
    var contents = CheckpointContents(tree: tree, metadata: try metadata(), attributes: attributes.found)
    // Those that no attribute of HDF5 could hold.
    let key = LayoutNames.attributesInMetadata
    guard let listed = contents.metadata[key] else { return contents }
    guard contents.attributes.add(json: listed) else {
      throw layout("/metadata", expected: "a list of attributes under \"\(key)\"", found: "something else")
    }
    contents.metadata[key] = nil
    return contents
  }

  private func layout(_ object: String, expected: String, found: String) -> RefxError {
    .hdf5Layout(object, expected: expected, found: found, file: graph.input.bytes.name)
  }

  private func unknown(_ what: String, _ name: String, _ object: String) -> RefxError {
    .hdf5NameUnknown(what, name, object: object, file: graph.input.bytes.name)
  }

  private mutating func checkStructure(of tree: Tree<Leaf>) throws {
    switch graph.objects[0].attributes[LayoutNames.structure] {
    case nil:
      warnings.append("there is no \(LayoutNames.structure), so names, kinds and sharing are not checked")
    case .text(let expected):
      let found = hexadecimal(try tree.structureDigest().combined)
      guard Key(expected.lowercased()) == Key(found) else {
        throw RefxError.hdf5StructureDiffers(expected: expected, found: found, file: graph.input.bytes.name)
      }
    default: throw layout("/", expected: "a digest in \(LayoutNames.structure)", found: "something else")
    }
  }

  // MARK: References

  private mutating func readRefs() throws {
    guard let link = graph.link(LinkText(LayoutNames.refs), of: 0) else { return }
    guard case .object(let group) = link.target, case .group(let members) = graph.objects[group].content
    else {
      throw layout("/refs", expected: "a group", found: "something else")
    }
    placed.insert(group)
    for member in members {
      let name = "/refs/\(member.name.visible)"
      guard case .object(let object) = member.target, let text = member.name.text, let index = UInt64(text),
        String(index) == text
      else { throw layout(name, expected: "an index that names an object", found: "something else") }
      switch graph.objects[object].attributes[LayoutNames.index] {
      case nil: break
      case .number(let number) where UInt64(exactly: number) == index: break
      case .largeNumber(index): break
      default: throw layout(name, expected: "\(LayoutNames.index) \(index)", found: "another")
      }
      guard refs.insert(object).inserted else {
        throw layout(name, expected: "each object under one index", found: "one under two")
      }
    }
  }

  private func collection(of object: Int) throws -> CollectionTag? {
    switch graph.objects[object].attributes[LayoutNames.collection] {
    case nil: return nil
    case .text(let name): return .name(name)
    case .number(let number): return .number(number)
    case .largeNumber, .other:
      throw layout(
        graph.objects[object].name, expected: "a text or an int64 in \(LayoutNames.collection)",
        found: "something else")
    }
  }

  // MARK: Nodes

  private mutating func node(_ object: Int, at path: Path, depth: Int) throws -> Tree<Leaf> {
    try budget.charge(nodes: 1, depth: depth)
    guard refs.contains(object) else {
      guard placed.insert(object).inserted else {
        throw layout(
          graph.objects[object].name, expected: "one site, or an index under /refs", found: "a second site")
      }
      try checkIsNoCopy(object)
      return try content(of: object, at: path, depth: depth)
    }
    let collection = try collection(of: object)
    try budget.check(collection)
    if let number = numbers[object] { return .index(Index(number, collection: collection)) }
    let number = numbers.count
    numbers[object] = number
    return .value(
      Value(try content(of: object, at: path, depth: depth), index: number, collection: collection))
  }

  /// A copy of a Ref keeps its attributes but not its ties: to read it as a plain value would lose them in
  /// silence.
  private func checkIsNoCopy(_ object: Int) throws {
    let found = graph.objects[object]
    for attribute in [LayoutNames.index, LayoutNames.collection] where found.attributes[attribute] != nil {
      throw layout(
        found.name, expected: "a hard link to an object under /refs, as \(attribute) says",
        found: "an object of its own")
    }
  }

  private mutating func content(of object: Int, at path: Path, depth: Int) throws -> Tree<Leaf> {
    let found = graph.objects[object]
    try attributes.take(
      found.attributes.users, of: found.name, at: path, textSum: found.attributes[LayoutNames.textChecksum])
    let kind: NodeKind?
    switch found.attributes[LayoutNames.node] {
    case nil: kind = nil
    case .text(let text):
      guard let known = NodeKind(rawValue: text) else {
        throw unknown("kind of node", text, found.name)
      }
      kind = known
    default:
      throw layout(found.name, expected: "a kind of node in \(LayoutNames.node)", found: "something else")
    }
    switch (found.content, kind) {
    case (.group(let links), .dictionary?): return try dictionary(links, found.name, path, depth)
    case (.group(let links), .list?): return .list(try members(links, found.name, path, depth))
    case (.group(let links), .tuple?): return .tuple(try members(links, found.name, path, depth))
    case (.group(let links), .reference?):
      let members = try members(links, found.name, path, depth)
      guard members.count == 1, let inner = members.first, inner.isReference else {
        throw layout(found.name, expected: "one Ref under \"0\"", found: "\(members.count) members")
      }
      return inner
    case (.dataset(let header), nil) where header.shape != nil: return .leaf(try leaf(header, found))
    case (.dataset(let header), .static?): return .static(try staticValue(header, found.name))
    case (.dataset(let header), .some(let kind)) where header.shape == nil:
      switch kind {
      case .none: return .none
      case .nothing: return .nothing
      case .hole: return .hole
      default: break
      }
      fallthrough
    default:
      throw layout(
        found.name,
        expected: kind.map { "what \(LayoutNames.node) \"\($0.rawValue)\" says" }
          ?? "a leaf or a kind of node",
        found: "something else")
    }
  }

  private mutating func dictionary(
    _ links: [ObjectGraph.Link], _ name: String, _ path: Path, _ depth: Int
  ) throws -> Tree<Leaf> {
    var named: [(key: Key, object: Int)] = []
    named.reserveCapacity(links.count)
    for link in links {
      guard let text = link.name.text, let key = LinkName.decode(text) else {
        throw layout(name, expected: "names of keys", found: "\"\(link.name.visible)\"")
      }
      try budget.check(nameBytes: key.string.utf8.count)
      named.append((key, try target(link, name)))
    }
    // Escapes move keys: their order is not that of the names.
    named.sort { $0.key < $1.key }
    var members: [(Key, Tree<Leaf>)] = []
    members.reserveCapacity(named.count)
    for (key, object) in named {
      members.append((key, try node(object, at: path.appending(key), depth: depth + 1)))
    }
    guard let branches = Branches(checking: members) else {
      throw layout(name, expected: "each key once", found: "one twice")
    }
    return .dictionary(branches)
  }

  /// The members of a list, ordered as numbers.
  private mutating func members(
    _ links: [ObjectGraph.Link], _ name: String, _ path: Path, _ depth: Int
  ) throws -> [Tree<Leaf>] {
    var objects = [Int?](repeating: nil, count: links.count)
    var isGapped = false
    for link in links {
      guard let text = link.name.text, let position = Int(text), position >= 0, String(position) == text
      else {
        throw layout(name, expected: "members 0 to \(links.count - 1)", found: "\"\(link.name.visible)\"")
      }
      // A member beyond the number of links leaves a gap before it, which is named below.
      if objects.indices.contains(position) {
        objects[position] = try target(link, name)
      } else {
        isGapped = true
      }
    }
    if isGapped, let gap = objects.firstIndex(of: nil) {
      throw layout(name, expected: "a member \(gap)", found: "none, and members behind it")
    }
    var members: [Tree<Leaf>] = []
    members.reserveCapacity(links.count)
    for (position, object) in objects.enumerated() {
      guard let object else { throw layout(name, expected: "a member \(position)", found: "none") }
      members.append(try node(object, at: path.appending(Key(position)), depth: depth + 1))
    }
    return members
  }

  private func target(_ link: ObjectGraph.Link, _ name: String) throws -> Int {
    guard case .object(let object) = link.target else {
      throw layout(
        "\(name)/\(link.name.visible)", expected: "a hard link",
        found: "a soft or external one, which is not followed")
    }
    return object
  }

  // MARK: Values

  private mutating func leaf(_ header: DatasetHeader, _ found: ObjectGraph.Object) throws -> Leaf {
    var dtype: DType?
    switch found.attributes[LayoutNames.dtype] {
    case nil: break
    case .text(let text):
      guard let named = DType(name: text) else { throw unknown("dtype", text, found.name) }
      guard case .number(let own, _) = header.element,
        named.inHDF5 == own
      else { throw layout(found.name, expected: "a dtype that fits the elements", found: "\"\(text)\"") }
      dtype = named
    default:
      throw layout(found.name, expected: "a dtype's name in \(LayoutNames.dtype)", found: "something else")
    }
    let checksum = try checksum(found)
    if checksum == nil { uncheckedLeaves += 1 }
    let leaf = try leaves.leaf(header, found.name, dtype: dtype, checksum: checksum, codec: codec)
    if checksum == nil, leaf.dtype == .string { uncheckedTexts.insert(ObjectIdentifier(leaf.source)) }
    return leaf
  }

  private func checksum(_ found: ObjectGraph.Object) throws -> UInt32? {
    switch found.attributes[LayoutNames.checksum] {
    case nil: return nil
    case .number(let number):
      if let checksum = UInt32(exactly: number) { return checksum }
      fallthrough
    default:
      throw layout(found.name, expected: "a uint32 in \(LayoutNames.checksum)", found: "something else")
    }
  }

  private mutating func staticValue(_ header: DatasetHeader, _ name: String) throws -> StaticValue {
    guard header.shape == [] else {
      throw layout(name, expected: "a single value", found: "several, or none")
    }
    switch header.element {
    case .fixedText, .heapText:
      guard let text = String(validating: try leaves.scalarText(header, name), as: UTF8.self) else {
        throw layout(name, expected: "UTF-8", found: "other bytes")
      }
      return .string(text)
    case .number(let dtype, let isBigEndian):
      let bytes = try leaves.scalarBytes(header, dtype: dtype, isBigEndian: isBigEndian, name)
      if let value = StaticValue(dtype, bytes) { return value }
    case .unsupported: break
    }
    throw layout(name, expected: "a text, an integer, a float or a boolean", found: "something else")
  }

  private mutating func metadata() throws -> JSONObject {
    guard let link = graph.link(LinkText(LayoutNames.metadata), of: 0) else { return [:] }
    guard case .object(let object) = link.target, case .dataset(let header) = graph.objects[object].content,
      header.shape == []
    else { throw layout("/metadata", expected: "a text", found: "something else") }
    let text = try leaves.scalarText(header, "/metadata")
    let found = text.withUnsafeBytes(CRC32.of)
    if let expected = try checksum(graph.objects[object]), expected != found {
      throw RefxError.hdf5ChecksumDiffers(
        expected: expected, found: found, object: "/metadata", file: graph.input.bytes.name)
    }
    guard case .object(let metadata) = try JSON.parse(text) else {
      throw layout("/metadata", expected: "a JSON object", found: "another JSON value")
    }
    return metadata
  }
}

extension StaticValue {
  /// The value of a scalar; nil for dtypes that are none of static values, and numbers beyond Int64.
  init?(_ dtype: DType, _ bytes: [UInt8]) {
    func load<T: BitwiseCopyable>(_ type: T.Type) -> T? {
      bytes.count == MemoryLayout<T>.size ? bytes.withUnsafeBytes { $0.loadUnaligned(as: type) } : nil
    }
    func integer<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) -> StaticValue? {
      load(type).flatMap { Int64(exactly: T(littleEndian: $0)) }.map(StaticValue.int)
    }
    let value: StaticValue? =
      switch dtype {
      case .bool: bytes.count == 1 ? .bool(bytes[0] != 0) : nil
      case .int8: integer(Int8.self)
      case .int16: integer(Int16.self)
      case .int32: integer(Int32.self)
      case .int64: integer(Int64.self)
      case .uint8: integer(UInt8.self)
      case .uint16: integer(UInt16.self)
      case .uint32: integer(UInt32.self)
      case .uint64: integer(UInt64.self)
      case .float32: load(UInt32.self).map { .float(Double(Float(bitPattern: UInt32(littleEndian: $0)))) }
      case .float64: load(UInt64.self).map { .float(Double(bitPattern: UInt64(littleEndian: $0))) }
      default: nil
      }
    guard let value else { return nil }
    self = value
  }
}
