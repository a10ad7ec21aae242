import Refx
import RefxStore

/// Writes the payload of leaves one after the other, and remembers where it lies.
///
/// Holds, beside the chunks that are being encoded, a few words for each leaf and chunk.
final class PayloadWriter {
  /// Where the payload of a leaf lies, and what the file says of it.
  struct StoredLeaf {
    let shape: [Int]
    let dtype: DType
    let content: Content
    let crc32: UInt32
  }

  enum Content {
    case contiguous(type: [UInt8], address: UInt64?, byteCount: Int)
    /// The chunks of the grid, by their places in ``PayloadWriter/chunks``.
    case chunked(ChunkGrid, Range<Int>)
  }

  private let file: FileLayout
  private let options: WriteOptions
  private var progress: Progress
  /// In the order of the leaves.
  private(set) var leaves: [StoredLeaf] = []
  private(set) var chunks: [ChunkTree.Chunk] = []
  private var types: [DType: [UInt8]] = [:]

  init(_ file: FileLayout, options: WriteOptions) {
    self.file = file
    self.options = options
    progress = Progress(total: 0, report: nil)
  }

  /// Writes all leaves of `tree`.
  func write(_ tree: Tree<Leaf>) throws {
    let given = tree.leaves()
    leaves.reserveCapacity(given.count)
    progress = Progress(
      total: options.progress == nil ? 0 : given.payloadByteCount, report: options.progress)
    try PayloadEncoder.run(
      given, compression: options.compression, threads: options.threads, keeping: [], feed: options.feed
    ) { encoder in
      for (number, leaf) in given.enumerated() {
        do {
          leaves.append(try write(leaf, from: encoder))
        } catch let error as RefxError where error.path == nil {
          // The path is looked up where it is needed alone.
          throw error.atPath(tree.path(ofLeaf: number))
        }
      }
    }
  }

  /// Refuses a leaf that HDF5 cannot hold.
  static func check(_ leaf: Leaf) throws {
    if let reason = leaf.source.unsupported { throw RefxError.unsupportedLeaf(reason) }
    // H5S_MAX_RANK is 32.
    guard leaf.shape.count <= 32 else { throw RefxError.hdf5RankTooLarge(leaf.shape.count, path: nil) }
  }

  private func write(_ leaf: Leaf, from encoder: PayloadEncoder) throws -> StoredLeaf {
    try PayloadWriter.check(leaf)
    if leaf.dtype == .string { return try writeText(leaf, from: encoder) }
    let type = try type(of: leaf.dtype)
    if LeafStorage(of: leaf, compression: options.compression) == .compressed {
      return try writeChunks(leaf, from: encoder)
    }
    // Whoever maps the file finds the elements aligned.
    try file.align(to: leaf.byteCount < ChunkGrid.rawBelow ? 8 : 64)
    let address = UInt64(file.position)
    let sums = try encoder.encodeNextLeaf { slab in
      try file.append(slab)
      progress.add(slab.byteCount)
    }
    return StoredLeaf(
      shape: leaf.shape, dtype: leaf.dtype,
      content: .contiguous(
        type: type, address: leaf.byteCount == 0 ? nil : address, byteCount: leaf.byteCount),
      crc32: sums.logicalCRC32)
  }

  private func writeChunks(_ leaf: Leaf, from encoder: PayloadEncoder) throws -> StoredLeaf {
    let first = chunks.count
    let sums = try encoder.encodeNextLeaf { slab in
      chunks.append(
        ChunkTree.Chunk(address: UInt64(file.position), byteCount: UInt32(slab.storedByteCount)))
      try file.append(slab)
      progress.add(slab.byteCount)
    }
    return StoredLeaf(
      shape: leaf.shape, dtype: leaf.dtype, content: .chunked(ChunkGrid(of: leaf), first..<chunks.count),
      crc32: sums.logicalCRC32)
  }

  /// Bytes outside any leaf, such as those of a static value.
  ///
  /// - Returns: where they lie.
  func write(_ bytes: [UInt8]) throws -> UInt64 {
    try file.align(to: 8)
    let address = UInt64(file.position)
    try file.append(bytes)
    return address
  }

  /// The message for elements of `dtype`.
  func type(of dtype: DType) throws -> [UInt8] {
    if let known = types[dtype] { return known }
    guard let type = TypeMessage.number(dtype) else {
      throw RefxError.hdf5CannotHold(dtype.name, file: nil)
    }
    types[dtype] = type
    return type
  }

  // MARK: Text

  /// Text: in a heap; in a fixed size where a NUL stands inside an element, at which the heap's strings end.
  private func writeText(_ leaf: Leaf, from encoder: PayloadEncoder) throws -> StoredLeaf {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(leaf.byteCount)
    let sums = try encoder.encodeNextLeaf { slab in
      bytes += slab.stored
      progress.add(slab.byteCount)
    }
    let elements = try TextElements(canonical: bytes, count: leaf.count, file: nil).all
    let (type, image) =
      elements.contains { bytes[$0].contains(0) }
      ? try fixedText(elements, of: bytes) : (TypeMessage.heapText, try heapText(elements, of: bytes))
    let address = image.isEmpty ? nil : try write(image)
    return StoredLeaf(
      shape: leaf.shape, dtype: .string,
      content: .contiguous(type: type, address: address, byteCount: image.count), crc32: sums.logicalCRC32)
  }

  /// Elements with NULs inside them, side by side, each filled up with what none of them ends in.
  private func fixedText(_ elements: [Range<Int>], of bytes: [UInt8]) throws -> ([UInt8], [UInt8]) {
    let endsInNUL = elements.contains { bytes[$0].last == 0 }
    let endsInSpace = elements.contains { bytes[$0].last == 0x20 }
    let size = elements.map(\.count).max() ?? 1
    let (total, overflow) = size.multipliedReportingOverflow(by: elements.count)
    guard !(endsInNUL && endsInSpace), !overflow, total <= 1 << 30 else {
      throw RefxError.hdf5CannotHold("text with NUL characters in it", file: nil)
    }
    var image = [UInt8](repeating: endsInNUL ? 0x20 : 0, count: total)
    for (position, element) in elements.enumerated() {
      image.replaceSubrange((position * size)..<(position * size + element.count), with: bytes[element])
    }
    return (TypeMessage.fixedText(size: size, padding: endsInNUL ? .spacePadded : .nullPadded), image)
  }

  private func heapText(_ elements: [Range<Int>], of bytes: [UInt8]) throws -> [UInt8] {
    guard elements.allSatisfy({ $0.count < 1 << 31 }) else {
      throw RefxError.hdf5CannotHold("a text of 2 GiB or more", file: nil)
    }
    try file.align(to: 8)
    var heap = TextHeap(at: UInt64(file.position))
    for element in elements { heap.add(bytes[element]) }
    heap.finish()
    try file.append(heap.collections.bytes)
    return heap.elements.bytes
  }
}
