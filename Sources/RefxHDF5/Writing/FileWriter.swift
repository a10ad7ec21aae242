import CHDF5
import Glibc
import Refx
import RefxStore

/// An HDF5 file being made: its groups, datasets and attributes.
final class FileWriter {
  let context: HDF5Context
  let types: FileTypes
  let linkProperties: HDF5Handle
  let options: WriteOptions
  private let file: HDF5Handle
  /// Raw payload is written beside the library, at addresses that it allocated.
  let descriptor: Int32
  private let groupProperties: HDF5Handle
  private let attributeProperties: HDF5Handle
  let contiguousProperties: HDF5Handle
  /// For text in the heap, of which libhdf5 wants what is not written to be empty.
  let textProperties: HDF5Handle
  /// What the next object that is made says as a Ref.
  private var pendingTag: (index: Int, collection: CollectionTag?)?
  private var bytesDone = 0
  private let bytesInAll: Int

  /// Starts the file at `path`, which exists and is emptied.
  ///
  /// - Parameter hasName: whether the path is a name, and not a descriptor's: libhdf5's usual driver wants
  ///   to know the name of what it writes.
  init(path: String, hasName: Bool, contents: CheckpointContents, options: WriteOptions) throws {
    let context = HDF5Context(file: nil, isWriting: true)
    self.context = context
    self.options = options
    types = FileTypes(context)
    bytesInAll = options.progress == nil ? 0 : contents.tree.payloadByteCount

    func properties(_ kind: hid_t) throws -> HDF5Handle {
      try context.open("H5Pcreate", at: "/", H5Pcreate(kind))
    }
    let creation = try properties(refx_h5p_file_create())
    try context.check("H5Pset_obj_track_times", at: "/", H5Pset_obj_track_times(creation.id, false))
    let access = try properties(refx_h5p_file_access())
    try context.check(
      "H5Pset_fapl", at: "/", hasName ? H5Pset_fapl_sec2(access.id) : H5Pset_fapl_stdio(access.id))
    try context.check("H5Pset_file_locking", at: "/", H5Pset_file_locking(access.id, false, true))
    // Everything as HDF5 1.8 knows it: compact groups, and checksums over the metadata.
    try context.check(
      "H5Pset_libver_bounds", at: "/", H5Pset_libver_bounds(access.id, H5F_LIBVER_V18, H5F_LIBVER_V18))
    groupProperties = try properties(refx_h5p_group_create())
    try context.check("H5Pset_obj_track_times", at: "/", H5Pset_obj_track_times(groupProperties.id, false))
    contiguousProperties = try properties(refx_h5p_dataset_create())
    try FileWriter.prepare(contiguousProperties, context)
    try context.check(
      "H5Pset_fill_time", at: "/", H5Pset_fill_time(contiguousProperties.id, H5D_FILL_TIME_NEVER))
    textProperties = try properties(refx_h5p_dataset_create())
    try FileWriter.prepare(textProperties, context)
    linkProperties = try properties(refx_h5p_link_create())
    try context.check(
      "H5Pset_char_encoding", at: "/", H5Pset_char_encoding(linkProperties.id, H5T_CSET_UTF8))
    attributeProperties = try properties(refx_h5p_attribute_create())

    // H5F_ACC_TRUNC is 2.
    file = try context.open("H5Fcreate", at: "/", H5Fcreate(path, 2, creation.id, access.id))
    descriptor = path.withCString { Glibc.open($0, O_WRONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw RefxError.system("cannot open the file", errno: errno, file: path) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Datasets are allocated when they are made, and hold no times.
  private static func prepare(_ properties: HDF5Handle, _ context: HDF5Context) throws {
    try context.check("H5Pset_obj_track_times", at: "/", H5Pset_obj_track_times(properties.id, false))
    try context.check("H5Pset_alloc_time", at: "/", H5Pset_alloc_time(properties.id, H5D_ALLOC_TIME_EARLY))
  }

  /// The object that the path names in the file, for errors.
  func place(_ path: Path) -> String {
    "/" + ([LayoutNames.tree] + path.keys.map(LinkName.encode)).joined(separator: "/")
  }

  func linkName(_ key: Key, at path: Path) throws -> String {
    let name = LinkName.encode(key)
    guard name.utf8.count < 64_000 else {
      throw RefxError.hdf5NameTooLong(bytes: name.utf8.count, path: path)
    }
    return name
  }

  func openRoot() throws -> HDF5Handle {
    try context.open("H5Gopen2", at: "/", H5Gopen2(file.id, "/", 0))
  }

  /// Writes what is still held back. The file is whole only after this.
  func finish() throws {
    // H5F_SCOPE_LOCAL is 0.
    try context.check("H5Fflush", at: "/", H5Fflush(file.id, H5F_SCOPE_LOCAL))
  }

  // MARK: Objects

  func tagNext(index: Int, collection: CollectionTag?) throws {
    if case .name(let name) = collection, name.string.utf8.count > 60_000 {
      throw RefxError.hdf5NameTooLong(bytes: name.string.utf8.count, path: nil)
    }
    pendingTag = (index, collection)
  }

  func makeGroup(_ name: String, in group: hid_t, kind: NodeKind?, at path: Path) throws -> HDF5Handle {
    let made = try context.open(
      "H5Gcreate2", at: place(path), H5Gcreate2(group, name, linkProperties.id, groupProperties.id, 0))
    if let kind {
      try mark(made.id, kind, at: path)
      try writePendingTag(on: made.id, at: path)
    }
    return made
  }

  /// A dataset without a dataspace.
  func makeEmpty(_ name: String, in group: hid_t, kind: NodeKind, at path: Path) throws {
    let made = try makeDataset(
      name, in: group, type: try types.number(.uint8), space: try types.null.get(),
      properties: contiguousProperties, at: path)
    try mark(made.id, kind, at: path)
  }

  func makeStatic(_ value: StaticValue, as name: String, in group: hid_t, at path: Path) throws {
    let (type, bytes): (hid_t, [UInt8]) =
      switch value {
      case .string(let text): try textAndType(Array(text.utf8))
      case .int(let number): (try types.number(.int64), withUnsafeBytes(of: number.littleEndian, Array.init))
      case .float(let number):
        (try types.number(.float64), withUnsafeBytes(of: number.bitPattern.littleEndian, Array.init))
      case .bool(let flag): (try types.number(.bool), [flag ? 1 : 0])
      }
    let made = try makeScalar(name, in: group, type: type, bytes: bytes, at: path)
    try mark(made.id, .static, at: path)
  }

  /// A text of any bytes in a type of fixed size. The padding is the one that keeps a NUL at the end.
  func textAndType(_ bytes: [UInt8]) throws -> (hid_t, [UInt8]) {
    if bytes.isEmpty { return (try types.fixedText(size: 1), [0]) }
    let padding = bytes.last == 0 ? H5T_STR_SPACEPAD : H5T_STR_NULLPAD
    return (try types.fixedText(size: bytes.count, padding: padding), bytes)
  }

  func makeScalar(
    _ name: String, in group: hid_t, type: hid_t, bytes: [UInt8], at path: Path
  ) throws -> HDF5Handle {
    let made = try makeDataset(
      name, in: group, type: type, space: try types.scalar.get(), properties: contiguousProperties, at: path)
    try bytes.withUnsafeBytes { try writeRaw($0, at: try address(of: made.id, at: path)) }
    return made
  }

  func makeDataset(
    _ name: String, in group: hid_t, type: hid_t, space: HDF5Handle, properties: HDF5Handle, at path: Path
  ) throws -> HDF5Handle {
    let made = try context.open(
      "H5Dcreate2", at: place(path),
      H5Dcreate2(group, name, type, space.id, linkProperties.id, properties.id, 0))
    try writePendingTag(on: made.id, at: path)
    return made
  }

  // MARK: Raw payload

  /// Where the library put a dataset's bytes.
  func address(of dataset: hid_t, at path: Path) throws -> Int {
    try HDF5Library.shared.withLock {
      guard let address = Int(exactly: H5Dget_offset(dataset)) else {
        throw context.failure("H5Dget_offset", at: place(path))
      }
      return address
    }
  }

  func writeRaw(_ bytes: UnsafeRawBufferPointer, at address: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(address + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw RefxError.cannotWriteHDF5(errno: errno)
      }
      done += count
    }
  }

  func advance(_ count: Int) {
    guard let progress = options.progress else { return }
    bytesDone += count
    progress(bytesDone, bytesInAll)
  }

  /// What a dataset in chunks on `grid` is made with: shuffle, then deflate.
  func chunked(_ grid: ChunkGrid, at path: Path) throws -> HDF5Handle {
    let properties = try context.open("H5Pcreate", at: place(path), H5Pcreate(refx_h5p_dataset_create()))
    try context.check("H5Pset_obj_track_times", at: place(path), H5Pset_obj_track_times(properties.id, false))
    try context.check(
      "H5Pset_fill_time", at: place(path), H5Pset_fill_time(properties.id, H5D_FILL_TIME_NEVER))
    let extents = grid.chunkShape.map { hsize_t($0) }
    try context.check(
      "H5Pset_chunk", at: place(path), H5Pset_chunk(properties.id, Int32(extents.count), extents))
    try context.check("H5Pset_shuffle", at: place(path), H5Pset_shuffle(properties.id))
    let level: UInt32 = options.compression == .best ? 9 : 1
    try context.check("H5Pset_deflate", at: place(path), H5Pset_deflate(properties.id, level))
    return properties
  }

  // MARK: Attributes

  func attach(_ name: String, text: String, to object: hid_t, at path: Path) throws {
    let (type, bytes) = try textAndType(Array(text.utf8))
    try attach(name, type: type, bytes: bytes, to: object, at: path)
  }

  func attach<Number: FixedWidthInteger>(
    _ name: String, number: Number, dtype: DType, to object: hid_t, at path: Path
  ) throws {
    let bytes = withUnsafeBytes(of: number.littleEndian, Array.init)
    try attach(name, type: try types.number(dtype), bytes: bytes, to: object, at: path)
  }

  private func attach(_ name: String, type: hid_t, bytes: [UInt8], to object: hid_t, at path: Path) throws {
    let space = try types.scalar.get()
    try HDF5Library.shared.withLock {
      let made = try context.open(
        "H5Acreate2", at: place(path), H5Acreate2(object, name, type, space.id, attributeProperties.id, 0))
      try context.check("H5Awrite", at: place(path), H5Awrite(made.id, type, bytes))
    }
  }

  private func mark(_ object: hid_t, _ kind: NodeKind, at path: Path) throws {
    try attach(LayoutNames.node, text: kind.rawValue, to: object, at: path)
  }

  private func writePendingTag(on object: hid_t, at path: Path) throws {
    guard let (index, collection) = pendingTag else { return }
    pendingTag = nil
    try attach(LayoutNames.index, number: UInt64(index), dtype: .uint64, to: object, at: path)
    switch collection {
    case nil: break
    case .name(let name): try attach(LayoutNames.collection, text: name.string, to: object, at: path)
    case .number(let number):
      try attach(LayoutNames.collection, number: number, dtype: .int64, to: object, at: path)
    }
  }
}

extension Tree where Element == Leaf {
  /// The payload of all leaves, each shared value once.
  var payloadByteCount: Int {
    switch self {
    case .leaf(let leaf): leaf.byteCount
    case .dictionary(let branches): branches.members.reduce(0) { $0 + $1.payloadByteCount }
    case .list(let members), .tuple(let members): members.reduce(0) { $0 + $1.payloadByteCount }
    case .value(let value): value.value.payloadByteCount
    case .none, .nothing, .hole, .static, .index: 0
    }
  }
}
