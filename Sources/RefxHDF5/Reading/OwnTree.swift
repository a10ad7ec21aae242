import Refx
import RefxStore

/// Reads the tree of a file in our own layout, and checks everything that the file says about it.
struct OwnTree {
  let graph: ObjectGraph
  let budget: Budget
  var leaves: LeafMaker
  var attributes: AttributeCollector
  var codec: ChunkCodec.Identity?
  /// The objects under /refs, and the numbers that were given to them in order of first sight.
  var refs: Set<Int> = []
  var numbers: [Int: Int] = [:]
  /// The objects that stand in the tree without being shared.
  var placed: Set<Int> = []
  private var warnings: [String] = []
  var uncheckedLeaves = 0
  /// The sources of text without a checksum, which lies in memory and so cannot say it itself.
  var uncheckedTexts: Set<ObjectIdentifier> = []

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

  func layout(_ object: String, expected: String, found: String) -> RefxError {
    .hdf5Layout(object, expected: expected, found: found, file: graph.input.bytes.name)
  }

  func unknown(_ what: String, _ name: String, _ object: String) -> RefxError {
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

  func collection(of object: Int) throws -> CollectionTag? {
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
}
