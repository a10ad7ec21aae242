import Refx

/// Looks at the objects of a file one by one: by our own reader of headers where it knows them, else by
/// libhdf5.
struct ObjectReader {
  private let input: HDF5Input
  private let file: MetadataFile
  /// What the messages that describe elements mean. Each is asked of libhdf5 once.
  private var types: [[UInt8]: StoredType] = [:]

  init(_ input: HDF5Input) {
    self.input = input
    file = MetadataFile(
      input.bytes, userBlock: input.userBlock, addressSize: input.addressSize, lengthSize: input.lengthSize)
  }

  /// - Throws: ``RefxError`` where libhdf5 cannot read the object either.
  mutating func object(at address: UInt, _ name: String) throws -> (StoredObject, LayoutAttributes) {
    do { return try look(at: address, name) } catch let error as RefxError {
      guard error.isOfANewerType else { throw error }
      let reason = UnsupportedLeaf(
        typeName: "newer", reason: "its type was written by a newer HDF5 than the one that reads it here")
      return (.dataset(.listed(reason, at: address)), LayoutAttributes())
    }
  }

  private mutating func look(at address: UInt, _ name: String) throws -> (StoredObject, LayoutAttributes) {
    if let place = Int(exactly: address), let header = ObjectHeader(at: place, in: file) {
      if let links = header.links { return (.group(links.sorted { $0.name < $1.name }), header.attributes) }
      if let dataset = try dataset(header, at: address, name) {
        return (.dataset(dataset), header.attributes)
      }
    }
    let found = try input.library().object(at: address, name)
    switch found.content {
    case .group(let links): return (.group(links.sorted { $0.name < $1.name }), found.attributes)
    default: return (found.content, found.attributes)
    }
  }

  // MARK: Datasets

  /// A dataset whose header was read; nil where libhdf5 has to be asked.
  private mutating func dataset(
    _ header: ObjectHeader, at address: UInt, _ name: String
  ) throws -> DatasetHeader? {
    guard let space = header.space, let message = header.type, let layout = header.layout,
      let type = try knownType(message, of: address, name)
    else { return nil }
    guard case .simple(let shape) = space else {
      return DatasetHeader(
        address: address, element: type.element, itemSize: type.itemSize, shape: nil,
        layout: .contiguous(address: nil), storedByteCount: 0)
    }
    if case .unsupported(let reason) = type.element {
      return .listed(reason, at: address, shape: shape)
    }
    let itemSize = type.element == .heapText ? 8 + input.addressSize : type.itemSize
    guard let count = DType.elementCount(of: shape) else { return nil }
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: itemSize)
    guard !overflow else { return nil }
    switch layout {
    case .compact(let offset, let stored):
      guard type.element != .heapText, stored == byteCount else { return nil }
      return DatasetHeader(
        address: address, element: type.element, itemSize: itemSize, shape: shape,
        layout: .contiguous(address: offset), storedByteCount: stored)
    case .contiguous(let start):
      let place = start.flatMap(file.offset(of:))
      guard (place == nil) == (start == nil) else { return nil }
      return DatasetHeader(
        address: address, element: type.element, itemSize: itemSize, shape: shape,
        layout: .contiguous(address: place), storedByteCount: place == nil ? 0 : byteCount)
    case .chunked(let tree, let chunkShape, let size):
      guard size == itemSize, chunkShape.count == shape.count,
        let chunkCount = DType.elementCount(of: chunkShape)
      else { return nil }
      let (chunkBytes, overflow) = chunkCount.multipliedReportingOverflow(by: itemSize)
      guard !overflow, chunkBytes < 1 << 32 else { return nil }
      var filters: [ChunkFilter] = []
      for filter in header.filters {
        guard let known = ChunkFilter(id: filter.id, values: Array(filter.values.prefix(8))) else {
          return .listed(ChunkFilter.unknown(id: filter.id), at: address, shape: shape)
        }
        filters.append(known)
      }
      if let reason = ChunkFilter.reasonToRefuse(filters) {
        return .listed(reason, at: address, shape: shape)
      }
      return DatasetHeader(
        address: address, element: type.element, itemSize: itemSize, shape: shape,
        layout: .chunked(
          Chunking(
            shape: chunkShape, byteCount: chunkBytes, filters: filters,
            filtersPartialChunks: header.filtersPartialChunks,
            list: tree.map(Chunking.List.tree) ?? header.list(ofChunks: chunkShape))),
        storedByteCount: nil)
    }
  }

  private mutating func knownType(
    _ message: [UInt8], of address: UInt, _ name: String
  ) throws -> StoredType? {
    if let known = types[message] { return known }
    let described = ElementType.described(by: message).map { StoredType(element: $0, itemSize: $1) }
    guard let known = try described ?? input.library().elementType(of: address, name), known.itemSize > 0
    else { return nil }
    if types.count < 1024 { types[message] = known }
    return known
  }
}

extension ObjectHeader {
  /// What lists the chunks in one of the newer ways; nil where our own code cannot read it.
  fileprivate func list(ofChunks chunkShape: [Int]) -> Chunking.List? {
    guard let chunkListing, mostExtents.count == chunkShape.count else { return nil }
    let counts = zip(mostExtents, chunkShape).map { most, chunk in
      most.map { $0 == 0 ? 0 : ($0 - 1) / chunk + 1 } ?? Int.max
    }
    return .listing(chunkListing, mostCounts: counts)
  }
}

extension RefxError {
  /// Whether libhdf5 says that it does not know the version of a type: the file is sound, and the rest of it can be
  /// read.
  fileprivate var isOfANewerType: Bool {
    details.contains { $0.hasSuffix("bad version number for datatype message") }
  }
}
