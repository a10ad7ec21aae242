import Refx
import RefxStore

/// The texts of an array, in the canonical bytes of a text leaf.
struct NumPyText {
  let header: NumPyHeader
  let region: any FileRegion

  /// Reads them, since their size is not known before.
  ///
  /// - Returns: a leaf of text; one that is only listed where some are not UTF-8.
  /// - Throws: ``RefxError`` where they cannot be read, or are more than the budget has left.
  func leaf(_ budget: Budget) throws -> Leaf {
    let count = DType.elementCount(of: header.shape) ?? 0
    // Each has a length of eight bytes.
    try budget.charge(metadataBytes: count.multipliedReportingOverflow(by: 8).overflow ? .max : count * 8)
    let size = header.type.itemSize
    var canonical: [UInt8] = []
    let perPiece = max(1, (1 << 20) / max(size, 1))
    var first = 0
    while first < count {
      let piece = min(perPiece, count - first)
      let bytes = try region.bytes(
        at: header.dataStart + first * size, count: piece * size, streamed: true)
      for element in 0..<piece {
        guard let text = text(bytes[(element * size)..<((element + 1) * size)]) else {
          return Leaf(
            dtype: .unsupported, shape: header.shape,
            source: UnsupportedArray(UnsupportedLeaf(typeName: "string", reason: "its text is not Unicode")))
        }
        try budget.charge(metadataBytes: text.count)
        TextElements.append(text, to: &canonical)
      }
      first += piece
    }
    if region.byteCount == header.dataStart { _ = try region.bytes(at: header.dataStart, count: 0) }
    let memory = MemoryBytes(count: canonical.count) { buffer in
      canonical.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    return Leaf(dtype: .string, shape: header.shape, source: memory)
  }

  private func text(_ field: ArraySlice<UInt8>) -> [UInt8]? {
    switch header.type {
    case .bytes:
      var end = field.endIndex
      while end > field.startIndex, field[end - 1] == 0 { end -= 1 }
      let text = field[field.startIndex..<end]
      return String(validating: text, as: UTF8.self) == nil ? nil : Array(text)
    case .characters(let count, let isBigEndian):
      var scalars = String.UnicodeScalarView()
      let values = field.withUnsafeBytes { bytes in
        (0..<count).map { position -> UInt32 in
          let word = bytes.loadUnaligned(fromByteOffset: 4 * position, as: UInt32.self)
          return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
        }
      }
      var end = values.count
      while end > 0, values[end - 1] == 0 { end -= 1 }
      for value in values[..<end] {
        guard let scalar = Unicode.Scalar(value) else { return nil }
        scalars.append(scalar)
      }
      return Array(String(scalars).utf8)
    default: return nil
    }
  }
}

/// What stands in an array's place and cannot be represented.
final class UnsupportedArray: LeafSource {
  let unsupported: UnsupportedLeaf?
  let byteCount = 0

  init(_ reason: UnsupportedLeaf) {
    unsupported = reason
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if let unsupported { throw RefxError.unsupportedLeaf(unsupported) }
  }
}
