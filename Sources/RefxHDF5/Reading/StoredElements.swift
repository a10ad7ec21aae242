import CHDF5
import Glibc
import Refx
import RefxStore

/// The elements of a dataset as they stand in the file: in its byte order, in C order, with the fill value
/// where nothing was written.
struct StoredElements: Sendable {
  let input: HDF5Input
  let header: DatasetHeader
  let name: String

  var byteCount: Int { header.count * header.itemSize }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// - Precondition: the range lies within `0 ..< byteCount`.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if buffer.isEmpty { return }
    switch header.layout {
    case .compact: try readCompact(at: offset, into: buffer)
    case .contiguous(let address):
      guard let address else { return fill(buffer, from: offset) }
      let (start, overflow) = address.addingReportingOverflow(offset)
      guard !overflow else { throw input.damaged("data beyond the end of the file", at: name) }
      do { try input.bytes.read(at: start, into: buffer) } catch let error as RefxError {
        throw error.atObject(name)
      }
    case .chunked(let chunking): try read(chunking, at: offset, into: buffer)
    }
  }

  /// What was never written.
  private func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int) {
    guard let fill = header.fill else { return _ = buffer.initializeMemory(as: UInt8.self, repeating: 0) }
    for place in buffer.indices { buffer[place] = fill[(offset + place) % fill.count] }
  }

  /// Data within the object header is at most 64 KiB, and libhdf5 has it in memory.
  private func readCompact(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard byteCount <= 1 << 16 else { throw input.damaged("more than 64 KiB in an object header", at: name) }
    let dataset = try input.openObject(at: header.address, name)
    let type = try input.context.open("H5Dget_type", at: name, H5Dget_type(dataset.id))
    var all = [UInt8](repeating: 0, count: byteCount)
    try input.context.check("H5Dread", at: name, H5Dread(dataset.id, type.id, 0, 0, 0, &all))
    all.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)])) }
  }

  // MARK: Chunks

  private func read(_ chunking: Chunking, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let shape = header.shape, !shape.isEmpty else { return }
    let size = header.itemSize
    // Whole elements alone can be found in chunks; a range that cuts one is read with what surrounds it.
    let first = offset / size
    let end = (offset + buffer.count + size - 1) / size
    if offset % size != 0 || buffer.count % size != 0 {
      let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: (end - first) * size, alignment: 16)
      defer { whole.deallocate() }
      try read(chunking, at: first * size, into: whole)
      let start = offset - first * size
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[start..<(start + buffer.count)]))
      return
    }
    let reader = ChunkReader(elements: self, chunking: chunking, shape: shape, firstElement: first, buffer: buffer)
    try Box.forEach(of: shape, from: first, to: end) { try reader.read($0) }
  }

  /// The bytes of one chunk's elements; nil where it was never written.
  func chunk(_ position: [Int], of chunking: Chunking) throws -> [UInt8]? {
    guard let (stored, mask) = try storedChunk(position, of: chunking) else { return nil }
    do { return try chunking.decode(stored, mask: mask) } catch let error as RefxError {
      throw error.inFile(input.bytes.name).atObject("\(name), chunk \(position)")
    }
  }

  /// Decodes the first elements of a chunk to where they belong, where it is packed as this library packs.
  ///
  /// - Returns: false where it is not, and nothing was done.
  func read(_ position: [Int], of chunking: Chunking, into target: UnsafeMutableRawBufferPointer) throws -> Bool {
    guard chunking.filters == [.shuffle(itemSize: header.itemSize), .deflate],
      let (stored, mask) = try storedChunk(position, of: chunking), mask == 0
    else { return false }
    do {
      try stored.withUnsafeBytes {
        try ChunkCodec.decode($0, into: target, itemSize: header.itemSize, chunkBytes: chunking.byteCount)
      }
    } catch let error as RefxError {
      throw error.inFile(input.bytes.name).atObject("\(name), chunk \(position)")
    }
    return true
  }

  /// A chunk as it is stored; nil where it was never written.
  ///
  /// libhdf5 1.10 finds a chunk by its coordinates by walking all of them, except where it reads it too. So
  /// it reads, the stored bytes alone; what they say is undone here.
  func storedChunk(_ position: [Int], of chunking: Chunking) throws -> (bytes: [UInt8], mask: UInt32)? {
    let offset = zip(position, chunking.shape).map { hsize_t($0 * $1) }
    let place = "\(name), chunk \(position)"
    return try HDF5Library.shared.withLock {
      let dataset = try input.openDataset(at: header.address, name)
      var size: hsize_t = 0
      try input.context.check(
        "H5Dget_chunk_storage_size", at: place, H5Dget_chunk_storage_size(dataset.id, offset, &size))
      if size == 0 { return nil }
      guard let size = Int(exactly: size), size <= input.bytes.byteCount else {
        throw input.damaged("a chunk beyond the end of the file", at: place)
      }
      try checkProportion(chunking, stored: size)
      if chunking.filters.isEmpty { return (try unfilteredChunk(dataset, offset, chunking, place), 0) }
      var mask: UInt32 = 0
      var bytes = [UInt8](repeating: 0, count: size)
      try input.context.check("H5Dread_chunk", at: place, H5Dread_chunk(dataset.id, 0, offset, &mask, &bytes))
      return (bytes, mask)
    }
  }

  /// A chunk without filters has the size that the dataset gives all of them, but libhdf5 reads as much as
  /// the chunk's own entry claims, which is at most the file: that much room it gets, untouched memory that
  /// costs nothing.
  private func unfilteredChunk(
    _ dataset: HDF5Handle, _ offset: [hsize_t], _ chunking: Chunking, _ place: String
  ) throws -> [UInt8] {
    let room = max(min(input.bytes.byteCount, 1 << 32), chunking.byteCount)
    guard let memory = mmap(nil, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else { throw RefxError.system("cannot take memory", errno: errno, file: input.bytes.name) }
    defer { munmap(memory, room) }
    var mask: UInt32 = 0
    try input.context.check("H5Dread_chunk", at: place, H5Dread_chunk(dataset.id, 0, offset, &mask, memory))
    return Array(UnsafeRawBufferPointer(start: memory, count: chunking.byteCount))
  }

  /// Deflate packs at most 1 : 1032, so what declares more is no chunk of that size; and one that is very
  /// large must lie in a file that is large too.
  private func checkProportion(_ chunking: Chunking, stored: Int) throws {
    let declared = chunking.byteCount
    guard declared <= stored.multipliedClamping(by: 1040) + 64 else {
      throw input.damaged("a chunk of \(stored) bytes cannot hold the \(declared) that it should", at: name)
    }
    guard declared <= 64 << 20 || declared / 4 <= input.bytes.byteCount else {
      throw input.limit("chunks of at most 64 MiB, or four times the file", found: "\(declared) bytes", at: name)
    }
  }
}

