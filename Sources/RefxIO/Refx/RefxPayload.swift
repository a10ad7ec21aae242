import Refx
import RefxStore
import Synchronization

/// Where the payload of every leaf lies in a file: flat tables, filled while the catalogue is read and never
/// changed afterwards.
final class RefxPayload: @unchecked Sendable {
  // Sendable: the tables are complete before the object is shared; the cache and the flags have a lock.

  let file: InputFile
  let catalogueOffset: Int
  let options: OpenOptions
  /// The whole file as memory, where that was asked for and the system does it.
  private let mapped: MemoryBytes?
  /// What each thread that reads needs.
  private let readers = Pool { ChunkReader() }
  /// The leaves that were checked as they lie in memory, and whether they were sound.
  private let checkedInMemory = Mutex<[Int: Bool]>([:])
  private let checking = Mutex<Void>(())
  /// Which encoder made the compressed chunks; nil where the file does not say.
  var codecIdentity: ChunkCodec.Identity?
  /// The sections that a leaf's path is found in.
  var outline: [RefxEnvelope.Section] = []

  // Not checked for overlapping accesses, of which there are none: they are looked up for every small leaf.
  /// One entry for each leaf.
  @exclusivity(unchecked) var leaves: [LeafEntry] = []
  /// One entry for each chunk, in the order of the leaves.
  @exclusivity(unchecked) var chunks: [ChunkEntry] = []

  struct LeafEntry {
    let firstChunk: Int
    let storage: LeafStorage
    let crc32: UInt32
    let hash: ContentHash
  }

  struct ChunkEntry {
    /// Where the stored bytes start in the file.
    let offset: Int
    let byteCount: UInt32
    let crc32: UInt32

    var end: Int { offset + Int(byteCount) }
  }

  /// The chunk that was last read in part, so that reading a leaf in small pieces decodes each chunk once.
  private let lastRead = Mutex<(chunk: Int, bytes: [UInt8])?>(nil)

  init(file: InputFile, catalogueOffset: Int, options: OpenOptions) {
    self.file = file
    self.catalogueOffset = catalogueOffset
    self.options = options
    mapped = options.payload == .map ? file.mapped() : nil
  }

  /// Whether raw leaves may lie in memory.
  var isMapped: Bool { mapped != nil }

  /// The bytes of a raw leaf where they lie in the mapped file, checked when they are first asked for; nil
  /// where they do not lie there, or are damaged: reading them says how.
  func bytesInMemory(ofLeaf number: Int, grid: ChunkGrid, byteCount: Int) -> MemoryBytes? {
    let leaf = leaves[number]
    guard let mapped, leaf.storage == .raw, byteCount > 0 else { return nil }
    let start = chunks[leaf.firstChunk].offset
    // The format aligns raw leaves; bytes in memory may lie anywhere.
    guard let bytes = mapped.part(at: start, count: byteCount, alignment: min(16, grid.itemSize)) else {
      return nil
    }
    guard options.verify != .never else { return bytes }
    if let isSound = checkedInMemory.withLock({ $0[number] }) { return isSound ? bytes : nil }
    // One after the other: each check uses all threads, and who waits finds the answer.
    return checking.withLock { _ in
      if let isSound = checkedInMemory.withLock({ $0[number] }) { return isSound ? bytes : nil }
      let isSound = areSound(bytes, chunksFrom: leaf.firstChunk, grid: grid)
      checkedInMemory.withLock { $0[number] = isSound }
      return isSound ? bytes : nil
    }
  }

  private func areSound(_ bytes: MemoryBytes, chunksFrom first: Int, grid: ChunkGrid) -> Bool {
    let threads = Cores.threads(options.threads, forBytes: bytes.byteCount / 4)
    do {
      try forEachInParallel(grid.count, threads: threads) { position in
        let range = grid.range(of: position)
        let piece = UnsafeRawBufferPointer(start: bytes.start + range.lowerBound, count: range.count)
        try check(piece, are: first + position)
      }
      return true
    } catch {
      return false
    }
  }

  /// The zero bytes that stand before the stored bytes of a chunk and belong to its extent.
  func padding(before chunk: Int) -> Int {
    chunks[chunk].offset - (chunk == 0 ? RefxLayout.headerBytes : chunks[chunk - 1].end)
  }

