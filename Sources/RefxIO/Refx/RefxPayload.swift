import Refx
import RefxStore
import Synchronization

/// Where the payload of every leaf lies in a file: flat tables, filled while the catalogue is read and never
/// changed afterwards.
final class RefxPayload: @unchecked Sendable {
  // Sendable: the tables are complete before the object is shared; the cache has a lock.

  let file: InputFile
  let catalogueOffset: Int
  /// Which encoder made the compressed chunks; nil where the file does not say.
  var codecIdentity: ChunkCodec.Identity?
  /// The sections that a leaf's path is found in.
  var outline: [RefxEnvelope.Section] = []

  /// One entry for each leaf.
  var leaves: [LeafEntry] = []
  /// One entry for each chunk, in the order of the leaves.
  var chunks: [ChunkEntry] = []

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

  init(file: InputFile, catalogueOffset: Int) {
    self.file = file
    self.catalogueOffset = catalogueOffset
  }

  /// The zero bytes that stand before the stored bytes of a chunk and belong to its extent.
  func padding(before chunk: Int) -> Int {
    chunks[chunk].offset - (chunk == 0 ? RefxLayout.headerBytes : chunks[chunk - 1].end)
  }

  /// Fills `buffer`, as long as the stored bytes of `chunk`, with them and checks their checksum.
  func readStored(_ chunk: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let entry = chunks[chunk]
    try file.read(at: entry.offset, into: buffer)
    try check(UnsafeRawBufferPointer(buffer), are: chunk)
  }

  /// Checks the stored bytes of `chunk` against their checksum.
  func check(_ bytes: UnsafeRawBufferPointer, are chunk: Int) throws {
    let entry = chunks[chunk]
    // The checksum covers the padding as well, which is known.
    let padding = padding(before: chunk)
    let sum = CRC32.of(bytes, after: CRC32.ofZeros(padding))
    guard sum == entry.crc32 else {
      throw RefxError.checksumDiffers("a chunk", at: entry.offset, expected: entry.crc32, found: sum)
    }
  }

  /// The stored bytes of `chunk`, checked.
  func stored(_ chunk: Int) throws -> [UInt8] {
    let count = Int(chunks[chunk].byteCount)
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try readStored(
        chunk, into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
      filled = count
    }
  }

  /// Fills `target`, as long as the logical bytes of `chunk`.
  func readLogical(
    _ chunk: Int, storage: LeafStorage, grid: ChunkGrid, into target: UnsafeMutableRawBufferPointer
  ) throws {
    switch storage {
    case .raw: try readStored(chunk, into: target)
    case .compressed:
      try stored(chunk).withUnsafeBytes {
        try ChunkCodec.decode($0, into: target, itemSize: grid.itemSize, chunkBytes: grid.chunkBytes)
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
            into: UnsafeMutableRawBufferPointer(rebasing: whole[..<byteCount]))
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