extension Int {
  func multipliedClamping(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? Int.max >> 1 : Swift.min(product, Int.max >> 1)
  }
}

extension RefxError {
  /// The same error, said of an object of the file, unless it names a place already.
  func atObject(_ name: String) -> RefxError {
    var copy = self
    copy.place = .object(name)
    return copy
  }
}

/// A block of an array: from `low` on, up to and without `high`, in each dimension.
struct Box {
  var low: [Int]
  var high: [Int]

  /// Calls `body` with blocks that hold the elements `start ..< end` of an array in C order.
  static func forEach(of shape: [Int], from start: Int, to end: Int, _ body: (Box) throws -> Void) throws {
    guard start < end else { return }
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    var box = Box(low: [Int](repeating: 0, count: shape.count), high: shape)

    // Below `axis` everything up to it is fixed; the range is relative to that.
    func split(_ axis: Int, _ start: Int, _ end: Int) throws {
      let stride = strides[axis]
      var first = start / stride
      let last = end / stride
      func one(_ position: Int, _ start: Int, _ end: Int) throws {
        box.low[axis] = position
        box.high[axis] = position + 1
        try split(axis + 1, start, end)
      }
      if start % stride != 0 {
        if first == last { return try one(first, start % stride, end % stride) }
        try one(first, start % stride, stride)
        first += 1
      }
      if first < last {
        box.low[axis] = first
        box.high[axis] = last
        for inner in (axis + 1)..<max(shape.count, axis + 1) {
          box.low[inner] = 0
          box.high[inner] = shape[inner]
        }
        try body(box)
      }
      if end % stride != 0 { try one(last, 0, end % stride) }
    }
    try split(0, start, end)
  }
}