  /// Fills `buffer`, as long as the stored bytes of `chunk`, with them and checks their checksum.
  func readStored(
    _ chunk: Int, into buffer: UnsafeMutableRawBufferPointer, verify: Verification = .always
  ) throws {
    let entry = chunks[chunk]
    let padding = padding(before: chunk)
    if padding > 0, verify != .never, options.verify != .values, buffer.count <= RefxPayload.smallChunk {
      // One call of the system for both costs less than to copy so little.
      return try withUnsafeTemporaryAllocation(byteCount: padding + buffer.count, alignment: 16) { room in
        try file.read(at: entry.offset - padding, into: room)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: room[padding...]))
        let before = UnsafeRawBufferPointer(rebasing: room[..<padding])
        try check(UnsafeRawBufferPointer(buffer), are: chunk, after: before)
      }
    }
    try file.read(at: entry.offset, into: buffer)
    if verify != .never { try check(UnsafeRawBufferPointer(buffer), are: chunk) }
  }

  private static let smallChunk = 16 << 10

  /// Checks the stored bytes of `chunk` against their checksum, and that its padding is zero.
  ///
  /// - Parameter before: what stands before them in the file, where that was read as well.
  func check(
    _ bytes: UnsafeRawBufferPointer, are chunk: Int, after before: UnsafeRawBufferPointer? = nil
  ) throws {
    let entry = chunks[chunk]
    // The checksum covers the padding as well, which is known.
    let padding = padding(before: chunk)
    let sum = CRC32.of(bytes, after: CRC32.ofZeros(padding))
    guard sum == entry.crc32 else {
      throw RefxError.checksumDiffers("a chunk", at: entry.offset, expected: entry.crc32, found: sum)
    }
    if padding > 0, options.verify != .values { try check(padding, before: entry, before) }
  }

  private func check(_ padding: Int, before entry: ChunkEntry, _ known: UnsafeRawBufferPointer?) throws {
    func check(_ bytes: UnsafeRawBufferPointer) throws {
      guard !bytes.isZero, let place = bytes.firstIndex(where: { $0 != 0 }) else { return }
      throw RefxError.paddingIsNotZero(at: entry.offset - padding + place)
    }
    if let known, known.count >= padding {
      return try check(UnsafeRawBufferPointer(rebasing: known.suffix(padding)))
    }
    try withUnsafeTemporaryAllocation(byteCount: padding, alignment: 1) { room in
      try file.read(at: entry.offset - padding, into: room)
      try check(UnsafeRawBufferPointer(room))
    }
  }

  /// Fills `target`, as long as the logical bytes of `chunk`.
  func readLogical(
    _ chunk: Int, storage: LeafStorage, grid: ChunkGrid, into target: UnsafeMutableRawBufferPointer,
    verify: Verification
  ) throws {
    switch storage {
    case .raw: try readStored(chunk, into: target, verify: verify)
    case .compressed:
      try readers.with { reader in
        let room = reader.stored.room(for: Int(chunks[chunk].byteCount))
        try readStored(chunk, into: room, verify: verify)
        try reader.decoder.decode(
          UnsafeRawBufferPointer(room), into: target, itemSize: grid.itemSize, chunkBytes: grid.chunkBytes)
      }
    }
  }

  /// Fills `target` with a part of the logical bytes of `chunk`, of which there are `byteCount`.
  func readLogicalPart(
    _ chunk: Int, from start: Int, of byteCount: Int, storage: LeafStorage, grid: ChunkGrid,
    into target: UnsafeMutableRawBufferPointer
  ) throws {
    try lastRead.withLock { last in
      if last?.chunk != chunk {
        let bytes = try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
          let whole = UnsafeMutableRawBufferPointer(buffer)
          try readLogical(
            chunk, storage: storage, grid: grid,
            into: UnsafeMutableRawBufferPointer(rebasing: whole[..<byteCount]), verify: options.verify)
          filled = byteCount
        }
        last = (chunk, bytes)
      }
      last?.bytes.withUnsafeBytes {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + target.count)]))
      }
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Whether all bytes are zero.
  fileprivate var isZero: Bool {
    var place = 0
    while place &+ 8 <= count {
      if loadUnaligned(fromByteOffset: place, as: UInt64.self) != 0 { return false }
      place &+= 8
    }
    return self[place...].allSatisfy { $0 == 0 }
  }
}

/// What is needed to read compressed chunks, one after the other.
private final class ChunkReader {
  let stored = ByteBuffer()
  let decoder = ChunkDecoder()
}

extension CRC32 {
  /// The sums of as many zero bytes as padding may have.
  private static let sumsOfZeros: [UInt32] = {
    var sums: [UInt32] = [0]
    var sum = CRC32()
    for _ in 1...RefxLayout.mostPadding {
      withUnsafeBytes(of: UInt8(0)) { sum.update($0) }
      sums.append(sum.value)
    }
    return sums
  }()

  /// The checksum of `count` zero bytes, of which there are no more than padding may have.
  static func ofZeros(_ count: Int) -> UInt32 { sumsOfZeros[count] }
}
