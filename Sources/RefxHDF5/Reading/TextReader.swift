import Refx
import RefxStore

/// Reads the text of a dataset into the canonical bytes of a text leaf.
struct TextReader {
  private let elements: StoredElements
  /// The most bytes that the text may take.
  private let limit: Int

  init(_ elements: StoredElements, limit: Int) {
    self.elements = elements
    self.limit = limit
  }

  /// All elements, in canonical form.
  ///
  /// - Throws: ``RefxError`` where there is more than the limit, or some of it is not UTF-8.
  func canonicalBytes() throws -> [UInt8] {
    var canonical: [UInt8] = []
    try forEachElement { text in
      guard String(validating: text, as: UTF8.self) != nil else {
        throw elements.input.damaged("text that is not UTF-8", at: elements.name)
      }
      guard canonical.count + 8 + text.count <= limit else { throw tooMuch() }
      TextElements.append(text, to: &canonical)
    }
    return canonical
  }

  /// The one element of a scalar.
  func scalar() throws -> [UInt8] {
    var found: [UInt8] = []
    try forEachElement { text in
      guard text.count <= limit else { throw tooMuch() }
      found = Array(text)
    }
    return found
  }

  private func tooMuch() -> RefxError {
    elements.input.limit("at most \(limit) bytes of text", found: "more", at: elements.name)
  }

  private func forEachElement(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
    let size = elements.header.itemSize
    let count = elements.header.count
    guard count <= limit / 8 + 1, size <= max(limit, 64) else { throw tooMuch() }
    let perPiece = max(1, (1 << 20) / size)
    var heap = GlobalHeap(elements.input, name: elements.name)
    var first = 0
    while first < count {
      let piece = min(perPiece, count - first)
      let bytes = try [UInt8](unsafeUninitializedCapacity: piece * size) { buffer, filled in
        try elements.read(
          at: first * size,
          into: UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(piece * size)]))
        filled = piece * size
      }
      for position in 0..<piece {
        let field = bytes[(position * size)..<((position + 1) * size)]
        switch elements.header.element {
        case .fixedText(_, let padding): try body(padding.unpadded(field))
        case .heapText:
          try body(try heap.text(field, addressSize: elements.input.addressSize, limit: limit)[...])
        default: throw elements.input.damaged("numbers where text should be", at: elements.name)
        }
      }
      first += piece
    }
  }
}

extension GlobalHeap {
  /// The text that an element stands for: its length, the collection's address, its number there.
  mutating func text(_ field: ArraySlice<UInt8>, addressSize: Int, limit: Int) throws -> [UInt8] {
    let start = field.startIndex
    guard field.count >= 8 + addressSize, let length = littleEndian(field[start..<(start + 4)]),
      let number = littleEndian(field[(start + 4 + addressSize)..<(start + 8 + addressSize)])
    else { throw nowhere() }
    if length == 0 { return [] }
    guard length <= limit, let address = littleEndian(field[(start + 4)..<(start + 4 + addressSize)]) else {
      throw nowhere()
    }
    let bytes = try object(number, at: address, count: length)
    // Some writers count the NUL that ends a C string.
    return Array(bytes.prefix { $0 != 0 })
  }
}
