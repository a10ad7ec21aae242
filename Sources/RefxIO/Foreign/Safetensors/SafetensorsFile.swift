import Refx
import RefxStore

/// One file in the making: which tensors it has, in which order, and the texts beside them.
struct SafetensorsFile {
  private let entries: [FlatTree.Entry]
  private let header: [UInt8]
  let dataByteCount: Int

  /// The larger an element the earlier its tensor, then by name, so that each tensor is aligned to its elements; the
  /// same contents give the same bytes.
  ///
  /// - Throws: ``RefxError`` where the format has no type for a leaf, or the header would be too long.
  init(_ entries: [FlatTree.Entry], texts: [(name: Key, text: String)]) throws {
    let typed = try entries.map { (entry: $0, type: try SafetensorsFile.typeName(of: $0)) }.sorted { a, b in
      let (sizeA, sizeB) = (a.entry.leaf.dtype.itemSize ?? 0, b.entry.leaf.dtype.itemSize ?? 0)
      return sizeA != sizeB ? sizeA > sizeB : a.entry.name < b.entry.name
    }
    self.entries = typed.map(\.entry)
    (header, dataByteCount) = try SafetensorsFile.header(of: typed, texts)
  }

  func write(to target: any WriteTarget, _ progress: inout Progress) throws {
    try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try target.append($0) }
    try target.append(header)
    for entry in entries {
      do {
        try entry.leaf.forEachPiece { piece in
          try target.append(piece)
          progress.add(piece.count)
        }
      } catch let error as RefxError {
        throw error.atPath(entry.path)
      }
    }
  }

  private static func typeName(of entry: FlatTree.Entry) throws -> String {
    if let reason = entry.leaf.source.unsupported {
      throw RefxError.unsupportedLeaf(reason).atPath(entry.path)
    }
    guard let name = entry.leaf.dtype.safetensorsName else {
      throw RefxError.dtypeNotInFormat(
        entry.leaf.dtype, path: entry.path, format: SafetensorsStore.format.name)
    }
    return name
  }

  /// The JSON text, padded with spaces so that the data begins at a multiple of eight; and the data's length.
  private static func header(
    of entries: [(entry: FlatTree.Entry, type: String)], _ texts: [(name: Key, text: String)]
  ) throws -> (text: [UInt8], dataByteCount: Int) {
    var members: [JSONObject.Member] = []
    members.reserveCapacity(entries.count + 1)
    if !texts.isEmpty {
      let texts = texts.map { JSONObject.Member($0.name, .string($0.text)) }
      members.append(.init(SafetensorsHeader.metadataName, .object(JSONObject(texts))))
    }
    var offset = 0
    for (entry, type) in entries {
      let (end, overflow) = offset.addingReportingOverflow(entry.leaf.byteCount)
      guard !overflow else { throw RefxError.overLimit("the file would have too many bytes", limit: .max) }
      members.append(
        .init(
          entry.name,
          [
            "dtype": .string(type),
            "shape": .array(entry.leaf.shape.map { .integer(Int64($0)) }),
            "data_offsets": [.integer(Int64(offset)), .integer(Int64(end))],
          ]))
      offset = end
    }
    var text = JSON.object(JSONObject(members)).bytes()
    text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
    guard text.count <= SafetensorsHeader.byteLimit else {
      throw RefxError.safetensorsHeaderTooLong(text.count, limit: SafetensorsHeader.byteLimit)
    }
    return (text, offset)
  }
}
