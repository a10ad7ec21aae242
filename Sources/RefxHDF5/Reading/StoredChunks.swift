import CHDF5
import Glibc
import Refx
import RefxStore
import Synchronization

/// The chunks of one dataset as they are stored. Called from several threads at once: by our own index they
/// are read without any lock, by libhdf5 under its one lock; nothing is decoded under it.
final class StoredChunks: Sendable {
  private let input: HDF5Input
  private let address: haddr_t
  private let name: String
  private let shape: [Int]
  private let chunking: Chunking
  /// How many chunks there are along each axis.
  private let counts: [Int]
  /// The index, once somebody has asked for a chunk; within it nil where there is none of our own.
  private let known = Mutex<ChunkIndex??>(nil)

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
  var byteCount: Int? { index?.storedByteCount }

  /// Reads the chunk at `position` into `buffer`.
  ///
  /// - Returns: nil where it was never written.
  func read(_ position: [Int], into buffer: ByteBuffer) throws -> Chunk? {
    let found: Chunk?
    if let index {
      let number = zip(position, counts).reduce(0) { $0 * $1.1 + $1.0 }
      guard let entry = index.entry(number) else { return nil }
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

  /// Reads a chunk by libhdf5, which finds one by its coordinates by walking all of them, except where it
  /// reads it too. So it reads, the stored bytes alone; what they say is undone here.
  private func readByLibrary(_ position: [Int], into buffer: ByteBuffer) throws -> Chunk? {
    let offset = zip(position, chunking.shape).map { hsize_t($0 * $1) }
    let place = "\(name), chunk \(position)"
    return try HDF5Library.shared.withLock {
      let dataset = try input.openDataset(at: address, name)
      var size: hsize_t = 0
      do {
        try input.context.check(
          "H5Dget_chunk_storage_size", at: place, H5Dget_chunk_storage_size(dataset.id, offset, &size))
      } catch let error as RefxError {
        // To libhdf5 1.10 a chunk that was never written is an error; to later releases it has no size.
        if error.details.last?.hasSuffix("chunk storage is not allocated") == true { return nil }
        if isNowhere(offset, in: dataset) { return nil }
        throw error
      }
      if size == 0 { return nil }
      guard let size = Int(exactly: size), size <= input.bytes.byteCount else {
        throw input.damaged("a chunk beyond the end of the file", at: place)
      }
      try checkProportion(stored: size, place)
      var mask: UInt32 = 0
      if chunking.filters.isEmpty {
        let room = buffer.room(for: chunking.byteCount)
        try readUnfiltered(dataset, offset, into: room, place)
        return Chunk(bytes: UnsafeRawBufferPointer(room), mask: 0, place: place)
      }
      let room = buffer.room(for: size)
      try input.context.check(
        "H5Dread_chunk", at: place, H5Dread_chunk(dataset.id, 0, offset, &mask, room.baseAddress))
      return Chunk(bytes: UnsafeRawBufferPointer(room), mask: mask, place: place)
    }
  }

  /// Whether a walk over all chunks does not meet the one at `offset`.
  private func isNowhere(_ offset: [hsize_t], in dataset: HDF5Handle) -> Bool {
    var mask: UInt32 = 0
    var address: haddr_t = 0
    var size: hsize_t = 0
    return H5Dget_chunk_info_by_coord(dataset.id, offset, &mask, &address, &size) >= 0
      && address == haddr_t.max
  }

  /// A chunk without filters has the size that the dataset gives all of them, but libhdf5 reads as much as
  /// the chunk's own entry claims, which is at most the file: that much room it gets, untouched memory that
  /// costs nothing.
  private func readUnfiltered(
    _ dataset: HDF5Handle, _ offset: [hsize_t], into target: UnsafeMutableRawBufferPointer, _ place: String
  ) throws {
    let room = max(min(input.bytes.byteCount, 1 << 32), chunking.byteCount)
    guard
      let memory = mmap(
        nil, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else { throw RefxError.system("cannot take memory", errno: errno, file: input.bytes.name) }
    defer { munmap(memory, room) }
    var mask: UInt32 = 0
    try input.context.check("H5Dread_chunk", at: place, H5Dread_chunk(dataset.id, 0, offset, &mask, memory))
    target.copyMemory(from: UnsafeRawBufferPointer(start: memory, count: target.count))
  }

  /// Deflate packs at most 1 : 1032, so what declares more is no chunk of that size; and one that is very
  /// large must lie in a file that is large too.
  private func checkProportion(stored: Int, _ place: @autoclosure () -> String) throws {
    let declared = chunking.byteCount
    guard declared <= stored.multipliedClamping(by: 1040) + 64 else {
      throw input.damaged(
        "a chunk of \(stored) bytes cannot hold the \(declared) that it should", at: place())
    }
    guard declared <= 64 << 20 || declared / 4 <= input.bytes.byteCount else {
      throw input.limit(
        "chunks of at most 64 MiB, or four times the file", found: "\(declared) bytes", at: place())
    }
  }
}
