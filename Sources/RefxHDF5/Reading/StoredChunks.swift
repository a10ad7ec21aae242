import Refx
import RefxStore
import Synchronization

/// The chunks of one dataset as they are stored. Called from several threads at once: by our own index they
/// are read without any lock, by libhdf5 under its one lock; nothing is decoded under it.
final class StoredChunks: Sendable {
  private let input: HDF5Input
  private let address: UInt
  private let name: String
  private let shape: [Int]
  private let chunking: Chunking
  /// How many chunks there are along each axis.
  private let counts: [Int]
  /// The index, once somebody has asked for a chunk; within it nil where there is none of our own.
  private let known = Mutex<ChunkIndex??>(nil)
  /// The stored bytes of all chunks, where libhdf5 was asked about the dataset.
  private let storedByteCount: Int?
  /// What libhdf5 has found so far, by number. When that is all there is, nothing more is asked: a few chunks may
  /// lie in an array of millions.
  private let found = Mutex<(sizes: [Int: Int], total: Int)>(([:], 0))

  struct Chunk {
    /// Valid until the buffer is used again.
    let bytes: UnsafeRawBufferPointer
    /// A bit for each filter that was left out.
    let mask: UInt32
    /// What errors call it.
    let place: String
  }

  init(_ input: HDF5Input, _ header: DatasetHeader, _ chunking: Chunking, name: String) {
    self.input = input
    self.name = name
    self.chunking = chunking
    address = header.address
    shape = header.shape ?? []
    storedByteCount = header.storedByteCount
    counts = zip(shape, chunking.shape).map { extent, chunk in extent == 0 ? 0 : (extent - 1) / chunk + 1 }
  }

  private var index: ChunkIndex? {
    known.withLock { known in
      if let known { return known }
      let index = ChunkIndex(chunking, shape: shape, in: input)
      known = .some(index)
      return index
    }
  }

  /// Whether every chunk is there and none shares bytes with another, as far as our own index knows.
  var areComplete: Bool { index?.isComplete ?? false }

  /// The bytes that the file spends on the chunks; nil where that is not known.
  var byteCount: Int? { index.flatMap { $0.isDamaged ? nil : $0.storedByteCount } }

  /// Reads the chunk at `position` into `buffer`.
  ///
  /// - Returns: nil where it was never written.
  func read(_ position: [Int], into buffer: ByteBuffer) throws -> Chunk? {
    let found: Chunk?
    if let index {
      guard !index.isDamaged else { throw input.damaged("the list of its chunks is damaged", at: name) }
      guard let entry = index.entry(number(of: position)) else { return nil }
      let place = "\(name), chunk \(position) at byte \(entry.offset)"
      try checkProportion(stored: entry.byteCount, place)
      let room = buffer.room(for: entry.byteCount)
      do { try input.bytes.read(at: entry.offset, into: room) } catch let error as RefxError {
        throw error.atObject(place)
      }
      found = Chunk(bytes: UnsafeRawBufferPointer(room), mask: entry.mask, place: place)
    } else {
      found = try readByLibrary(position, into: buffer)
    }
    if let found, chunking.filters.count < 32, found.mask >> UInt32(chunking.filters.count) != 0 {
      throw input.damaged("its filter mask names a filter that the dataset does not have", at: found.place)
    }
    return found
  }

  /// A bit for each filter.
  private var allFilters: UInt32 {
    chunking.filters.count < 32 ? 1 << UInt32(chunking.filters.count) - 1 : .max
  }

  /// Whether the chunk is one at an edge of a dataset that leaves those as they are; nothing else says so.
  private func isUnfiltered(_ position: [Int]) -> Bool {
    !chunking.filtersPartialChunks
      && position.indices.contains { axis in
        shape[axis] - position[axis] * chunking.shape[axis] < chunking.shape[axis]
      }
  }

  private func number(of position: [Int]) -> Int { zip(position, counts).reduce(0) { $0 * $1.1 + $1.0 } }

  private func readByLibrary(_ position: [Int], into buffer: ByteBuffer) throws -> Chunk? {
    let place = "\(name), chunk \(position)"
    try checkSize(place)
    let number = number(of: position)
    if found.withLock({ $0.total == storedByteCount && $0.sizes[number] == nil }) { return nil }
    let wanted = WantedChunk(
      address: address, origin: zip(position, chunking.shape).map { UInt64($0 * $1) },
      byteCount: chunking.byteCount, isFiltered: !chunking.filters.isEmpty)
    guard let stored = try input.library().chunk(wanted, into: buffer, place) else { return nil }
    found.withLock { found in
      if found.sizes.updateValue(stored.byteCount, forKey: number) == nil { found.total += stored.byteCount }
    }
    try checkProportion(stored: stored.byteCount, place)
    let bytes = UnsafeRawBufferPointer(buffer.room(for: stored.byteCount))
    return Chunk(bytes: bytes, mask: isUnfiltered(position) ? allFilters : stored.mask, place: place)
  }

  /// Deflate packs at most 1 : 1032, so what declares more is no chunk of that size; and one that is very
  /// large must lie in a file that is large too.
  private func checkProportion(stored: Int, _ place: @autoclosure () -> String) throws {
    let declared = chunking.byteCount
    guard declared <= stored.multipliedClamping(by: 1040) + 64 else {
      throw input.damaged(
        "a chunk of \(stored) bytes cannot hold the \(declared) that it should", at: place())
    }
    try checkSize(place())
  }

  private func checkSize(_ place: @autoclosure () -> String) throws {
    let declared = chunking.byteCount
    guard declared <= 64 << 20 || declared / 4 <= input.bytes.byteCount else {
      throw input.limit(
        "chunks of at most 64 MiB, or four times the file", found: "\(declared) bytes",
        at: place(), advice: "write it again with smaller chunks, as h5repack does")
    }
  }
}
