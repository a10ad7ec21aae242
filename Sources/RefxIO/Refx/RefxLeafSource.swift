import Refx
import RefxStore

/// The bytes of a leaf in a `.refx` file. Reads the chunks that are touched and checks each.
final class RefxLeafSource: EncodedChunks {
  private let payload: RefxPayload
  let number: Int
  let byteCount: Int
  private let dtype: DType
  private let shape: [Int]

  init(payload: RefxPayload, number: Int, dtype: DType, shape: [Int], byteCount: Int) {
    self.payload = payload
    self.number = number
    self.dtype = dtype
    self.shape = shape
    self.byteCount = byteCount
  }

  private var entry: RefxPayload.LeafEntry { payload.leaves[number] }

  private var grid: ChunkGrid {
    dtype.itemSize.map { ChunkGrid(itemSize: $0, shape: shape, byteCount: byteCount) }
      ?? ChunkGrid(itemSize: 1, shape: [byteCount], byteCount: byteCount)
  }

  /// A Swift Bool of another byte than 0 and 1 is undefined, so booleans are looked at while they are read, and so
  /// are numbers of four bits.
  var bytesInMemory: MemoryBytes? {
    if !payload.isMapped || !dtype.takesAnyBytes { return nil }
    return payload.bytesInMemory(ofLeaf: number, grid: grid, byteCount: byteCount)
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard !buffer.isEmpty else { return }
    do {
      if offset == 0, buffer.count == byteCount, byteCount >= RefxLeafSource.parallelFrom {
        try readAll(into: buffer)
      } else {
        try readChunks(at: offset, into: buffer)
      }
      try checkElements(UnsafeRawBufferPointer(buffer))
    } catch let error as RefxError {
      throw payload.located(error, leaf: number)
    }
  }

  /// - Throws: ``RefxError`` where one of the bytes is no element of the leaf's dtype.
  func checkElements(_ bytes: UnsafeRawBufferPointer) throws {
    if dtype.firstOtherByte(in: bytes) != nil {
      throw RefxError.elementOfAnotherByte(dtype, at: payload.chunks[entry.firstChunk].offset)
    }
  }

  /// A leaf of fewer bytes is read by one thread.
  private static let parallelFrom = 4 << 20

  /// All chunks, on several threads.
  private func readAll(into buffer: UnsafeMutableRawBufferPointer) throws {
    let grid = grid
    let entry = entry
    let target = SharedBuffer(buffer)
    let threads = Cores.threads(payload.options.threads, forBytes: byteCount)
    try forEachInParallel(grid.count, threads: threads) { position in
      try payload.readLogical(
        entry.firstChunk + position, storage: entry.storage, grid: grid,
        into: target[grid.range(of: position)],
        verify: payload.options.verify)
    }
  }

  private func readChunks(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let grid = grid
    let entry = entry
    var position = grid.position(ofByte: offset)
    var done = 0
    while done < buffer.count {
      let range = grid.range(of: position)
      let start = offset + done - range.lowerBound
      let count = min(range.count - start, buffer.count - done)
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
      let chunk = entry.firstChunk + position
      if count == range.count {
        try payload.readLogical(
          chunk, storage: entry.storage, grid: grid, into: target, verify: payload.options.verify)
      } else {
        try payload.readLogicalPart(
          chunk, from: start, of: range.count, storage: entry.storage, grid: grid, into: target)
      }
      done += count
      position += 1
    }
  }

  var contentHash: ContentHash? { entry.hash }

  var storedByteCount: Int? {
    let first = entry.firstChunk
    let count = grid.count
    guard count > 0 else { return 0 }
    return payload.chunks[first + count - 1].end - payload.chunks[first].offset
  }

  // MARK: Encoded chunks

  /// Nil for a raw leaf, which has no encoded chunks to copy, and for elements that are looked at.
  var codecIdentity: ChunkCodec.Identity? {
    entry.storage == .compressed && dtype.takesAnyBytes ? payload.codecIdentity : nil
  }

  var logicalCRC32: UInt32? { entry.crc32 }

  var chunkCount: Int { grid.count }

  var vouchesForChunks: Bool { true }

  func readEncodedChunk(at position: Int, into buffer: ByteBuffer) throws -> EncodedChunk {
    do {
      let chunk = entry.firstChunk + position
      let room = buffer.room(for: Int(payload.chunks[chunk].byteCount))
      try payload.readStored(chunk, into: room)
      // A compressed leaf has no padding, so the chunk's checksum is that of its bytes alone.
      return EncodedChunk(
        bytes: UnsafeRawBufferPointer(room), checkedCRC32: payload.chunks[chunk].crc32)
    } catch let error as RefxError {
      throw payload.located(error, leaf: number)
    }
  }
}

extension RefxLeafSource: NeighbouringSource {
  /// Raw leaves of one chunk that follow each other in the file are read with what lies between them.
  func readRow(
    _ row: ArraySlice<Leaf>, into memory: ArraySlice<MemoryBytes?>, _ scratch: ByteBuffer
  ) throws -> Int {
    // One without elements has no chunk: behind the last leaf there is none to ask.
    guard byteCount > 0 else { return 0 }
    let start = payload.chunks[entry.firstChunk].offset
    var chunks: [Int] = []
    var end = start
    for (leaf, target) in zip(row, memory) {
      guard let source = leaf.source as? RefxLeafSource, let target, source.payload === payload,
        source.number == number + chunks.count, source.entry.storage == .raw, source.byteCount > 0,
        source.byteCount == target.byteCount, source.dtype.takesAnyBytes
      else { break }
      let chunk = payload.chunks[source.entry.firstChunk]
      guard Int(chunk.byteCount) == target.byteCount, chunk.end - start <= RefxLeafSource.mostOfARow else {
        break
      }
      chunks.append(source.entry.firstChunk)
      end = chunk.end
    }
    guard chunks.count > 1 else { return 0 }
    let room = scratch.room(for: end - start)
    try payload.file.read(at: start, into: room)
    for (position, (chunk, target)) in zip(chunks, memory).enumerated() {
      guard let target else { continue }
      let from = payload.chunks[chunk].offset - start
      let bytes = UnsafeRawBufferPointer(rebasing: room[from..<(from + target.byteCount)])
      if payload.options.verify != .never {
        // What was read with the row is looked at there; the padding of the first stands before it.
        let before = position == 0 ? nil : UnsafeRawBufferPointer(rebasing: room[..<from])
        do {
          try payload.check(bytes, are: chunk, after: before)
        } catch let error as RefxError {
          throw payload.located(error, leaf: number + position)
        }
      }
      target.memory.copyMemory(from: bytes)
    }
    return chunks.count
  }

  /// The most bytes that are read at once.
  private static let mostOfARow = 1 << 20
}

extension RefxPayload {
  /// `error` with the file and the path of the leaf that it is about.
  func located(_ error: RefxError, leaf number: Int) -> RefxError {
    let named = error.inFile(file.name)
    guard named.path == nil, let path = path(ofLeaf: number) else { return named }
    return named.atPath(path)
  }
}
