import CHDF5
import Refx

extension DatasetHeader {
  /// Looks at the dataset at `address`.
  ///
  /// - Throws: ``RefxError`` where libhdf5 cannot; what it can, but this library does not represent, has an
  ///   element type that says so.
  init(
    of dataset: HDF5Handle, at address: UInt, in geometry: FileGeometry, _ context: HDF5Context,
    _ name: String
  ) throws {
    self = try HDF5Library.shared.withLock {
      try DatasetHeader.read(dataset, address, geometry, context, name)
    }
  }

  private static func read(
    _ dataset: HDF5Handle, _ address: UInt, _ geometry: FileGeometry, _ context: HDF5Context, _ name: String
  ) throws -> DatasetHeader {
    let properties = try context.open("H5Dget_create_plist", at: name, H5Dget_create_plist(dataset.id))
    let type = try context.open("H5Dget_type", at: name, H5Dget_type(dataset.id))
    var itemSize = H5Tget_size(type.id)

    func listed(_ typeName: String, _ reason: String, _ shape: [Int] = []) -> DatasetHeader {
      .listed(UnsupportedLeaf(typeName: typeName, reason: reason), at: address, shape: shape)
    }
    // The space of a virtual dataset may be looked up in other files, so it is not asked for.
    let layoutClass = H5Pget_layout(properties.id)
    if layoutClass == H5D_VIRTUAL {
      return listed("virtual", "its values lie in other files, which are never opened")
    }
    if H5Pget_external_count(properties.id) != 0 {
      return listed("external", "its values lie in other files, which are never opened")
    }
    guard itemSize > 0 else { throw context.damaged("elements of no size", at: name) }
    let element = try ElementType(of: type.id, context, at: name)
    // What the library says of text in the heap is the size of a pointer in memory.
    if element == .heapText { itemSize = 8 + geometry.addressSize }
    guard let shape = try extents(of: dataset, context, name) else {
      return DatasetHeader(
        address: address, element: element, itemSize: itemSize, shape: nil, layout: .contiguous(address: nil),
        storedByteCount: 0)
    }
    if case .unsupported(let reason) = element { return listed(reason.typeName, reason.reason, shape) }
    let layout: Layout
    switch layoutClass {
    case H5D_COMPACT where element == .heapText:
      return listed("string", "it is text of any length that points out of an object header", shape)
    case H5D_COMPACT: layout = .compact
    case H5D_CONTIGUOUS:
      // Where nothing was written, 1.10 adds the user block to the undefined address, which then wraps around.
      let address = H5Dget_offset(dataset.id)
      let isNowhere = address == haddr_t.max || address < haddr_t(geometry.userBlock)
      layout = .contiguous(address: isNowhere ? nil : Int(exactly: address))
    case H5D_CHUNKED:
      switch try chunking(properties, itemSize: itemSize, rank: shape.count, context, name) {
      case .success(let chunking): layout = .chunked(chunking)
      case .failure(let reason): return listed(reason.typeName, reason.reason, shape)
      }
    default: return listed("layout", "it is laid out in a way that this library does not know", shape)
    }
    return DatasetHeader(
      address: address, element: element, itemSize: itemSize, shape: shape, layout: layout,
      fill: try fill(properties, type, element, itemSize, context, name),
      storedByteCount: Int(clamping: H5Dget_storage_size(dataset.id)))
  }

  private static func extents(of dataset: HDF5Handle, _ context: HDF5Context, _ name: String) throws -> [Int]?
  {
    let space = try context.open("H5Dget_space", at: name, H5Dget_space(dataset.id))
    switch H5Sget_simple_extent_type(space.id) {
    case H5S_NULL: return nil
    case H5S_SCALAR: return []
    default: break
    }
    let rank = try context.check(
      "H5Sget_simple_extent_ndims", at: name, H5Sget_simple_extent_ndims(space.id))
    var extents = [hsize_t](repeating: 0, count: Int(rank))
    try context.check(
      "H5Sget_simple_extent_dims", at: name, H5Sget_simple_extent_dims(space.id, &extents, nil))
    return try extents.map { extent in
      guard let extent = Int(exactly: extent) else {
        throw context.limit("extents below 2^63", found: "\(extent)", at: name)
      }
      return extent
    }
  }

  private enum Outcome {
    case success(Chunking)
    case failure(UnsupportedLeaf)
  }

  private static func chunking(
    _ properties: HDF5Handle, itemSize: Int, rank: Int, _ context: HDF5Context, _ name: String
  ) throws -> Outcome {
    var extents = [hsize_t](repeating: 0, count: max(rank, 1))
    let found = try context.check(
      "H5Pget_chunk", at: name, H5Pget_chunk(properties.id, Int32(rank), &extents))
    guard Int(found) == rank, rank > 0 else {
      throw context.damaged("chunks of another rank than the data", at: name)
    }
    let shape = extents.map { Int(clamping: $0) }
    guard shape.allSatisfy({ $0 > 0 }), let count = DType.elementCount(of: shape) else {
      throw context.damaged("chunks of no size", at: name)
    }
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: itemSize)
    guard !overflow, byteCount < 1 << 32 else { throw context.damaged("chunks of 4 GiB or more", at: name) }

    var filters: [ChunkFilter] = []
    let filterCount = try context.check("H5Pget_nfilters", at: name, H5Pget_nfilters(properties.id))
    for position in 0..<UInt32(filterCount) {
      var flags: UInt32 = 0
      var valueCount = 8
      var values = [UInt32](repeating: 0, count: valueCount)
      var config: UInt32 = 0
      var label = [CChar](repeating: 0, count: 64)
      let id = try context.check(
        "H5Pget_filter2", at: name,
        H5Pget_filter2(properties.id, position, &flags, &valueCount, &values, label.count, &label, &config))
      switch ChunkFilter(id: Int(id), values: Array(values.prefix(max(0, min(valueCount, 8))))) {
      case let filter?: filters.append(filter)
      case nil: return .failure(ChunkFilter.unknown(id: Int(id)))
      }
    }
    if let reason = ChunkFilter.reasonToRefuse(filters) { return .failure(reason) }
    var options: UInt32 = 0
    try context.check("H5Pget_chunk_opts", at: name, H5Pget_chunk_opts(properties.id, &options))
    // H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS is 2.
    return .success(
      Chunking(
        shape: shape, byteCount: byteCount, filters: filters, filtersPartialChunks: options & 2 == 0))
  }

  /// The fill value, in the bytes of the file's own type.
  private static func fill(
    _ properties: HDF5Handle, _ type: HDF5Handle, _ element: ElementType, _ itemSize: Int,
    _ context: HDF5Context, _ name: String
  ) throws -> [UInt8]? {
    var status = H5D_FILL_VALUE_DEFAULT
    try context.check("H5Pfill_value_defined", at: name, H5Pfill_value_defined(properties.id, &status))
    guard status == H5D_FILL_VALUE_USER_DEFINED, element != .heapText, itemSize <= 1 << 16 else { return nil }
    var bytes = [UInt8](repeating: 0, count: itemSize)
    try context.check("H5Pget_fill_value", at: name, H5Pget_fill_value(properties.id, type.id, &bytes))
    return bytes.allSatisfy { $0 == 0 } ? nil : bytes
  }
}
