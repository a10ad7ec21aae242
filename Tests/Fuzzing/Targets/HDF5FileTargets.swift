import Refx

@testable import RefxHDF5
@testable import RefxIO
@testable import RefxStore

/// Whole HDF5 files, and the readers of what only files of other writers have. Libhdf5 is never asked: it would
/// be asked in a worker, and there is none.
extension FuzzTarget {
  /// What opens is read, twice the same, and is the same behind a `.refx`.
  static let hdf5 = FuzzTarget(
    "hdf5", of: HDF5Store.self, mostBytes: 16384,
    seeds: {
      try FuzzTrees.all(withText: true).flatMap { tree in
        try [Compression.none, .fast].map { compression in
          let target = MemoryTarget()
          try HDF5Store.write(
            CheckpointContents(tree: tree), to: target,
            options: WriteOptions(compression: compression, threads: 1))
          return target.bytes
        }
      }
    }
  ) { input in
    var limits = Limits()
    limits.bytes = 1 << 20
    limits.nodes = 1 << 14
    limits.metadataBytes = 1 << 18
    let options = OpenOptions(limits: limits, threads: 1, libraries: .worker(executable: "/nowhere/refx"))
    let opened = try HDF5Store.open(InputFile(memory(input), name: "input"), options: options)
    var isReadable = true
    try opened.contents.tree.forEachLeaf { leaf in
      guard leaf.source.unsupported == nil, let bytes = try? leaf.whole() else { return isReadable = false }
      try demand(bytes.count == leaf.byteCount, "\(bytes.count) bytes where \(leaf.byteCount) are declared")
      try demand(try leaf.whole() == bytes, "a leaf that is read twice differs")
    }
    guard isReadable else { return }
    let digest = try opened.contents.tree.digest()
    let target = MemoryTarget()
    try RefxFormat.write(opened.contents, to: target, options: WriteOptions(threads: 1))
    let again = try RefxFormat.open(
      InputFile(MemoryBytes(sharing: target.bytes), name: "again"), options: OpenOptions(threads: 1))
    try demand(try again.contents.tree.digest() == digest, "behind a .refx the digest is another")
  }

  /// A message that describes elements.
  static let types = FuzzTarget(
    "hdf5-type", mostBytes: 512,
    seeds: {
      [
        [0x10, 8, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0],
        [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0],
        [0x13, 0, 0, 0, 9, 0, 0, 0], [0x19, 1, 1, 0, 16, 0, 0, 0, 0x13, 0, 0, 0, 1, 0, 0, 0],
        [0x18, 2, 0, 0, 1, 0, 0, 0, 0x10, 8, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]
          + Array("FALSE\0\0\0TRUE\0\0\0\0".utf8)
          + [0, 1],
        [0x36, 2, 0, 0, 8, 0, 0, 0] + Array("r\0".utf8) + [0]
          + [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0] + Array("i\0".utf8) + [4]
          + [0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0],
      ]
    }
  ) { input in
    guard let found = ElementType.described(by: Array(input)) else { return }
    let again = ElementType.described(by: Array(input))
    try demand(
      again?.element == found.element && again?.itemSize == found.itemSize, "a type read twice differs")
    try demand(found.itemSize > 0, "elements of \(found.itemSize) bytes")
    switch found.element {
    case .number(let dtype, _):
      try demand(dtype.itemSize == found.itemSize, "\(dtype) of \(found.itemSize) bytes")
    case .fixedText(let size, _):
      try demand(size == found.itemSize, "text of \(size) in \(found.itemSize) bytes")
    case .heapText, .unsupported: break
    }
  }

