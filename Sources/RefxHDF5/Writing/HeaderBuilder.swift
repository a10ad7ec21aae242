/// The header of an object on its way to a file, of version 2: message after message, then a checksum.
struct HeaderBuilder {
  private var messages = MetadataBuffer()
  private var hasAttributes = false

  private mutating func add(_ type: UInt8, flags: UInt8 = 0, _ body: [UInt8]) {
    messages.add(type)
    messages.add(UInt16(body.count))
    messages.add(flags)
    messages.add(body)
  }

  /// The whole header.
  var bytes: [UInt8] {
    var messages = messages
    if hasAttributes { messages.add(HeaderBuilder.attributeInfo) }
    var header = MetadataBuffer()
    header.add("OHDR")
    header.add(2 as UInt8)
    // The flags say in how many bytes the length stands; no times, no order of creation.
    let count = messages.bytes.count
    if count <= UInt8.max {
      header.add(0 as UInt8)
      header.add(UInt8(count))
    } else if count <= UInt16.max {
      header.add(1 as UInt8)
      header.add(UInt16(count))
    } else {
      header.add(2 as UInt8)
      header.add(UInt32(count))
    }
    header.add(messages.bytes)
    header.addChecksum(from: 0)
    return header.bytes
  }

  /// How often the object is linked to, where that is more than once.
  mutating func addLinkCount(_ count: Int) {
    guard count > 1 else { return }
    var body = MetadataBuffer()
    body.add(0 as UInt8)
    body.add(UInt32(clamping: count))
    add(0x16, body.bytes)
  }

  // MARK: Datasets

  enum Space {
    case null
    /// No extents are a single element.
    case simple([Int])

    fileprivate var message: [UInt8] {
      var body = MetadataBuffer()
      let (extents, kind): ([Int], UInt8) =
        switch self {
        case .null: ([], 2)
        case .simple(let extents): (extents, extents.isEmpty ? 0 : 1)
        }
      body.add(2 as UInt8)
      body.add(UInt8(extents.count))
      body.add(0 as UInt8)
      body.add(kind)
      for extent in extents { body.add(UInt64(extent)) }
      return body.bytes
    }
  }

  enum Layout {
    /// In one piece; nowhere where there is nothing.
    case contiguous(address: UInt64?, byteCount: Int)
    /// In chunks of that shape, which the tree at the address lists, shuffled and deflated.
    case chunked(tree: UInt64, shape: [Int], itemSize: Int, level: UInt32)
  }

  mutating func addDataset(type: [UInt8], space: Space, layout: Layout) {
    add(0x01, space.message)
    // The 1 says that a dataset's type never changes.
    add(0x03, flags: 1, type)
    var body = MetadataBuffer()
    body.add(3 as UInt8)
    switch layout {
    case .contiguous(let address, let byteCount):
      addFill(allocatedAt: 1, of: type)
      body.add(1 as UInt8)
      body.add(address ?? MetadataBuffer.undefined)
      body.add(UInt64(byteCount))
    case .chunked(let tree, let shape, let itemSize, let level):
      addFill(allocatedAt: 3, of: type)
      addFilters(itemSize: itemSize, level: level)
      body.add(2 as UInt8)
      body.add(UInt8(shape.count + 1))
      body.add(tree)
      for extent in shape + [itemSize] { body.add(UInt32(extent)) }
    }
    add(0x08, body.bytes)
  }

  /// What was not written is zero, and nothing is written to make it so: everything is written.
  ///
  /// Of references into a heap HDF5 wants it written: it makes no dataset like one of ours otherwise.
  private mutating func addFill(allocatedAt time: UInt8, of type: [UInt8]) {
    let isWritten = type == TypeMessage.heapText
    add(0x05, flags: 1, [3, time | (isWritten ? 0 : 1 << 2)])
  }

  private mutating func addFilters(itemSize: Int, level: UInt32) {
    var body = MetadataBuffer()
    body.add(2 as UInt8)
    body.add(2 as UInt8)
    for (filter, value) in [(2 as UInt16, UInt32(itemSize)), (1, level)] {
      body.add(filter)
      // It may be left out of a chunk; it has one value.
      body.add(1 as UInt16)
      body.add(1 as UInt16)
      body.add(value)
    }
    add(0x0B, flags: 1, body.bytes)
  }

