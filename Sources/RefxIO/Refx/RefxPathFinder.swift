import Refx
import RefxStore

extension RefxPayload {
  /// Where the leaf stands in the tree: its first site. Reads the names and nodes again, as nobody keeps them
  /// for the sake of errors; nil where they cannot be read any more.
  func path(ofLeaf number: Int) -> Path? {
    paths(ofLeaves: [number])[number]
  }

  /// The same for several leaves at once.
  func paths(ofLeaves numbers: Set<Int>) -> [Int: Path] {
    func bytes(of tag: UInt32) throws -> ([UInt8], Int) {
      guard let section = outline.first(where: { $0.tag == tag }) else { return ([], 0) }
      return (try file.bytes(at: section.offset, count: section.byteCount), section.offset)
    }
    do {
      let (nameBytes, nameStart) = try bytes(of: RefxLayout.Section.names)
      let names = try nameBytes.withUnsafeBytes { try RefxNames($0, at: nameStart, Budget(options.limits)) }
      let (nodeBytes, nodeStart) = try bytes(of: RefxLayout.Section.nodes)
      return try nodeBytes.withUnsafeBytes { bytes in
        var finder = RefxPathFinder(
          reader: SectionReader(bytes, section: RefxLayout.Section.nodes, at: nodeStart), names: names.keys,
          wanted: numbers)
        try finder.walk(depth: 0)
        return finder.found
      }
    } catch {
      return [:]
    }
  }
}

/// Walks the section of nodes and counts leaves.
private struct RefxPathFinder {
  var reader: SectionReader
  let names: [Key]
  let wanted: Set<Int>
  var found: [Int: Path] = [:]
  private var path: [Key] = []
  private var leaves = 0

  init(reader: SectionReader, names: [Key], wanted: Set<Int>) {
    self.reader = reader
    self.names = names
    self.wanted = wanted
  }

  mutating func walk(depth: Int) throws {
    // The catalogue passed every check when it was opened; these hold against a file changed since.
    guard depth <= 2 * maximumTreeDepth, found.count < wanted.count else { return }
    switch RefxLayout.Node(rawValue: try reader.byte()) {
    case .leaf:
      if wanted.contains(leaves) { found[leaves] = Path(path) }
      leaves += 1
    case .dictionary:
      for _ in 0..<(try reader.varint()) where found.count < wanted.count {
        let name = try reader.varint()
        try walk(below: name < names.count ? names[name] : "", depth: depth)
      }
    case .list, .tuple:
      let count = try reader.varint()
      for position in 0..<count where found.count < wanted.count {
        try walk(below: Key(position), depth: depth)
      }
    case .string: _ = try reader.raw(count: try reader.varint())
    case .int, .float: _ = try reader.raw(count: 8)
    case .value:
      _ = try reader.varint()
      if reader.peekIsReference { try walk(below: "0", depth: depth) } else { try walk(depth: depth + 1) }
    case .index: _ = try reader.varint()
    case .false, .true, .none?, .nothing, .hole, nil: break
    }
  }

  private mutating func walk(below key: Key, depth: Int) throws {
    path.append(key)
    try walk(depth: depth + 1)
    path.removeLast()
  }
}
