import CHDF5
import Refx
import RefxStore

extension FileWriter {
  /// One leaf as a dataset: in chunks that this library encodes, in one piece, or as text.
  func makeLeaf(_ leaf: Leaf, as name: String, in group: hid_t, at path: Path) throws {
    if let reason = leaf.source.unsupported { throw RefxError.unsupportedLeaf(reason).atPath(path) }
    // H5S_MAX_RANK is 32.
    guard leaf.shape.count <= 32 else { throw RefxError.hdf5RankTooLarge(leaf.shape.count, path: path) }
    if leaf.dtype == .string {
      try makeText(leaf, as: name, in: group, at: path)
      return
    }
    let encoder = try LeafEncoder(leaf, compression: options.compression)
    let isChunked = encoder.storage == .compressed
    let dataset = try makeDataset(
      name, in: group, type: try types.number(leaf.dtype), space: try types.space(leaf.shape),
      properties: isChunked ? try chunked(encoder.grid, at: path) : contiguousProperties, at: path)
    let start = isChunked || leaf.byteCount == 0 ? 0 : try address(of: dataset.id, at: path)
    let sums = try encoder.forEachSlab { slab in
      let range = encoder.grid.range(of: slab.position)
      if isChunked {
        let offset = encoder.grid.elementOffset(of: slab.position, shape: leaf.shape)
        try writeChunk(slab.stored, to: dataset.id, at: offset, path: path)
      } else {
        try writeRaw(slab.stored, at: start + range.lowerBound)
      }
      advance(range.count)
    }
    try finishLeaf(dataset.id, leaf.dtype, sums.logicalCRC32, at: path)
  }

  private func writeChunk(
    _ stored: UnsafeRawBufferPointer, to dataset: hid_t, at offset: [Int], path: Path
  ) throws {
    let start = offset.map { hsize_t($0) }
    try context.check(
      "H5Dwrite_chunk", at: place(path),
      H5Dwrite_chunk(dataset, 0, 0, start, stored.count, stored.baseAddress))
  }

  private func finishLeaf(_ dataset: hid_t, _ dtype: DType, _ checksum: UInt32, at path: Path) throws {
    if dtype == .float8E4M3FN { try attach(LayoutNames.dtype, text: dtype.name, to: dataset, at: path) }
    try attach(LayoutNames.checksum, number: checksum, dtype: .uint32, to: dataset, at: path)
  }

  /// Text: in the global heap; in a fixed size where a NUL stands inside an element, at which the heap's
  /// strings end.
  private func makeText(_ leaf: Leaf, as name: String, in group: hid_t, at path: Path) throws {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(leaf.byteCount)
    try leaf.forEachPiece { bytes += $0 }
    let elements = try TextElements(canonical: bytes, count: leaf.count, file: context.file)
    let type: hid_t
    var image: [UInt8] = []
    if elements.all.contains(where: { bytes[$0].contains(0) }) {
      type = try fixedType(of: elements.all, in: bytes, image: &image, at: path)
    } else {
      type = try types.variableText()
    }
    let dataset = try makeDataset(
      name, in: group, type: type, space: try types.space(leaf.shape),
      properties: image.isEmpty ? textProperties : contiguousProperties, at: path)
    if !image.isEmpty {
      try image.withUnsafeBytes { try writeRaw($0, at: try address(of: dataset.id, at: path)) }
    } else if !elements.all.isEmpty {
      try writeHeapText(elements.all, of: bytes, to: dataset.id, type: type, at: path)
    }
    try finishLeaf(dataset.id, .string, bytes.withUnsafeBytes(CRC32.of), at: path)
    advance(bytes.count)
  }

  /// Elements with NULs inside them, side by side in `image`, each filled up with what none of them ends in.
  private func fixedType(
    of elements: [Range<Int>], in bytes: [UInt8], image: inout [UInt8], at path: Path
  ) throws -> hid_t {
    let endsInNUL = elements.contains { bytes[$0].last == 0 }
    let endsInSpace = elements.contains { bytes[$0].last == 0x20 }
    let size = elements.map(\.count).max() ?? 1
    let (total, overflow) = size.multipliedReportingOverflow(by: elements.count)
    guard !(endsInNUL && endsInSpace), !overflow, total <= 1 << 30 else {
      throw RefxError.hdf5CannotHold("text with NUL characters in it", file: context.file).atPath(path)
    }
    image = [UInt8](repeating: endsInNUL ? 0x20 : 0, count: total)
    for (position, element) in elements.enumerated() {
      image.replaceSubrange((position * size)..<(position * size + element.count), with: bytes[element])
    }
    return try types.fixedText(size: size, padding: endsInNUL ? H5T_STR_SPACEPAD : H5T_STR_NULLPAD)
  }

  private func writeHeapText(
    _ elements: [Range<Int>], of bytes: [UInt8], to dataset: hid_t, type: hid_t, at path: Path
  ) throws {
    // Each element again, with the NUL that ends a C string.
    var ended: [CChar] = []
    ended.reserveCapacity(bytes.count)
    var starts: [Int] = []
    starts.reserveCapacity(elements.count)
    for element in elements {
      starts.append(ended.count)
      ended += bytes[element].lazy.map { CChar(bitPattern: $0) }
      ended.append(0)
    }
    try ended.withUnsafeBufferPointer { text in
      let pointers = starts.map { text.baseAddress! + $0 }
      // H5S_ALL is 0.
      try context.check("H5Dwrite", at: place(path), H5Dwrite(dataset, type, 0, 0, 0, pointers))
    }
  }
}
