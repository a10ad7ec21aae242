import CHDF5
import Glibc
import Refx
import RefxStore

/// The objects of a file and the links between them, each object visited once, whatever the links are: a
/// cycle and a diamond take no longer than a tree.
///
/// Objects are reached by the addresses that hard links hold; libhdf5 is never asked to follow a name.
struct ObjectGraph {
  let input: HDF5Input
  /// The objects, the root first.
  private(set) var objects: [Object] = []

  struct Object {
    let address: haddr_t
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
  init(_ input: HDF5Input, limits: Limits) throws {
    self.input = input
    try HDF5Library.shared.withLock { try visitAll(limits) }
  }

  private mutating func visitAll(_ limits: Limits) throws {
    let context = input.context
    let root = try context.open("H5Gopen2", at: "/", H5Gopen2(input.handle.id, "/", 0))
    var info = H5O_info_t()
    try context.check("H5Oget_info2", at: "/", H5Oget_info2(root.id, &info, UInt32(H5O_INFO_BASIC)))
    let fileNumber = info.fileno
    var known: [haddr_t: Int] = [info.addr: 0]
    var waiting: [(address: haddr_t, name: String)] = [(info.addr, "/")]
    var links = 0
    // In order of first sight, level by level; `waiting` grows while it is walked.
    var next = 0
    while next < waiting.count {
      let (address, name) = waiting[next]
      waiting[next].name = ""
      next += 1
      let object = try input.openObject(at: address, name)
      var info = H5O_info_t()
      try context.check("H5Oget_info2", at: name, H5Oget_info2(object.id, &info, UInt32(H5O_INFO_BASIC)))
      guard info.fileno == fileNumber else { throw input.damaged("an object of another file", at: name) }
      let content: Content
      switch info.type {
      case H5O_TYPE_GROUP:
        let raw = try RawLink.all(of: object, input, name)
        links += raw.count
        guard links <= limits.nodes else {
          throw input.limit("at most \(limits.nodes) links", found: "more", at: name)
        }
        content = .group(
          try raw.map { link in
            guard link.name.bytes.count <= limits.nameBytes else {
              throw input.limit("names of at most \(limits.nameBytes) bytes", found: "a longer one", at: name)
            }
            switch link.target {
            case .hard(let address):
              if let position = known[address] { return Link(name: link.name, target: .object(position)) }
              known[address] = waiting.count
              let separator = name == "/" ? "" : "/"
              waiting.append((address, name.utf8.count < 4096 ? name + separator + link.name.visible : name))
              return Link(name: link.name, target: .object(waiting.count - 1))
            case .soft(let path): return Link(name: link.name, target: .soft(path))
            case .external: return Link(name: link.name, target: .external)
            case .userDefined: return Link(name: link.name, target: .userDefined)
            }
          })
      case H5O_TYPE_DATASET: content = .dataset(try DatasetHeader(of: object, at: address, input, name))
      case H5O_TYPE_NAMED_DATATYPE: content = .namedType
      default: content = .unknown
      }
      objects.append(
        Object(
          address: address, content: content,
          attributes: try LayoutAttributes(of: object, input, at: name), name: name))
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
  var text: String? { String(validating: bytes, as: UTF8.self) }

  /// The name as text, with the bytes that are not ASCII as `\xNN` where it is not UTF-8.
  var visible: String {
    text
      ?? bytes.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\x" + hexadecimal([$0]).uppercased() }.joined()
  }
}

/// A link as libhdf5 hands it over.
private struct RawLink {
  enum Target {
    case hard(haddr_t)
    case soft(String)
    case external, userDefined
  }

  let name: LinkText
  let target: Target

  /// The links of a group, in the order of the names' bytes.
  static func all(of group: HDF5Handle, _ input: HDF5Input, _ place: String) throws -> [RawLink] {
    final class Found {
      var all: [RawLink] = []
      var softLinks: [(position: Int, size: Int)] = []
    }
    let found = Found()
    try withExtendedLifetime(found) {
      _ = try input.context.check(
        "H5Literate", at: place,
        H5Literate(
          group.id, H5_INDEX_NAME, H5_ITER_NATIVE, nil,
          { _, name, info, context in
            guard let name, let info, let context else { return -1 }
            let found = Unmanaged<Found>.fromOpaque(context).takeUnretainedValue()
            let bytes = Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
            let target: Target
            switch info.pointee.type {
            case H5L_TYPE_HARD: target = .hard(info.pointee.u.address)
            case H5L_TYPE_SOFT:
              target = .soft("")
              found.softLinks.append((found.all.count, info.pointee.u.val_size))
            case H5L_TYPE_EXTERNAL: target = .external
            default: target = .userDefined
            }
            found.all.append(RawLink(name: LinkText(bytes), target: target))
            return 0
          }, Unmanaged.passUnretained(found).toOpaque()))
    }
    for (position, size) in found.softLinks {
      let name = found.all[position].name
      guard size <= 1 << 16 else {
        throw input.limit("soft links of at most 65,536 bytes", found: "\(size)", at: place)
      }
      var value = [UInt8](repeating: 0, count: size + 1)
      var cName = name.bytes.map { CChar(bitPattern: $0) }
      cName.append(0)
      try input.context.check("H5Lget_val", at: place, H5Lget_val(group.id, cName, &value, size, 0))
      let path = value.prefix { $0 != 0 }
      found.all[position] = RawLink(name: name, target: .soft(String(decoding: path, as: UTF8.self)))
    }
    return found.all.sorted { $0.name < $1.name }
  }
}
