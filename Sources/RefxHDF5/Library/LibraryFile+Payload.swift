import CHDF5
import Glibc
import Refx
import RefxStore

/// Bytes that libhdf5 alone can find, as they are stored.
extension LibraryFile {
  /// Data within the object header is at most 64 KiB, and libhdf5 has it in memory.
  func compactBytes(of address: UInt, count: Int, _ name: String) throws -> [UInt8] {
    try HDF5Library.shared.withLock {
      let dataset = try openDataset(at: address, name)
      let properties = try context.open("H5Dget_create_plist", at: name, H5Dget_create_plist(dataset.id))
      let space = try context.open("H5Dget_space", at: name, H5Dget_space(dataset.id))
      let type = try context.open("H5Dget_type", at: name, H5Dget_type(dataset.id))
      // As much is read as the dataset says it has, so it is looked at again right before.
      let elements = try context.check(
        "H5Sget_simple_extent_npoints", at: name, H5Sget_simple_extent_npoints(space.id))
      let (size, overflow) = Int(elements).multipliedReportingOverflow(by: H5Tget_size(type.id))
      guard H5Pget_layout(properties.id) == H5D_COMPACT, !overflow, size == count, count <= 1 << 16 else {
        throw context.damaged("other data in an object header than it said", at: name)
      }
      var all = [UInt8](repeating: 0, count: count)
      try context.check("H5Dread", at: name, H5Dread(dataset.id, type.id, 0, 0, 0, &all))
      return all
    }
  }

  /// libhdf5 finds a chunk by its coordinates by walking all of them, except where it reads it too. So it
  /// reads, the stored bytes alone.
  func chunk(_ wanted: WantedChunk, into buffer: ByteBuffer, _ place: String) throws -> StoredChunk? {
    try HDF5Library.shared.withLock {
      let dataset = try openDataset(at: wanted.address, place)
      let offset = wanted.origin.map { hsize_t($0) }
      guard try rank(of: dataset, place) == offset.count else {
        throw context.damaged("chunks of another rank than the data", at: place)
      }
      var size: hsize_t = 0
      do {
        try context.check(
          "H5Dget_chunk_storage_size", at: place, H5Dget_chunk_storage_size(dataset.id, offset, &size))
      } catch let error as RefxError {
        // To libhdf5 1.10 a chunk that was never written is an error; to later releases it has no size.
        if error.details.last?.hasSuffix("chunk storage is not allocated") == true { return nil }
        if isNowhere(offset, in: dataset) { return nil }
        throw error
      }
      if size == 0 { return nil }
      guard let size = Int(exactly: size), size <= byteCount else {
        throw context.damaged("a chunk beyond the end of the file", at: place)
      }
      if !wanted.isFiltered {
        guard size == wanted.byteCount else {
          throw context.damaged("a chunk of \(size) bytes, not \(wanted.byteCount)", at: place)
        }
        try readUnfiltered(dataset, offset, into: buffer.room(for: size), place)
        return StoredChunk(byteCount: size, mask: 0)
      }
      var mask: UInt32 = 0
      let room = buffer.room(for: size)
      try context.check(
        "H5Dread_chunk", at: place, H5Dread_chunk(dataset.id, 0, offset, &mask, room.baseAddress))
      return StoredChunk(byteCount: size, mask: mask)
    }
  }

  /// libhdf5 reads as many coordinates as the dataset has dimensions.
  private func rank(of dataset: HDF5Handle, _ place: String) throws -> Int {
    let space = try context.open("H5Dget_space", at: place, H5Dget_space(dataset.id))
    return Int(
      try context.check("H5Sget_simple_extent_ndims", at: place, H5Sget_simple_extent_ndims(space.id)))
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
    let room = max(min(byteCount, 1 << 32), target.count)
    guard
      let memory = mmap(
        nil, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else { throw RefxError.system("cannot take memory", errno: errno, file: context.file ?? "") }
    defer { munmap(memory, room) }
    var mask: UInt32 = 0
    try context.check("H5Dread_chunk", at: place, H5Dread_chunk(dataset.id, 0, offset, &mask, memory))
    target.copyMemory(from: UnsafeRawBufferPointer(start: memory, count: target.count))
  }
}
