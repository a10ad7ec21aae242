import Refx
import RefxStore

/// The elements of a dataset as they stand in the file: in its byte order, in C order, with the fill value
/// where nothing was written.
struct StoredElements: Sendable {
  let input: HDF5Input
  let header: DatasetHeader
  let name: String
  /// The chunks, where the dataset has some.
  let chunks: StoredChunks?

  init(input: HDF5Input, header: DatasetHeader, name: String) {
    self.input = input
    self.header = header
    self.name = name
    if case .chunked(let chunking) = header.layout {
      chunks = StoredChunks(input, header, chunking, name: name)
    } else {
      chunks = nil
    }
  }

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

  /// Data within the object header is at most 64 KiB, and read as a whole.
  private func readCompact(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard byteCount <= 1 << 16 else { throw input.damaged("more than 64 KiB in an object header", at: name) }
    let all = try input.library().compactBytes(of: header.address, count: byteCount, name)
    all.withUnsafeBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
    }
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
    let reader = ChunkReader(
      elements: self, chunking: chunking, shape: shape, firstElement: first, buffer: buffer)
    try Box.forEach(of: shape, from: first, to: end) { try reader.read($0) }
  }

  /// The bytes of one chunk's elements; nil where it was never written.
  func chunk(_ position: [Int], of chunking: Chunking) throws -> [UInt8]? {
    try input.scratch.with { buffer in
      guard let stored = try chunks?.read(position, into: buffer) else { return nil }
      do {
        return try input.decoders.with {
          try chunking.decode(Array(stored.bytes), mask: stored.mask, by: $0)
        }
      } catch let error as RefxError {
        throw error.inFile(input.bytes.name).atObject(stored.place)
      }
    }
  }

  /// Decodes the first elements of a chunk to where they belong, where it is packed as this library packs.
  ///
  /// - Returns: false where it is not, and nothing was done.
  func read(_ position: [Int], of chunking: Chunking, into target: UnsafeMutableRawBufferPointer) throws
    -> Bool
  {
    guard chunking.filters == [.shuffle(itemSize: header.itemSize), .deflate] else { return false }
    return try input.scratch.with { buffer in
      guard let stored = try chunks?.read(position, into: buffer), stored.mask == 0 else { return false }
      do {
        try input.decoders.with {
          try $0.decode(
            stored.bytes, into: target, itemSize: header.itemSize, chunkBytes: chunking.byteCount)
        }
      } catch let error as RefxError {
        throw error.inFile(input.bytes.name).atObject(stored.place)
      }
      return true
    }
  }

  /// The bytes that the file spends on the elements; nil where that is not known.
  var storedByteCount: Int? { header.storedByteCount ?? chunks?.byteCount }

  /// Whether whatever part is read, damage to it is found: every chunk is there, and its stream ends in a
  /// checksum of what it holds.
  var chunksVouchForThemselves: Bool {
    guard case .chunked(let chunking) = header.layout,
      chunking.filters == [.shuffle(itemSize: header.itemSize), .deflate]
    else { return false }
    return chunks?.areComplete ?? false
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
    if axis == 0 || low[..<axis].elementsEqual(high[..<axis].map { $0 - 1 }), low == origin {
      // The whole chunk in one piece: it is decoded where it belongs.
      let start = (offset(of: low, in: shape) - firstElement) * size
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<(start + run * size)])
      if try elements.read(position, of: chunking, into: target) { return }
    }
    let key = ChunkCache.Key(dataset: elements.header.address, chunk: position)
    let bytes = try elements.input.chunks.chunk(key, byteCount: chunking.byteCount) {
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
        buffer.baseAddress!.advanced(by: to).copyMemory(
          from: bytes.baseAddress! + source * size, byteCount: run * size)
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

  private func offset(of place: [Int], in extents: [Int]) -> Int {
    zip(place, extents).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// A chunk that was never written.
  private func fillChunk() throws -> [UInt8] {
    guard chunking.byteCount <= 64 << 20 else {
      throw elements.input.limit(
        "chunks of at most 64 MiB", found: "\(chunking.byteCount) bytes",
        at: elements.name, advice: "write it again with smaller chunks, as h5repack does")
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
