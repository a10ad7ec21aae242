import Refx
import RefxStore

/// Writes a `.refx` file front to back: header, payload leaf by leaf, catalogue, trailer. Holds one chunk of
/// payload at a time.
struct RefxWriter {
  private let target: any WriteTarget
  private let options: WriteOptions
  /// Where the file starts in the target.
  private let start: Int
  private var leafTable = SectionWriter()
  private var chunkTable = SectionWriter()
  private var hasCompressedLeaves = false
  private var progress: Progress

  init(to target: any WriteTarget, options: WriteOptions) {
    self.target = target
    self.options = options
    start = target.position
    progress = Progress(total: 0, report: options.progress)
  }

  mutating func write(_ contents: CheckpointContents) throws {
    let outline = try RefxOutline(contents.tree)
    progress = Progress(
      total: options.progress == nil ? 0 : outline.leaves.payloadByteCount, report: options.progress)
    try target.append(RefxEnvelope.header())
    leafTable.add(varint: outline.leaves.count)
    try PayloadEncoder.run(
      outline.leaves, compression: options.compression, threads: options.threads, feed: options.feed
    ) { encoder in
      for (number, leaf) in outline.leaves.enumerated() {
        do {
          try write(leaf, from: encoder)
        } catch let error as RefxError
          where error.path == nil && (error.file == nil || error.code == .damaged)
        {
          // What names a file is about the target, unless that is one that the leaf comes from. The path is
          // looked up where it is needed alone.
          throw error.atPath(contents.tree.path(ofLeaf: number))
        }
        leaf.wasWritten()
      }
    }
    try writeCatalogue(outline, contents)
  }

  private var offset: Int { target.position - start }

  /// Refuses what has no place in the format. Reads no payload.
  static func check(_ contents: CheckpointContents) throws {
    for (number, leaf) in try RefxOutline(contents.tree).leaves.enumerated() {
      do { _ = (try code(of: leaf), try rank(of: leaf)) } catch let error as RefxError {
        throw error.atPath(contents.tree.path(ofLeaf: number))
      }
    }
  }

  private static func code(of leaf: Leaf) throws -> UInt8 {
    guard let code = RefxLayout.code(of: leaf.dtype) else {
      throw RefxError.unsupportedLeaf(
        leaf.source.unsupported ?? UnsupportedLeaf(typeName: leaf.dtype.name, reason: "it has no dtype"))
    }
    return code
  }

  private mutating func write(_ leaf: Leaf, from encoder: PayloadEncoder) throws {
    let dtype = try RefxWriter.code(of: leaf)
    let storage = LeafStorage(of: leaf, compression: options.compression)
    if storage == .compressed { hasCompressedLeaves = true }
    var padding = RefxLayout.padding(after: offset, storage: storage, byteCount: leaf.byteCount)
    let dataOffset = offset + padding
    try RefxWriter.zeros.withUnsafeBytes {
      try target.append(UnsafeRawBufferPointer(rebasing: $0[..<padding]))
    }
    let sums = try encoder.encodeNextLeaf { slab in
      try target.append(slab)
      // The padding belongs to the extent of the first chunk, and is under its checksum.
      guard var crc = slab.crc32 else { preconditionFailure("all sums are kept") }
      if padding > 0 {
        crc = CRC32.combining(CRC32.ofZeros(padding), crc, count: slab.storedByteCount)
        padding = 0
      }
      chunkTable.add(integer: UInt32(slab.storedByteCount))
      chunkTable.add(integer: crc)
      progress.add(slab.byteCount)
    }

    guard let hash = sums.contentHash else { preconditionFailure("all sums are kept") }
    leafTable.add(dtype)
    leafTable.add(storage.rawValue)
    leafTable.add(try RefxWriter.rank(of: leaf))
    for extent in leaf.shape { leafTable.add(varint: extent) }
    if leaf.dtype.itemSize == nil { leafTable.add(varint: leaf.byteCount) }
    leafTable.add(integer: sums.logicalCRC32)
    leafTable.add(integer: hash.low)
    leafTable.add(integer: hash.high)
    leafTable.add(integer: UInt64(dataOffset))
  }

  private static let zeros = [UInt8](repeating: 0, count: 4096)

  private static func rank(of leaf: Leaf) throws -> UInt8 {
    let most = Limits().rank
    guard leaf.shape.count <= most, let rank = UInt8(exactly: leaf.shape.count) else {
      throw RefxError.rankTooLarge(leaf.shape.count, limit: most)
    }
    return rank
  }

  private func writeCatalogue(_ outline: RefxOutline, _ contents: CheckpointContents) throws {
    let catalogueOffset = offset
    var sections: [RefxEnvelope.Section] = []
    func add(_ tag: UInt32, _ bytes: [UInt8], isRequired: Bool = true) throws {
      sections.append(
        RefxEnvelope.Section(
          tag: tag, isRequired: isRequired, offset: offset, byteCount: bytes.count,
          crc32: bytes.withUnsafeBytes { CRC32.of($0) }))
      try target.append(bytes)
    }
    try add(RefxLayout.Section.names, outline.names.section.bytes)
    try add(RefxLayout.Section.collections, outline.collections.bytes)
    try add(RefxLayout.Section.nodes, outline.nodes.bytes)
    try add(RefxLayout.Section.leaves, leafTable.bytes)
    try add(RefxLayout.Section.chunks, chunkTable.bytes)
    if !contents.metadata.isEmpty {
      try add(RefxLayout.Section.metadata, JSON.object(contents.metadata).bytes(), isRequired: false)
    }
    if hasCompressedLeaves, !outline.leaves.haveWishes {
      let identity = ChunkCodec(compression: options.compression).identity
      try add(RefxLayout.Section.codec, Array(identity.text.utf8), isRequired: false)
    }
    let attributes = try contents.attributes.kept(in: contents.tree)
    if !attributes.isEmpty {
      try add(RefxLayout.Section.attributes, RefxAttributes.section(attributes), isRequired: false)
    }
    let directoryOffset = offset
    let directory = RefxEnvelope.directory(of: sections)
    try target.append(directory.bytes)
    try target.append(
      RefxEnvelope.trailer(
        catalogueOffset: catalogueOffset, directoryOffset: directoryOffset, sections: sections.count,
        directoryCRC32: directory.crc32))
  }
}
