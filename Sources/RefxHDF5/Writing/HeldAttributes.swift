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

  /// Writes texts to `file`, in whose heap they lie; the attributes point there.
  init(_ attributes: NodeAttributes, in file: FileLayout) throws {
    try file.align(to: 8)
    var heap = TextHeap(at: UInt64(file.position))
    for path in attributes.paths {
      var held: [Message] = []
      var left = HeldAttributes.mostBytesOfAll
      var texts = AttributeTextSum()
      for attribute in attributes[path] {
        let most = min(left, HeldAttributes.mostBytes)
        guard let message = Message(attribute, most: most, &heap) else {
          others[path].append(attribute)
          continue
        }
        left -= message.byteCount
        held.append(message)
        if message.type == TypeMessage.heapText { texts.add(attribute) }
      }
      if !texts.isEmpty { held.append(Message(sumOf: texts)) }
      if !held.isEmpty { messages[path] = held }
    }
    heap.finish()
    try file.append(heap.collections.bytes)
  }

  var isEmpty: Bool { messages.isEmpty }

  func add(at path: Path, to header: inout HeaderBuilder) {
    for message in messages[path] ?? [] {
      header.addAttribute(message.name, type: message.type, space: message.space, bytes: message.bytes)
    }
  }
}

extension HeldAttributes.Message {
  /// - Parameter most: how many bytes it may take.
  /// - Returns: nil for what HDF5 has no attribute for: a name with a NUL, none, or one of the layout's own; a type
  ///   that it lacks; text that no padding keeps; too much.
  fileprivate init?(_ attribute: Attribute, most: Int, _ heap: inout TextHeap) {
    let name = attribute.name.string
    guard !name.utf8.isEmpty, !name.utf8.contains(0), !name.utf8.starts(with: "refx_".utf8),
      case let (type, space, bytes)? = Message.parts(of: attribute.value, most: most - name.utf8.count, &heap)
    else { return nil }
    self.init(name: name, type: type, space: space, bytes: bytes)
    // Of text nothing was written to the heap where this is so.
    guard byteCount <= most else { return nil }
  }

  fileprivate init(sumOf texts: AttributeTextSum) {
    self.init(
      name: LayoutNames.textChecksum, type: TypeMessage.uint32, space: .simple([]),
      bytes: withUnsafeBytes(of: texts.crc32.littleEndian, Array.init))
  }

  private typealias Message = HeldAttributes.Message

  private static func parts(
    of value: AttributeValue, most: Int, _ heap: inout TextHeap
  ) -> (type: [UInt8], space: HeaderBuilder.Space, bytes: [UInt8])? {
    switch value {
    case .empty: return (TypeMessage.uint8, .null, [])
    case .one(.string(let text)):
      return parts(of: [Key(text)], shape: [], most: most, &heap)
    case .one(.int(let number)):
      return (TypeMessage.int64, .simple([]), withUnsafeBytes(of: number.littleEndian, Array.init))
    case .one(.float(let number)):
      return TypeMessage.number(.float64).map {
        ($0, .simple([]), withUnsafeBytes(of: number.bitPattern.littleEndian, Array.init))
      }
    case .one(.bool(let flag)):
      return TypeMessage.number(.bool).map { ($0, .simple([]), [flag ? 1 : 0]) }
    case .texts(let texts, let shape): return parts(of: texts, shape: shape, most: most, &heap)
    case .numbers(let dtype, let shape, let numbers):
      // It would come back as another dtype.
      guard dtype.inHDF5 == dtype, shape.count <= 32 else { return nil }
      return TypeMessage.number(dtype).map { ($0, .simple(shape), numbers) }
    }
  }

  /// Texts of any length, which HDF5's other readers give as their own strings; with a NUL inside one, at which those
  /// end, of a fixed size.
  private static func parts(
    of texts: [Key], shape: [Int], most: Int, _ heap: inout TextHeap
  ) -> (type: [UInt8], space: HeaderBuilder.Space, bytes: [UInt8])? {
    guard shape.count <= 32 else { return nil }
    let all = texts.map { Array($0.string.utf8) }
    if !all.contains(where: { $0.contains(0) }) {
      // What does not fit is left before anything is in the heap.
      guard all.count * TypeMessage.heapTextSize + 1024 <= most,
        all.reduce(0, { $0.addingSaturated($1.count) }) <= mostHeapBytes
      else { return nil }
      let first = heap.elements.bytes.count
      for text in all { heap.add(text[...]) }
      return (TypeMessage.heapText, .simple(shape), Array(heap.elements.bytes[first...]))
    }
    if shape.isEmpty, all.count == 1 {
      let field = FixedText.typeAndBytes(all[0])
      return (field.type, .simple([]), field.bytes)
    }
    let size = max(all.map(\.count).max() ?? 1, 1)
    guard !all.contains(where: { $0.last == 0 }), size * all.count <= 1 << 20 else { return nil }
    let image = all.flatMap { $0 + repeatElement(0, count: size - $0.count) }
    return (TypeMessage.fixedText(size: size), .simple(shape), image)
  }

  /// An attribute's texts are read at once.
  private static let mostHeapBytes = 1 << 20

  fileprivate var byteCount: Int { bytes.count + name.utf8.count + type.count + 300 }
}
