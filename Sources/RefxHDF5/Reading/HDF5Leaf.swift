import CHDF5
import Refx
import RefxStore
import Synchronization

/// The payload of a dataset, read when it is asked for and brought into little-endian order, by as many
/// threads as ask.
///
/// Where the file holds a checksum of the leaf, who reads all of it has all of it compared, with the last chunk
/// where he reads chunk by chunk. A part of a compressed leaf is vouched for by the streams of its chunks, each
/// of which ends in a checksum; of a raw leaf, all is read once before a part is given away.
final class HDF5Leaf: LeafSource {
  let elements: StoredElements
  let dtype: DType
  let byteCount: Int
  /// The CRC-32 of the logical bytes, where the file holds one.
  let checksum: UInt32?
  let codec: ChunkCodec.Identity?
  private let isBigEndian: Bool
  /// Whether nothing is left to check.
  private let isSettled: Atomic<Bool>
  /// Held while all of the leaf is read on behalf of a part.
  private let checking = Mutex<Void>(())
  /// The checksums of the slabs that were streamed so far, and how many are missing; none before the first.
  private let streamed = Mutex<(sums: [UInt32?], missing: Int)>(([], 0))

  /// - Precondition: the elements are numbers as wide as `dtype`'s.
  init(
    _ elements: StoredElements, dtype: DType, isBigEndian: Bool, checksum: UInt32? = nil,
    codec: ChunkCodec.Identity? = nil
  ) {
    self.elements = elements
    self.dtype = dtype
    self.isBigEndian = isBigEndian
    self.checksum = checksum
    self.codec = codec
    byteCount = elements.byteCount
    isSettled = Atomic(checksum == nil || elements.input.options.verify == .never)
  }

  /// Whether damage to the values is found when they are read: by a checksum of all, or by those of the chunks.
  var hasChecksum: Bool {
    if checksum != nil { return true }
    guard case .chunked(let chunking) = elements.header.layout else { return false }
    return chunking.filters.contains { filter in
      switch filter {
      case .deflate, .fletcher32: true
      default: false
      }
    }
  }

  var storedByteCount: Int? { elements.storedByteCount }

  var grid: ChunkGrid {
    ChunkGrid(itemSize: dtype.itemSize ?? 1, shape: elements.header.shape ?? [], byteCount: byteCount)
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if buffer.count == byteCount {
      try readAll(into: buffer)
    } else if isSettled.load(ordering: .acquiring) || elements.chunksVouchForThemselves {
      try readUnchecked(at: offset, into: buffer)
    } else {
      try checkAll()
      try readUnchecked(at: offset, into: buffer)
    }
  }

  // MARK: All of it

  /// A leaf of fewer bytes is read by one thread.
  private static let parallelFrom = 4 << 20

  private func readAll(into buffer: UnsafeMutableRawBufferPointer) throws {
    let mustCheck = !isSettled.load(ordering: .acquiring)
    if byteCount < HDF5Leaf.parallelFrom {
      try readUnchecked(at: 0, into: buffer)
      if mustCheck { try settle(CRC32.of(UnsafeRawBufferPointer(buffer))) }
      return
    }
    let target = SharedBuffer(buffer)
    let sum = try sum(mustCheck) { range, body in
      let part = target[range]
      try readUnchecked(at: range.lowerBound, into: part)
      body(UnsafeRawBufferPointer(part))
    }
    if let sum { try settle(sum) }
  }

  /// Reads slab by slab on several threads.
  ///
  /// - Returns: the checksum of all of them; nil where none `isWanted`.
  private func sum(
    _ isWanted: Bool, _ read: @Sendable (Range<Int>, (UnsafeRawBufferPointer) -> Void) throws -> Void
  ) throws -> UInt32? {
    let grid = grid
    let sums = Mutex([UInt32](repeating: 0, count: isWanted ? grid.count : 0))
    let threads = Cores.threads(elements.input.options.threads, forBytes: byteCount)
    try forEachInParallel(grid.count, threads: threads) { position in
      try read(grid.range(of: position)) { bytes in
        guard isWanted else { return }
        let sum = CRC32.of(bytes)
        sums.withLock { $0[position] = sum }
      }
    }
    guard isWanted else { return nil }
    return sums.withLock { sums in
      sums.indices.reduce(0) { CRC32.combining($0, sums[$1], count: grid.range(of: $1).count) }
    }
  }

  // MARK: Checking

  private func checkAll() throws {
    try checking.withLock { _ in
      guard !isSettled.load(ordering: .acquiring) else { return }
      let scratch = elements.input.slabs
      let sum = try sum(true) { range, body in
        try scratch.with { buffer in
          let part = buffer.room(for: range.count)
          try readUnchecked(at: range.lowerBound, into: part)
          body(UnsafeRawBufferPointer(part))
        }
      }
      if let sum { try settle(sum) }
    }
  }

  /// Compares the checksum of all bytes with what the file says.
  private func settle(_ found: UInt32) throws {
    guard let checksum else { return }
    guard found == checksum else {
      throw RefxError.hdf5ChecksumDiffers(
        expected: checksum, found: found, object: elements.name, file: elements.input.bytes.name)
    }
    isSettled.store(true, ordering: .releasing)
  }

  // MARK: Bytes

  private func readUnchecked(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if !isBigEndian {
      try elements.read(at: offset, into: buffer)
    } else {
      let size = dtype.wordSize
      try buffer.readWholeElements(ofSize: size, at: offset) { offset, buffer in
        try elements.read(at: offset, into: buffer)
        buffer.swapWords(ofSize: size)
      }
    }
    if let wrong = dtype.firstOtherByte(in: UnsafeRawBufferPointer(buffer)) {
      let other = buffer[wrong]
      let what =
        switch dtype {
        case .bool: "a boolean that is \(other), neither false nor true"
        case .int4: "an int4 that is \(Int8(bitPattern: other)), not from -8 to 7"
        default: "a \(dtype) that is \(other), not from 0 to 15"
        }
      throw elements.input.damaged(what, at: elements.name)
    }
  }
}

extension HDF5Leaf: StreamedSource {
  func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try readUnchecked(at: offset, into: buffer)
    if isSettled.load(ordering: .acquiring) { return }
    let grid = grid
    let position = grid.position(ofByte: offset)
    guard grid.range(of: position) == offset..<(offset + buffer.count) else { return try checkAll() }
    let sum = CRC32.of(UnsafeRawBufferPointer(buffer))
    let whole: UInt32? = streamed.withLock { state in
      if state.sums.isEmpty { state = ([UInt32?](repeating: nil, count: grid.count), grid.count) }
      if state.sums[position] == nil { state.missing -= 1 }
      state.sums[position] = sum
      guard state.missing == 0 else { return nil }
      return state.sums.indices.reduce(0) {
        CRC32.combining($0, state.sums[$1] ?? 0, count: grid.range(of: $1).count)
      }
    }
    // All sums stay: where they do not fit, every later chunk is refused as well.
    if let whole { try settle(whole) }
  }
}
