import Refx

extension DatasetHeader {
  func write(to writer: inout WireWriter) {
    StoredType(element: element, itemSize: itemSize).write(to: &writer)
    writer.add(shape) { $0.add($1) { $0.add($1) } }
    switch layout {
    case .compact: writer.add(0)
    case .contiguous(let address):
      writer.add(1)
      writer.add(address) { $0.add($1) }
    case .chunked(let chunking):
      writer.add(2)
      writer.add(chunking.shape) { $0.add($1) }
      writer.add(chunking.filters) { $1.write(to: &$0) }
      writer.add(chunking.filtersPartialChunks)
    }
    writer.add(fill) { $0.add($1) }
    writer.add(storedByteCount) { $0.add($1) }
  }

  init(_ reader: inout WireReader, at address: UInt, in geometry: FileGeometry) throws {
    let type = try StoredType(&reader, heapTextSize: 8 + geometry.addressSize)
    let shape = try reader.optional { try $0.list { try $0.count() } }
    let layout: Layout =
      switch try reader.choice(below: 3) {
      case 0: .compact
      case 1: .contiguous(address: try reader.optional { try $0.count() })
      default: .chunked(try Chunking(&reader, rank: shape?.count ?? 0, itemSize: type.itemSize))
      }
    let fill = try reader.optional { Array(try $0.piece()) }
    guard fill == nil || fill?.count == type.itemSize else { throw WireReader.Fault() }
    self.init(
      address: address, element: type.element, itemSize: type.itemSize, shape: shape, layout: layout,
      fill: fill, storedByteCount: try reader.optional { try $0.count() })
  }
}

extension Chunking {
  fileprivate init(_ reader: inout WireReader, rank: Int, itemSize: Int) throws {
    let shape = try reader.list { try $0.count() }
    let filters = try reader.list { try ChunkFilter(&$0) }
    guard shape.count == rank, rank > 0, shape.allSatisfy({ $0 > 0 }),
      let count = DType.elementCount(of: shape), ChunkFilter.reasonToRefuse(filters) == nil
    else { throw WireReader.Fault() }
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: itemSize)
    guard !overflow, byteCount < 1 << 32 else { throw WireReader.Fault() }
    self.init(
      shape: shape, byteCount: byteCount, filters: filters, filtersPartialChunks: try reader.answer())
  }
}

extension ChunkFilter {
  fileprivate func write(to writer: inout WireWriter) {
    switch self {
    case .deflate: writer.add(0)
    case .shuffle(let itemSize):
      writer.add(1)
      writer.add(itemSize)
    case .fletcher32: writer.add(2)
    }
  }

  fileprivate init(_ reader: inout WireReader) throws {
    switch try reader.choice(below: 3) {
    case 0: self = .deflate
    case 1:
      let size = try reader.count()
      guard size > 0 else { throw WireReader.Fault() }
      self = .shuffle(itemSize: size)
    default: self = .fletcher32
    }
  }
}

extension RefxError {
  func write(to writer: inout WireWriter) {
    writer.add(code.rawValue)
    writer.add(message)
    for part in [expected, found, advice] { writer.add(part) { $0.add($1) } }
    writer.add(details) { $0.add($1) }
  }

  /// - Parameters:
  ///   - object: what was looked at.
  ///   - file: as its user named it.
  init(_ reader: inout WireReader, at object: String, file: String) throws {
    let code = Code(rawValue: try reader.text())
    let message = try reader.text()
    let expected = try reader.optional { try $0.text() }
    let found = try reader.optional { try $0.text() }
    let advice = try reader.optional { try $0.text() }
    self.init(
      code, message, file: file, place: .object(object), expected: expected, found: found, advice: advice,
      details: try reader.list { try $0.text() })
  }
}
