import Refx

// How the answers of a worker are written and read. Whoever reads them checks what the code behind relies on:
// sizes that fit each other, counts that are none below zero.

extension FileGeometry {
  func write(to writer: inout WireWriter) {
    writer.add(userBlock)
    writer.add(addressSize)
    writer.add(lengthSize)
    writer.add(UInt64(root))
  }

  init(_ reader: inout WireReader) throws {
    self.init(
      userBlock: try reader.count(), addressSize: try reader.count(), lengthSize: try reader.count(),
      root: UInt(try reader.number()))
    guard (2...8).contains(addressSize), (2...8).contains(lengthSize) else { throw WireReader.Fault() }
  }
}

extension LibraryObject {
  func write(to writer: inout WireWriter) {
    switch content {
    case .group(let links):
      writer.add(0)
      writer.add(links) { $1.write(to: &$0) }
    case .dataset(let header):
      writer.add(1)
      header.write(to: &writer)
    case .namedType: writer.add(2)
    case .unknown: writer.add(3)
    }
    attributes.write(to: &writer)
  }

  /// - Parameter address: where the object was looked for.
  init(_ reader: inout WireReader, at address: UInt, in geometry: FileGeometry) throws {
    let content: StoredObject =
      switch try reader.choice(below: 4) {
      case 0: .group(try reader.list { try StoredLink(&$0) })
      case 1: .dataset(try DatasetHeader(&reader, at: address, in: geometry))
      case 2: .namedType
      default: .unknown
      }
    self.init(content: content, attributes: try LayoutAttributes(&reader))
  }
}

extension StoredLink {
  fileprivate func write(to writer: inout WireWriter) {
    writer.add(name.bytes)
    switch target {
    case .hard(let address):
      writer.add(0)
      writer.add(UInt64(address))
    case .soft(let path):
      writer.add(1)
      writer.add(path)
    case .external: writer.add(2)
    case .userDefined: writer.add(3)
    }
  }

  fileprivate init(_ reader: inout WireReader) throws {
    let name = LinkText(Array(try reader.piece()))
    switch try reader.choice(below: 4) {
    case 0: self.init(name: name, target: .hard(UInt(try reader.number())))
    case 1: self.init(name: name, target: .soft(try reader.text()))
    case 2: self.init(name: name, target: .external)
    default: self.init(name: name, target: .userDefined)
    }
  }
}

extension LayoutAttributes {
  fileprivate func write(to writer: inout WireWriter) {
    writer.add(all) { writer, attribute in
      writer.add(attribute.name)
      switch attribute.content {
      case .text(let text):
        writer.add(0)
        writer.add(text)
      case .number(let number):
        writer.add(1)
        writer.add(UInt64(bitPattern: number))
      case .largeNumber(let number):
        writer.add(2)
        writer.add(number)
      case .other: writer.add(3)
      }
    }
    writer.add(others) { $1.write(to: &$0) }
  }

  fileprivate init(_ reader: inout WireReader) throws {
    self.init()
    for (name, content) in try reader.list({ reader -> (String, Content) in
      let name = try reader.text()
      switch try reader.choice(below: 4) {
      case 0: return (name, .text(try reader.text()))
      case 1: return (name, .number(try reader.signed()))
      case 2: return (name, .largeNumber(try reader.number()))
      default: return (name, .other)
      }
    }) {
      add(name, content)
    }
    for attribute in try reader.list({ try StoredAttribute(&$0) }) { add(attribute) }
  }
}

extension StoredAttribute {
  fileprivate func write(to writer: inout WireWriter) {
    writer.add(name)
    element.write(to: &writer)
    writer.add(shape) { $0.add($1) { $0.add($1) } }
    switch content {
    case .raw(let bytes):
      writer.add(0)
      writer.add(bytes)
    case .texts(let texts):
      writer.add(1)
      writer.add(texts) { $0.add($1) }
    }
  }

  fileprivate init(_ reader: inout WireReader) throws {
    name = try reader.text()
    element = try ElementType(&reader)
    shape = try reader.optional { try $0.list { try $0.count() } }
    content =
      switch try reader.choice(below: 2) {
      case 0: .raw(Array(try reader.piece()))
      default: .texts(try reader.list { Array(try $0.piece()) })
      }
  }
}

extension StoredType {
  func write(to writer: inout WireWriter) {
    element.write(to: &writer)
    writer.add(itemSize)
  }

  /// - Parameter heapTextSize: bytes of an element whose text lies elsewhere; nil where any size will do.
  init(_ reader: inout WireReader, heapTextSize: Int? = nil) throws {
    self.init(element: try ElementType(&reader), itemSize: try reader.count())
    guard itemSize > 0 else { throw WireReader.Fault() }
    switch element {
    case .number(let dtype, _): guard dtype.itemSize == itemSize else { throw WireReader.Fault() }
    case .fixedText(let size, _): guard size == itemSize else { throw WireReader.Fault() }
    case .heapText: guard itemSize == heapTextSize ?? itemSize else { throw WireReader.Fault() }
    case .unsupported: break
    }
  }
}

extension ElementType {
  private static let paddings: [TextPadding] = [.nullTerminated, .nullPadded, .spacePadded]

  fileprivate func write(to writer: inout WireWriter) {
    switch self {
    case .number(let dtype, let isBigEndian):
      writer.add(0)
      writer.add(dtype.name)
      writer.add(isBigEndian)
    case .fixedText(let size, let padding):
      writer.add(1)
      writer.add(size)
      writer.add(ElementType.paddings.firstIndex(of: padding) ?? 0)
    case .heapText: writer.add(2)
    case .unsupported(let reason):
      writer.add(3)
      writer.add(reason.typeName)
      writer.add(reason.reason)
    }
  }

  fileprivate init(_ reader: inout WireReader) throws {
    switch try reader.choice(below: 4) {
    case 0:
      guard let dtype = DType(name: try reader.text()), dtype.itemSize != nil else {
        throw WireReader.Fault()
      }
      self = .number(dtype, isBigEndian: try reader.answer())
    case 1:
      let size = try reader.count()
      self = .fixedText(size: size, padding: ElementType.paddings[try reader.choice(below: 3)])
    case 2: self = .heapText
    default: self = .unsupported(UnsupportedLeaf(typeName: try reader.text(), reason: try reader.text()))
    }
  }
}
