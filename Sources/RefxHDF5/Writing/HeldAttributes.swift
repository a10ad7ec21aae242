import Refx
import RefxStore

/// The attributes of nodes on their way to a file: those that HDF5 can hold as attributes, and the rest, which
/// stands in the metadata.
struct HeldAttributes {
  struct Message {
    let name: String
    let type: [UInt8]
    let space: HeaderBuilder.Space
    let bytes: [UInt8]
  }

  private var messages: [Path: [Message]] = [:]
  /// What HDF5 cannot hold.
  private(set) var others = NodeAttributes()

  /// HDF5 has attributes below 64 KiB; a header with many of them stays small enough to be read at once.
  private static let mostBytes = 60_000
  private static let mostBytesOfAll = 400_000

  init(_ attributes: NodeAttributes) {
    for path in attributes.paths {
      var held: [Message] = []
      var left = HeldAttributes.mostBytesOfAll
      for attribute in attributes[path] {
        guard let message = Message(attribute), message.byteCount <= min(left, HeldAttributes.mostBytes)
        else {
          others[path].append(attribute)
          continue
        }
        left -= message.byteCount
        held.append(message)
      }
      if !held.isEmpty { messages[path] = held }
    }
  }

  var isEmpty: Bool { messages.isEmpty }

  func add(at path: Path, to header: inout HeaderBuilder) {
    for message in messages[path] ?? [] {
      header.addAttribute(message.name, type: message.type, space: message.space, bytes: message.bytes)
    }
  }
}

extension HeldAttributes.Message {
  /// - Returns: nil for what HDF5 has no attribute for: a name with a NUL, none, or one of the layout's own; a type
  ///   that it lacks; text that no padding keeps.
  fileprivate init?(_ attribute: Attribute) {
    name = attribute.name.string
    guard !name.utf8.isEmpty, !name.utf8.contains(0), !name.utf8.starts(with: "refx_".utf8) else {
      return nil
    }
    switch attribute.value {
    case .empty: (type, space, bytes) = (TypeMessage.uint8, .null, [])
    case .one(.string(let text)):
      let field = FixedText.typeAndBytes(Array(text.utf8))
      (type, space, bytes) = (field.type, .simple([]), field.bytes)
    case .one(.int(let number)):
      (type, space, bytes) = (
        TypeMessage.int64, .simple([]), withUnsafeBytes(of: number.littleEndian, Array.init)
      )
    case .one(.float(let number)):
      guard let float = TypeMessage.number(.float64) else { return nil }
      (type, space, bytes) = (
        float, .simple([]), withUnsafeBytes(of: number.bitPattern.littleEndian, Array.init)
      )
    case .one(.bool(let flag)):
      guard let boolean = TypeMessage.number(.bool) else { return nil }
      (type, space, bytes) = (boolean, .simple([]), [flag ? 1 : 0])
    case .texts(let texts, let shape):
      let size = max(texts.map(\.string.utf8.count).max() ?? 1, 1)
      guard shape.count <= 32, !texts.contains(where: { $0.string.utf8.last == 0 }),
        size * texts.count <= 1 << 20
      else { return nil }
      var image: [UInt8] = []
      for text in texts {
        image += text.string.utf8
        image += repeatElement(0, count: size - text.string.utf8.count)
      }
      (type, space, bytes) = (TypeMessage.fixedText(size: size), .simple(shape), image)
    case .numbers(let dtype, let shape, let numbers):
      // What would come back as another dtype stands in the metadata.
      guard dtype.inHDF5 == dtype, shape.count <= 32, let number = TypeMessage.number(dtype) else {
        return nil
      }
      (type, space, bytes) = (number, .simple(shape), numbers)
    }
  }

  fileprivate var byteCount: Int { bytes.count + name.utf8.count + type.count + 300 }
}
