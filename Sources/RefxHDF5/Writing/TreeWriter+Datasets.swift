import Refx
import RefxStore

extension TreeWriter {
  /// Adds a header.
  mutating func add(_ header: [UInt8]) -> UInt64 {
    metadata.align()
    defer { metadata.add(header) }
    return metadata.address
  }

  private mutating func add(_ header: HeaderBuilder, _ tag: Tag?, at path: Path) -> UInt64 {
    var header = header
    TreeWriter.add(tag, to: &header)
    attributes.add(at: path, to: &header)
    let address = add(header.bytes)
    if let tag { objects[tag.number] = address }
    return address
  }

  static func add(_ tag: Tag?, to header: inout HeaderBuilder) {
    guard let tag else { return }
    header.addLinkCount(tag.linkCount)
    header.addAttribute(LayoutNames.index, number: UInt64(tag.number))
    switch tag.collection {
    case nil: break
    case .name(let name): header.addAttribute(LayoutNames.collection, text: name.string)
    case .number(let number): header.addAttribute(LayoutNames.collection, number: number)
    }
  }

  mutating func addEmpty(_ kind: NodeKind, _ tag: Tag?, at path: Path) -> UInt64 {
    var header = HeaderBuilder()
    header.addDataset(
      type: TypeMessage.uint8, space: .null, layout: .contiguous(address: nil, byteCount: 0))
    header.addAttribute(LayoutNames.node, text: kind.rawValue)
    return add(header, tag, at: path)
  }

  mutating func addStatic(_ value: StaticValue, _ tag: Tag?, at path: Path) throws -> UInt64 {
    let (type, bytes): ([UInt8], [UInt8]) =
      switch value {
      case .string(let text): FixedText.typeAndBytes(Array(text.utf8))
      case .int(let number): (TypeMessage.int64, withUnsafeBytes(of: number.littleEndian, Array.init))
      case .float(let number):
        (
          try payload.type(of: .float64),
          withUnsafeBytes(of: number.bitPattern.littleEndian, Array.init)
        )
      case .bool(let flag): (try payload.type(of: .bool), [flag ? 1 : 0])
      }
    // Values of the structure stand among the metadata.
    metadata.align()
    let place = metadata.address
    metadata.add(bytes)
    var header = HeaderBuilder()
    header.addDataset(
      type: type, space: .simple([]), layout: .contiguous(address: place, byteCount: bytes.count))
    header.addAttribute(LayoutNames.node, text: NodeKind.static.rawValue)
    return add(header, tag, at: path)
  }

  mutating func addLeaf(
    _ leaf: PayloadWriter.StoredLeaf, _ tag: Tag?, at path: Path
  ) throws -> UInt64 {
    var header = HeaderBuilder()
    switch leaf.content {
    case .contiguous(let type, let address, let byteCount):
      header.addDataset(
        type: type, space: .simple(leaf.shape), layout: .contiguous(address: address, byteCount: byteCount))
    case .chunked(let grid, let range):
      metadata.align()
      let tree = ChunkTree.add(payload.chunks[range], on: grid, shape: leaf.shape, to: &metadata)
      header.addDataset(
        type: try payload.type(of: leaf.dtype), space: .simple(leaf.shape),
        layout: .chunked(
          tree: tree, shape: grid.chunkShape, itemSize: grid.itemSize,
          level: options.compression == .best ? 9 : 1))
    }
    if leaf.dtype.inHDF5 != leaf.dtype { header.addAttribute(LayoutNames.dtype, text: leaf.dtype.name) }
    header.addAttribute(LayoutNames.checksum, number: leaf.crc32)
    return add(header, tag, at: path)
  }
}