  // MARK: Groups

  /// Links that stand in the header itself.
  mutating func addLinks(_ links: [(name: [UInt8], address: UInt64)]) {
    addLinkInfo(heap: MetadataBuffer.undefined, index: MetadataBuffer.undefined)
    for link in links { add(0x06, LinkMessage.bytes(link.name, to: link.address)) }
  }

  /// Links that stand in a heap, with an index of their names.
  mutating func addLinkInfo(heap: UInt64, index: UInt64) {
    var body = MetadataBuffer()
    body.add(0 as UInt8)
    body.add(0 as UInt8)
    body.add(heap)
    body.add(index)
    add(0x02, body.bytes)
    add(0x0A, flags: 1, [0, 0])
  }

  // MARK: Attributes

  mutating func addAttribute(_ name: String, text: String) {
    let (type, bytes) = FixedText.typeAndBytes(Array(text.utf8))
    addAttribute(name, type: type, bytes: bytes)
  }

  /// The message by which libhdf5 knows that there are attributes, all of them in the header: without it, it
  /// finds each by name, but counts and copies none.
  private static let attributeInfo: [UInt8] = {
    var message = MetadataBuffer()
    message.add(0x15 as UInt8)
    message.add(18 as UInt16)
    message.add(0 as UInt8)
    message.add(0 as UInt8)  // version
    message.add(0 as UInt8)  // no order of creation
    message.add(MetadataBuffer.undefined)  // no heap
    message.add(MetadataBuffer.undefined)  // and no index
    return message.bytes
  }()

  /// - Precondition: the attribute has less than 64 KiB.
  mutating func addAttribute(_ name: String, type: [UInt8], space: Space = .simple([]), bytes: [UInt8]) {
    var body = MetadataBuffer()
    let space = space.message
    body.add(3 as UInt8)
    body.add(0 as UInt8)
    body.add(UInt16(name.utf8.count + 1))
    body.add(UInt16(type.count))
    body.add(UInt16(space.count))
    hasAttributes = true
    // The character set of the name: ASCII or UTF-8.
    body.add((name.utf8.allSatisfy { $0 < 0x80 } ? 0 : 1) as UInt8)
    body.add(name.utf8)
    body.add(0 as UInt8)
    body.add(type)
    body.add(space)
    body.add(bytes)
    add(0x0C, body.bytes)
  }

  mutating func addAttribute(_ name: String, number: UInt64) {
    addAttribute(name, type: TypeMessage.uint64, bytes: withUnsafeBytes(of: number.littleEndian, Array.init))
  }

  mutating func addAttribute(_ name: String, number: Int64) {
    addAttribute(name, type: TypeMessage.int64, bytes: withUnsafeBytes(of: number.littleEndian, Array.init))
  }

  mutating func addAttribute(_ name: String, number: UInt32) {
    addAttribute(name, type: TypeMessage.uint32, bytes: withUnsafeBytes(of: number.littleEndian, Array.init))
  }
}

/// A hard link as a group stores it.
enum LinkMessage {
  static func bytes(_ name: [UInt8], to address: UInt64) -> [UInt8] {
    var body = MetadataBuffer()
    body.add(1 as UInt8)
    // The character set is said; the length of the name stands in one byte or in two.
    let isShort = name.count <= UInt8.max
    body.add((1 << 4 | (isShort ? 0 : 1)) as UInt8)
    body.add(1 as UInt8)
    if isShort { body.add(UInt8(name.count)) } else { body.add(UInt16(name.count)) }
    body.add(name)
    body.add(address)
    return body.bytes
  }
}

/// Text of any bytes in a type of fixed size.
enum FixedText {
  /// The padding is the one that keeps a NUL at the end; an empty text is one NUL.
  static func typeAndBytes(_ bytes: [UInt8]) -> (type: [UInt8], bytes: [UInt8]) {
    if bytes.isEmpty { return (TypeMessage.fixedText(size: 1), [0]) }
    let padding: ElementType.TextPadding = bytes.last == 0 ? .spacePadded : .nullPadded
    return (TypeMessage.fixedText(size: bytes.count, padding: padding), bytes)
  }
}
