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
    // One that is longer than a piece is held as a whole, so it is not read where it would be refused; a text
    // may be filled up, but not by more than that.
    if size > 1 << 20, size / 4 > budget.metadataBytesLeft { throw budget.refusalOfMetadata() }
    var canonical: [UInt8] = []
    let perPiece = max(1, (1 << 20) / max(size, 1))
    var first = 0
    while first < count {
      let piece = min(perPiece, count - first)
      let bytes = try region.bytes(
        at: header.dataStart + first * size, count: piece * size, streamed: true)
      for element in 0..<piece {
        let text: [UInt8]? = bytes.withUnsafeBytes { bytes in
          self.text(UnsafeRawBufferPointer(rebasing: bytes[(element * size)..<((element + 1) * size)]))
        }
        guard let text else {
          return .unsupported("string", "its text is not Unicode", shape: header.shape)
        }
        try budget.charge(metadataBytes: text.count)
        TextElements.append(text, to: &canonical)
      }
      first += piece
    }
    if region.byteCount == header.dataStart { _ = try region.bytes(at: header.dataStart, count: 0) }
    if header.isFortranOrder, count > 1 { canonical = try inCOrder(canonical, count, budget) }
    return NumPyText.leaf(of: canonical, shape: header.shape)
  }

  /// The texts of an array in which the first index varies fastest, with the last one fastest.
  private func inCOrder(_ canonical: [UInt8], _ count: Int, _ budget: Budget) throws -> [UInt8] {
    let shape = header.shape
    if shape.count(where: { $0 > 1 }) < 2 { return canonical }
    try budget.charge(
      metadataBytes: canonical.count.addingSaturated(2 * count * MemoryLayout<Range<Int>>.stride))
    let elements = try TextElements(canonical: canonical, count: count, file: region.name).all
    var steps = shape
    var step = 1
    for axis in shape.indices {
      steps[axis] = step
      step *= shape[axis]
    }
    var ordered: [UInt8] = []
    ordered.reserveCapacity(canonical.count)
    var index = [Int](repeating: 0, count: shape.count)
    var place = 0
    while true {
      // With its length before it.
      ordered += canonical[(elements[place].lowerBound - 8)..<elements[place].upperBound]
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        place += steps[axis]
        if index[axis] < shape[axis] { break }
        place -= steps[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return ordered }
    }
  }

  /// The same where the array has the bytes of a text leaf themselves, as a description of the file says.
  ///
  /// - Throws: ``RefxError`` where they are not those of a text leaf of `shape`.
  func leaf(ofBytesWithShape shape: [Int], _ budget: Budget) throws -> Leaf {
    guard case .number(.uint8, _) = header.type, header.shape.count == 1,
      let count = DType.elementCount(of: shape)
    else { throw RefxError.descriptionDoesNotFit("a string's bytes are no row of uint8") }
    try budget.check(rank: shape.count)
    let byteCount = region.byteCount - header.dataStart
    try budget.charge(metadataBytes: byteCount)
    let bytes = try region.bytes(at: header.dataStart, count: byteCount, streamed: true)
    let elements = try TextElements(canonical: bytes, count: count, file: region.name).all
    try bytes.withUnsafeBytes { bytes in
      for element in elements where String(utf8: UnsafeRawBufferPointer(rebasing: bytes[element])) == nil {
        throw RefxError.textDoesNotFit(count: count, file: region.name)
      }
    }
    return NumPyText.leaf(of: bytes, shape: shape)
  }

  private static func leaf(of canonical: [UInt8], shape: [Int]) -> Leaf {
    Leaf(dtype: .string, shape: shape, source: MemoryBytes(sharing: canonical))
  }

  /// - Returns: nil where the field is no Unicode.
  private func text(_ field: UnsafeRawBufferPointer) -> [UInt8]? {
    switch header.type {
    case .bytes:
      var end = field.count
      while end > 0, field[end - 1] == 0 { end -= 1 }
      let text = UnsafeRawBufferPointer(rebasing: field[..<end])
      return String(utf8: text) == nil ? nil : Array(text)
    case .characters(let count, let isBigEndian):
      func value(_ position: Int) -> UInt32 {
        let word = field.loadUnaligned(fromByteOffset: 4 * position, as: UInt32.self)
        return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
      }
      var end = count
      while end > 0, value(end - 1) == 0 { end -= 1 }
      var text: [UInt8] = []
      text.reserveCapacity(end)
      for position in 0..<end {
        let value = value(position)
        if value < 0x80 {
          text.append(UInt8(value))
        } else {
          guard let scalar = Unicode.Scalar(value), let bytes = UTF8.encode(scalar) else { return nil }
          text += bytes
        }
      }
      return text
    default: return nil
    }
  }
}