  /// A group of the old style: a tree of names, symbol tables, and the heap of the names.
  ///
  /// The first four bytes say where in the rest tree and heap are.
  static let oldGroups = FuzzTarget("hdf5-old-group", seeds: { [oldGroup()] }) { input in
    var parts = FuzzInput(input)
    let places = [parts.short(), parts.short()]
    let bytes = Array(parts.rest())
    let file = InputFile(MemoryBytes(sharing: bytes), name: "input")
    let addresses = places.flatMap { littleEndian(UInt64($0)) }
    let metadata = MetadataFile(file, userBlock: 0, addressSize: 8, lengthSize: 8)
    let group = addresses.withUnsafeBytes { bytes -> OldGroup? in
      var fields = Fields(bytes)
      return SymbolTable(&fields, addressSize: 8).flatMap { OldGroup($0, in: metadata, most: 1000) }
    }
    guard let links = group?.links else { return }
    try demand(links.count <= 1000, "more links than were allowed")
    for (one, next) in zip(links, links.dropFirst()) {
      try demand(one.name < next.name, "the names do not ascend")
    }
    try demand(
      links.allSatisfy { !$0.name.bytes.isEmpty && !$0.name.bytes.contains(0) }, "a name that is none")
  }

  /// A node of one symbol table of two links, and a heap of three texts.
  private static func oldGroup() -> [UInt8] {
    let names = Array("\0\0\0\0\0\0\0\0a\0\0\0\0\0\0\0weights\0".utf8)
    let (table, heap, data) = (24 + 8 + 8 + 8, 48 + 8 + 2 * 40, 48 + 8 + 2 * 40 + 32)
    var bytes = littleEndian(UInt16(0)) + littleEndian(UInt16(heap))
    bytes += Array("TREE".utf8) + [0, 0] + littleEndian(UInt16(1)) + [UInt8](repeating: 0xFF, count: 16)
    bytes += littleEndian(UInt64(0)) + littleEndian(UInt64(table)) + littleEndian(UInt64(16))
    bytes += Array("SNOD".utf8) + [1, 0] + littleEndian(UInt16(2))
    for (name, address) in [(8, 4096), (16, 8192)] {
      bytes += littleEndian(UInt64(name)) + littleEndian(UInt64(address)) + [UInt8](repeating: 0, count: 24)
    }
    bytes += Array("HEAP".utf8) + [0, 0, 0, 0] + littleEndian(UInt64(names.count)) + littleEndian(UInt64.max)
    return bytes + littleEndian(UInt64(data)) + names
  }

  /// What a worker answers, who may have been taken over by the file that he reads, and what he is asked.
  static let worker = FuzzTarget(
    "worker",
    seeds: {
      var writer = WireWriter()
      WorkerSamples.object.write(to: &writer)
      return [writer.bytes] + WorkerSamples.requests.map(\.bytes)
    }
  ) { input in
    let bytes = Array(input)
    var reader = WireReader(bytes)
    if let object = try? LibraryObject(&reader, at: 96, in: WorkerSamples.geometry), reader.isAtEnd {
      var writer = WireWriter()
      object.write(to: &writer)
      var second = WireReader(writer.bytes)
      let again = try? LibraryObject(&second, at: 96, in: WorkerSamples.geometry)
      try demand(
        again.map { "\($0)" } == "\(object)" && second.isAtEnd, "an answer is another one when it is repeated"
      )
    }
    if let request = try? WorkerRequest(bytes) {
      let again = try? WorkerRequest(request.bytes)
      try demand(again?.bytes == request.bytes, "a request is another one when it is repeated")
    }
    var types = WireReader(bytes)
    if let type = try? StoredType(&types) { try demand(type.itemSize > 0, "elements of no size") }
    var sizes = WireReader(bytes)
    if let found = try? FileGeometry(&sizes) {
      try demand((2...8).contains(found.addressSize) && found.userBlock >= 0, "a geometry of no file")
    }
  }
}

private enum WorkerSamples {
  static let geometry = FileGeometry(userBlock: 0, addressSize: 8, lengthSize: 8, root: 96)

  static var object: LibraryObject {
    var attributes = LayoutAttributes()
    attributes.add("refx_node", .text("dict"))
    attributes.add("refx_index", .number(-3))
    let links = [
      StoredLink(name: LinkText("a"), target: .hard(96)),
      StoredLink(name: LinkText("b"), target: .soft("/a")),
      StoredLink(name: LinkText("c"), target: .external),
    ]
    return LibraryObject(content: .group(links), attributes: attributes)
  }

  static let requests: [WorkerRequest] = [
    .geometry, .object(address: 96), .elementType(address: 200), .compactBytes(address: 300, count: 64),
    .chunk(WantedChunk(address: 400, origin: [0, 3], byteCount: 1024, isFiltered: true)),
  ]
}
