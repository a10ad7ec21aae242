import Refx

@testable import RefxHDF5
@testable import RefxStore

/// The metadata of HDF5, which is read by our own code before libhdf5 is asked. A reader that is new in
/// `RefxHDF5/Metadata` gets its target here, and its line in ``FuzzTarget/all``.
extension FuzzTarget {
  /// An object header as it is, at any place of a file with any sizes of addresses and lengths.
  ///
  /// The first two bytes choose the sizes and whether the checksum of version 2 is made right; the header
  /// stands at the start of the rest.
  static let headers = FuzzTarget(
    "hdf5-header", seeds: { try objectHeaders().flatMap { [[0x77, 0] + $0, [0x77, 1] + $0] } }
  ) { input in
    var parts = FuzzInput(input)
    let sizes = parts.byte()
    let sealed = parts.byte() & 1 == 1
    var bytes = Array(parts.rest())
    if sealed { HeaderSeal.seal(&bytes) }
    try checkHeader(bytes, addressSize: 1 + sizes & 7, lengthSize: 1 + (sizes >> 4) & 7)
  }

  /// One message after the other, each a type, flags, a length and a body, in a header of version 1.
  static let messages = FuzzTarget(
    "hdf5-message",
    seeds: {
      try objectHeaders().map { header in
        var input: [UInt8] = [0x77]
        let file = InputFile(MemoryBytes(sharing: header), name: "seed")
        let metadata = MetadataFile(file, userBlock: 0, addressSize: 8, lengthSize: 8)
        _ = HeaderMessages.forEach(at: 0, in: metadata) { message in
          input += [UInt8(message.type & 255), UInt8(message.flags), UInt8(min(message.body.count, 255))]
          input += message.body.prefix(255)
          return true
        }
        return input
      }
    }
  ) { input in
    var parts = FuzzInput(input)
    let sizes = parts.byte()
    var messages: [UInt8] = []
    var count = 0
    while parts.count > 3, count < 200 {
      let (type, flags, length) = (parts.byte(), parts.byte(), parts.byte())
      let body = Array(parts.bytes(length))
      let padded = body + [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
      messages += littleEndian(UInt16(type)) + littleEndian(UInt16(padded.count)) + [UInt8(flags), 0, 0, 0]
      messages += padded
      count += 1
    }
    let prefix: [UInt8] =
      [1, 0] + littleEndian(UInt16(count)) + littleEndian(UInt32(1)) + littleEndian(UInt32(messages.count))
      + [0, 0, 0, 0]
    try checkHeader(prefix + messages, addressSize: 1 + sizes & 7, lengthSize: 1 + (sizes >> 4) & 7)
  }

  /// What is read of a header lies within the file and can be counted, and is the same when it is read again.
  private static func checkHeader(_ bytes: [UInt8], addressSize: Int, lengthSize: Int) throws {
    func read() -> ObjectHeader? {
      let file = InputFile(MemoryBytes(sharing: bytes), name: "input")
      return ObjectHeader(
        at: 0, in: MetadataFile(file, userBlock: 0, addressSize: addressSize, lengthSize: lengthSize))
    }
    guard let header = read() else { return }
    let again = read()
    try demand("\(header)" == again.map { "\($0)" }, "a header read twice differs")
    if case .compact(let offset, let count)? = header.layout {
      try demand(offset >= 0 && count >= 0 && offset + count <= bytes.count, "compact data beyond the file")
    }
    if case .chunked(_, let shape, let itemSize)? = header.layout {
      try demand(itemSize > 0 && shape.allSatisfy { $0 > 0 }, "chunks of no size")
    }
    try demand(
      header.links?.allSatisfy { $0.name.bytes.count <= bytes.count } ?? true, "a name longer than the file")
  }

  /// A tree that lists chunks: each entry lies within the file, and no number comes twice.
  ///
  /// The first bytes are the rank and for each axis its extent and that of a chunk; the tree is the rest.
  static let chunkTrees = FuzzTarget(
    "hdf5-chunk-tree",
    seeds: {
      let file = try hdf5File([
        "w": .leaf(
          Leaf(
            dtype: .uint8, shape: [4, 400_000],
            source: MemoryBytes(count: 1_600_000) {
              _ = $0.initializeMemory(as: UInt8.self, repeating: 1)
            }))
      ])
      guard let tree = file.indices.first(where: { file[$0...].starts(with: "TREE".utf8) }) else { return [] }
      let node = Array(file[tree..<min(file.count, tree + 300)])
      return [[0, 4, 1], [1, 4, 2, 4, 2], [2, 2, 1, 2, 1, 2, 1]].map { $0 + node }
    }
  ) { input in
    var parts = FuzzInput(input)
    let rank = 1 + parts.byte() % 4
    let extents = (0..<rank).map { _ in (parts.byte(), 1 + parts.byte() % 16) }
    let shape = extents.map(\.0)
    let chunk = extents.map(\.1)
    let (file, start) = try inFile(Array(parts.rest()))
    let chunking = Chunking(shape: chunk, byteCount: chunk.reduce(4, *), filters: [], list: .tree(start))
    guard let index = ChunkIndex(chunking, shape: shape, in: file) else { return }
    let count = zip(shape, chunk).reduce(1) { $0 * (($1.0 + $1.1 - 1) / $1.1) }
    var stored = 0
    for number in 0..<count {
      guard let entry = index.entry(number) else { continue }
      try demand(
        entry.offset >= 0 && entry.byteCount > 0 && entry.offset + entry.byteCount <= file.bytes.byteCount,
        "a chunk beyond the file")
      stored += entry.byteCount
    }
    try demand(stored == index.storedByteCount, "chunks that belong nowhere")
    if index.isComplete { try demand(stored <= file.bytes.byteCount, "chunks that share bytes") }
  }

  /// Text in the global heap, read through references that the input holds too.
  ///
  /// The first byte counts the references, 16 bytes each; their addresses count from the start of the input.
  static let heaps = FuzzTarget(
    "hdf5-heap",
    seeds: {
      let file = try hdf5File([
        "t": .leaf(FuzzTrees.text(["one", "zwei ä", String(repeating: "x", count: 90)]))
      ])
      guard let heap = file.indices.first(where: { file[$0...].starts(with: "GCOL".utf8) }) else { return [] }
      let collection = Array(file[heap..<min(file.count, heap + 400)])
      func reference(_ length: Int, _ number: Int) -> [UInt8] {
        littleEndian(UInt32(length)) + littleEndian(UInt64(33)) + littleEndian(UInt32(number))
      }
      return [[2] + reference(3, 1) + reference(7, 2) + collection, [1] + reference(90, 3) + collection]
    }
  ) { input in
    var parts = FuzzInput(input)
    let count = parts.byte() % 32
    var bytes = Array(input)
    let rebased = 1 + 16 * count
    guard bytes.count >= rebased else { return }
    let start = try soundFile.get().count
    for number in 0..<count {
      let place = 1 + 16 * number + 4
      let address = bytes[place..<(place + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      bytes.replaceSubrange(place..<(place + 8), with: littleEndian(address &+ UInt64(start)))
    }
    let file = try inFile(bytes).file
    let header = DatasetHeader(
      address: 0, element: .heapText, itemSize: 16, shape: [count], layout: .contiguous(address: start + 1),
      storedByteCount: 16 * count)
    let reader = RefxHDF5.TextReader(
      StoredElements(input: file, header: header, name: "/text"), limit: 1 << 16)
    let text = try reader.canonicalBytes()
    try demand(text.count <= 1 << 16, "more text than the limit")
    let elements = try? TextElements(canonical: text, count: count, file: nil)
    try demand(elements != nil, "what was read is no text of \(count) elements")
  }

  /// Chunks with filters, shapes and masks as a file may declare them, read whole and in part.
  ///
  /// The first bytes are filters, the size of an element, the rank, the extents, and the stored length of
  /// each chunk; the chunks follow.
  static let elements = FuzzTarget(
    "hdf5-elements", mostBytes: 4096,
    seeds: {
      let row = (0..<64).map { UInt8(truncatingIfNeeded: $0 / 3) }
      let stream = try row.withUnsafeBytes {
        try ChunkCodec(compression: .fast).encode($0, itemSize: 4, chunkBytes: 64)
      }
      let length = UInt8(stream.count)
      return [
        [6, 3, 0, 16, 16, 5, length] + stream, [6, 3, 0, 32, 16, 5, length, length] + stream + stream,
        [0, 3, 1, 5, 4, 4, 4, 9, 64, 64, 64] + row + row + row, [2, 3, 0, 16, 16, 0, 64] + row,
      ]
    }
  ) { input in
    var parts = FuzzInput(input)
    let choice = parts.byte()
    let size = 1 + parts.byte() % 16
    let rank = 1 + parts.byte() % 3
    let extents = (0..<rank).map { _ in (1 + parts.byte() % 40, 1 + parts.byte() % 40) }
    let (shape, chunk) = (extents.map(\.0), extents.map(\.1))
    let maskAndStep = parts.byte()
    var filters: [ChunkFilter] = []
    if choice & 1 != 0 { filters.append(.fletcher32) }
    if choice & 2 != 0 { filters.append(.shuffle(itemSize: choice & 16 != 0 ? 1 + choice >> 5 : size)) }
    if choice & 4 != 0 { filters.append(.deflate) }
    if choice & 8 != 0 { filters.reverse() }
    let counts = zip(shape, chunk).map { ($0 - 1) / $1 + 1 }
    let count = counts.reduce(1, *)
    guard count <= 40, chunk.reduce(size, *) <= 1 << 16 else { return }
    let lengths = (0..<count).map { _ in parts.byte() }
    // The chunks, and the tree that lists them, as a file has them.
    var (offset, entries) = (0, [UInt8]())
    let start = try soundFile.get().count
    let stored = Array(parts.rest())
    for number in 0..<count where lengths[number] > 0 {
      entries +=
        littleEndian(UInt32(lengths[number])) + littleEndian(UInt32(number == 0 ? maskAndStep & 7 : 0))
      var rest = number
      var place: [UInt8] = []
      for axis in (0..<rank).reversed() {
        place = littleEndian(UInt64(rest % counts[axis] * chunk[axis])) + place
        rest /= counts[axis]
      }
      entries += place + littleEndian(UInt64(0)) + littleEndian(UInt64(start + offset))
      offset += lengths[number]
    }
    let present = lengths.count { $0 > 0 }
    let tree: [UInt8] =
      Array("TREE".utf8) + [1, 0] + littleEndian(UInt16(present)) + [UInt8](repeating: 0xFF, count: 16)
      + entries
      + [UInt8](repeating: 0, count: 8 + 8 * (rank + 1))
    let file = try inFile(stored + tree).file
    let chunking = Chunking(
      shape: chunk, byteCount: chunk.reduce(size, *), filters: filters, list: .tree(start + stored.count))
    let header = DatasetHeader(
      address: 0, element: .fixedText(size: size, padding: .nullPadded), itemSize: size, shape: shape,
      layout: .chunked(chunking), fill: choice & 64 != 0 ? (0..<size).map { UInt8(200 + $0) } : nil,
      storedByteCount: nil)
    guard ChunkFilter.reasonToRefuse(filters) == nil, present > 0 else { return }
    let elements = StoredElements(input: file, header: header, name: "/w")
    // Where the tree is none, libhdf5 would be asked, which knows no such dataset.
    guard ChunkIndex(chunking, shape: shape, in: file) != nil else { return }
    var whole = [UInt8](repeating: 0xA7, count: elements.byteCount + 64)
    let result = Result {
      try whole.withUnsafeMutableBytes {
        try elements.read(at: 0, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<elements.byteCount]))
      }
    }
    try demand(whole[elements.byteCount...].allSatisfy { $0 == 0xA7 }, "bytes were written behind the target")
    try result.get()
    let step = 1 + maskAndStep
    for place in stride(from: 0, to: elements.byteCount, by: step) {
      let range = place..<min(elements.byteCount, place + step)
      var part = [UInt8](repeating: 0xA7, count: range.count)
      try part.withUnsafeMutableBytes { try elements.read(at: place, into: $0) }
      try demand(part[...] == whole[range], "bytes \(range) differ when they are read alone")
    }
  }

  // MARK: Files

  /// A sound file behind which the bytes of an input stand, and where they start.
  private static func inFile(_ bytes: [UInt8]) throws -> (file: HDF5Input, start: Int) {
    let sound = try soundFile.get()
    let file = InputFile(MemoryBytes(sharing: sound + bytes), name: "input")
    let options = OpenOptions(threads: 1, libraries: .worker(executable: "/nowhere/refx"))
    return (try HDF5Input(file, options: options), sound.count)
  }

  private static let soundFile = Result { try hdf5File(["w": .leaf(Leaf(Float(1)))]) }

  private static func hdf5File(_ tree: Tree<Leaf>) throws -> [UInt8] {
    let target = MemoryTarget()
    try HDF5Store.write(
      CheckpointContents(tree: tree, metadata: ["a": 1]), to: target, options: WriteOptions(threads: 1))
    return target.bytes
  }

  /// The object headers of files of ours, each at the start of the bytes from there on.
  private static func objectHeaders() throws -> [[UInt8]] {
    let files = try FuzzTrees.all(withText: true).map(hdf5File)
    var headers: [[UInt8]] = []
    for file in files {
      let starts = file.indices.filter { file[$0...].starts(with: "OHDR".utf8) }
      headers += starts.prefix(4).map { Array(file[$0..<min(file.count, $0 + 600)]) }
    }
    return headers
  }
}

/// Makes the checksum of an object header's first block right, where it is of version 2.
enum HeaderSeal {
  static func seal(_ bytes: inout [UInt8]) {
    guard bytes.count > 12, bytes.starts(with: "OHDR".utf8) else { return }
    let flags = Int(bytes[5])
    let size = 1 << (flags & 3)
    let place = 6 + (flags & 32 != 0 ? 16 : 0) + (flags & 16 != 0 ? 4 : 0)
    guard place + size <= bytes.count else { return }
    var count = bytes[place..<(place + size)].reversed().reduce(0) { $0 &<< 8 | Int($1) }
    let head = place + size
    // A length beyond the end is made to fit, so that inputs may change theirs.
    let most = bytes.count - head - 4
    guard most >= 0 else { return }
    if count < 0 || count > most {
      count = min(most, size == 1 ? 255 : 65535)
      for byte in 0..<size { bytes[place + byte] = UInt8(truncatingIfNeeded: count >> (8 * byte)) }
    }
    let sum = bytes[..<(head + count)].withUnsafeBytes { MetadataChecksum.of($0) }
    bytes.replaceSubrange((head + count)..<(head + count + 4), with: littleEndian(sum))
  }
}