/// Copies the elements of blocks out of the chunks that hold them.
private struct ChunkReader {
  let elements: StoredElements
  let chunking: Chunking
  let shape: [Int]
  /// The element at which `buffer` starts.
  let firstElement: Int
  let buffer: UnsafeMutableRawBufferPointer

  func read(_ box: Box) throws {
    // The chunks that the block crosses, in C order.
    let first = zip(box.low, chunking.shape).map { $0 / $1 }
    let last = zip(box.high, chunking.shape).map { ($0 - 1) / $1 }
    var position = first
    while true {
      try copy(box, from: position)
      var axis = shape.count - 1
      while axis >= 0, position[axis] == last[axis] {
        position[axis] = first[axis]
        axis -= 1
      }
      if axis < 0 { return }
      position[axis] += 1
    }
  }

  private func copy(_ box: Box, from position: [Int]) throws {
    let rank = shape.count
    let origin = zip(position, chunking.shape).map { $0 * $1 }
    let low = (0..<rank).map { max(box.low[$0], origin[$0]) }
    let high = (0..<rank).map { min(box.high[$0], origin[$0].addingClamping(chunking.shape[$0])) }
    // Rows that lie in one piece in both: the last axis, and those before it while whole.
    var axis = rank - 1
    var run = high[axis] - low[axis]
    while axis > 0, low[axis] == 0, high[axis] == shape[axis], chunking.shape[axis] == shape[axis] {
      axis -= 1
      run *= high[axis] - low[axis]
    }
    let size = elements.header.itemSize
    if axis == 0 || low[..<axis].elementsEqual(high[..<axis].map { $0 - 1 }), low == origin, isLarge {
      // The whole chunk in one piece: it is decoded where it belongs.
      let start = (offset(of: low, in: shape) - firstElement) * size
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<(start + run * size)])
      if try elements.read(position, of: chunking, into: target) { return }
    }
    let key = ChunkCache.Key(dataset: UInt(elements.header.address), chunk: position)
    let bytes = try elements.input.chunks.chunk(key) {
      try elements.chunk(position, of: chunking) ?? fillChunk()
    }
    var place = low
    while true {
      var target = 0
      var source = 0
      for inner in 0..<rank {
        target = target * shape[inner] + place[inner]
        source = source * chunking.shape[inner] + (place[inner] - origin[inner])
      }
      let to = (target - firstElement) * size
      bytes.withUnsafeBytes { bytes in
        buffer.baseAddress!.advanced(by: to).copyMemory(from: bytes.baseAddress! + source * size, byteCount: run * size)
      }
      var outer = axis - 1
      while outer >= 0, place[outer] + 1 == high[outer] {
        place[outer] = low[outer]
        outer -= 1
      }
      if outer < 0 { return }
      place[outer] += 1
    }
  }

  /// Whether there is more of the data than is worth keeping decoded.
  private var isLarge: Bool { elements.byteCount > 16 << 20 }

  private func offset(of place: [Int], in extents: [Int]) -> Int {
    zip(place, extents).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// A chunk that was never written.
  private func fillChunk() throws -> [UInt8] {
    guard chunking.byteCount <= 64 << 20 else {
      throw elements.input.limit(
        "chunks of at most 64 MiB", found: "\(chunking.byteCount) bytes", at: elements.name)
    }
    guard let fill = elements.header.fill else { return [UInt8](repeating: 0, count: chunking.byteCount) }
    return [UInt8](unsafeUninitializedCapacity: chunking.byteCount) { buffer, filled in
      for place in buffer.indices { buffer[place] = fill[place % fill.count] }
      filled = chunking.byteCount
    }
  }
}

extension Int {
  fileprivate func addingClamping(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? Int.max : sum
  }
}
