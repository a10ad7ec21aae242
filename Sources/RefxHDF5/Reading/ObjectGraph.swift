import RefxStore

/// The objects of a file and the links between them, each object visited once, whatever the links are: a
/// cycle and a diamond take no longer than a tree.
///
/// Objects are reached by the addresses that hard links hold; libhdf5 is never asked to follow a name.
struct ObjectGraph {
  let input: HDF5Input
  /// The objects, the root first.
  private(set) var objects: [Object] = []
  private(set) var groupCount = 0

  struct Object {
    let address: UInt
    let content: Content
    let attributes: LayoutAttributes
    /// A path that leads here, for errors.
    let name: String
  }

  enum Content {
    /// In the order of the names' bytes.
    case group([Link])
    case dataset(DatasetHeader)
    /// A type that stands by itself, which holds no data.
    case namedType
    case unknown
  }

  struct Link {
    let name: LinkText
    let target: Target
  }

  enum Target {
    /// The position in `objects`.
    case object(Int)
    /// A path within the file.
    case soft(String)
    case external
    case userDefined
  }

  /// - Throws: ``RefxError`` where libhdf5 cannot read an object, or there are more than the limits allow.
  init(_ input: HDF5Input, _ budget: Budget) throws {
    self.input = input
    try visitAll(budget)
  }

  private mutating func visitAll(_ budget: Budget) throws {
    let root = input.geometry.root
    var reader = ObjectReader(input)
    var known: [UInt: Int] = [root: 0]
    var waiting: [(address: UInt, name: String)] = [(root, "/")]
    var linkCount = 0
    // In order of first sight, level by level; `waiting` grows while it is walked.
    var next = 0
    while next < waiting.count {
      let (address, name) = waiting[next]
      waiting[next].name = ""
      next += 1
      let (found, attributes) = try reader.object(at: address, name)
      let content: Content
      switch found {
      case .group(let stored):
        groupCount += 1
        linkCount += stored.count
        // A Ref has a link of its own, and so have the parts of the file; nodes are charged with the tree.
        try budget.check(nodes: linkCount / 2 - 4)
        let prefix = name == "/" ? name : name + "/"
        var links: [Link] = []
        links.reserveCapacity(stored.count)
        for link in stored {
          // A byte of a name takes up to three here, and the layout has names of its own.
          if link.name.bytes.count > 3 * 64 { try budget.check(nameBytes: link.name.bytes.count / 3) }
          let target: Target
          switch link.target {
          case .hard(let address):
            let position = known[address] ?? waiting.count
            if position == waiting.count {
              known[address] = position
              waiting.append((address, name.utf8.count < 4096 ? prefix + link.name.visible : name))
            }
            target = .object(position)
          case .soft(let path): target = .soft(path)
          case .external: target = .external
          case .userDefined: target = .userDefined
          }
          links.append(Link(name: link.name, target: target))
        }
        content = .group(links)
      case .dataset(let header): content = .dataset(header)
      case .namedType: content = .namedType
      case .unknown: content = .unknown
      }
      objects.append(Object(address: address, content: content, attributes: attributes, name: name))
    }
  }

  /// The links of a group; none where the object is no group.
  func links(of position: Int) -> [Link] {
    if case .group(let links) = objects[position].content { links } else { [] }
  }

  /// The link of a group with that name; found by bisection.
  func link(_ name: LinkText, of position: Int) -> Link? {
    let links = links(of: position)
    var low = 0
    var high = links.count
    while low < high {
      let middle = (low + high) / 2
      if links[middle].name < name { low = middle + 1 } else { high = middle }
    }
    return low < links.count && links[low].name == name ? links[low] : nil
  }
}

/// The name of a link: bytes, which are UTF-8 in most files.
struct LinkText: Hashable, Comparable, Sendable {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  init(_ text: some StringProtocol) {
    bytes = Array(text.utf8)
  }

  static func < (a: LinkText, b: LinkText) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

  /// The name as text; nil where it is not UTF-8.
  var text: String? { bytes.withUnsafeBytes { String(utf8: $0) } }

  /// The name as text, with the bytes that are not ASCII as `\xNN` where it is not UTF-8.
  var visible: String {
    text
      ?? bytes.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\x" + hexadecimal([$0]).uppercased() }.joined()
  }
}
