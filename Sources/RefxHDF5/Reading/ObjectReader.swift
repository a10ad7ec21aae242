import CHDF5
import Refx
import RefxStore

/// Looks at the objects of a file one by one: by our own reader of headers where it knows them, else by
/// libhdf5.
struct ObjectReader {
  private let input: HDF5Input
  private let file: MetadataFile
  /// What the messages that describe elements mean. Each is asked of libhdf5 once.
  private var types: [[UInt8]: KnownType] = [:]

  private struct KnownType {
    let element: ElementType
    let itemSize: Int
  }

  enum Found {
    /// In the order of the names' bytes.
    case group([StoredLink])
    case dataset(DatasetHeader)
    /// A type that stands by itself, which holds no data.
    case namedType
    case unknown
  }

  init(_ input: HDF5Input) {
    self.input = input
    file = MetadataFile(
      input.bytes, userBlock: input.userBlock, addressSize: input.addressSize, lengthSize: input.lengthSize)
  }

  /// - Throws: ``RefxError`` where libhdf5 cannot read the object either.
  mutating func object(at address: haddr_t, _ name: String) throws -> (Found, LayoutAttributes) {
    if let place = Int(exactly: address), let header = ObjectHeader(at: place, in: file) {
      if let links = header.links { return (.group(links.sorted { $0.name < $1.name }), header.attributes) }
      if let dataset = try dataset(header, at: address, name) {
        return (.dataset(dataset), header.attributes)
      }
    }
    return try askLibrary(address, name)
  }

  private func askLibrary(_ address: haddr_t, _ name: String) throws -> (Found, LayoutAttributes) {
    let object = try input.openObject(at: address, name)
    var info = H5O_info_t()
    try input.context.check(
      "H5Oget_info2", at: name, H5Oget_info2(object.id, &info, UInt32(H5O_INFO_BASIC)))
    guard info.fileno == input.fileNumber else { throw input.damaged("an object of another file", at: name) }
    let found: Found =
      switch info.type {
      case H5O_TYPE_GROUP:
        .group(try StoredLink.all(of: object, input, name).sorted { $0.name < $1.name })
      case H5O_TYPE_DATASET: .dataset(try DatasetHeader(of: object, at: address, input, name))
      case H5O_TYPE_NAMED_DATATYPE: .namedType
      default: .unknown
      }
    return (found, try LayoutAttributes(of: object, input, at: name))
  }

  // MARK: Datasets

  /// A dataset whose header was read; nil where libhdf5 has to be asked.
  private mutating func dataset(
    _ header: ObjectHeader, at address: haddr_t, _ name: String
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
        layout: .chunked(Chunking(shape: chunkShape, byteCount: chunkBytes, filters: filters, tree: tree)),
        storedByteCount: nil)
    }
  }

  private mutating func knownType(
    _ message: [UInt8], of address: haddr_t, _ name: String
  ) throws -> KnownType? {
    if let known = types[message] { return known }
    let context = input.context
    let object = try input.openObject(at: address, name)
    guard HDF5Library.shared.withLock({ H5Iget_type(object.id) }) == H5I_DATASET else { return nil }
    let type = try context.open("H5Dget_type", at: name, H5Dget_type(object.id))
    let size = HDF5Library.shared.withLock { H5Tget_size(type.id) }
    guard size > 0 else { return nil }
    let known = KnownType(element: try ElementType(of: type.id, context, at: name), itemSize: size)
    if types.count < 1024 { types[message] = known }
    return known
  }
}
