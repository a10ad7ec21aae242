import Refx
import RefxStore
import Synchronization

/// Text as NumPy has it: each element as many characters of four bytes as the longest has, filled up with zeros.
///
/// The text is read once to learn its length, and once more when it is written; it is not kept between.
final class NumPyCharacters: LeafSource {
  /// Characters of an element; at least one, since NumPy makes nothing of types without bytes.
  let width: Int
  let byteCount: Int
  /// Whether an element's end would be lost, since NumPy takes zeros at the end for filling.
  let hasTextThatEndsInNUL: Bool
  private let leaf: Leaf
  private let held = Mutex<Held?>(nil)

  /// The most characters of an element that are read again.
  static let mostCharacters = 1 << 28

  private struct Held {
    let bytes: [UInt8]
    let elements: [Range<Int>]
    /// Of elements that are long, where every ``stride``-th character begins, so that a part is found at once.
    private(set) var marks: [Int: [Int]] = [:]

    static let stride = 1 << 16

    init(_ leaf: Leaf) throws {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(leaf.byteCount)
      try leaf.forEachPiece { bytes += $0 }
      elements = try TextElements(canonical: bytes, count: leaf.count, file: nil).all
      self.bytes = bytes
      for (number, element) in elements.enumerated() where element.count > Held.stride {
        var character = 0
        for place in element where bytes[place] & 0xC0 != 0x80 {
          if character % Held.stride == 0 { marks[number, default: []].append(place) }
          character += 1
        }
      }
    }

    /// Where in the bytes to begin to look for a character of an element, and which one is there.
    func start(of character: Int, in element: Int) -> (place: Int, character: Int) {
      guard let marks = marks[element], !marks.isEmpty else { return (elements[element].lowerBound, 0) }
      let mark = min(character / Held.stride, marks.count - 1)
      return (marks[mark], mark * Held.stride)
    }
  }

  /// - Throws: ``RefxError`` where the leaf cannot be read, or is no text.
  init(of leaf: Leaf) throws {
    self.leaf = leaf
    let held = try Held(leaf)
    var width = 1
    var endsInNUL = false
    for element in held.elements {
      let characters = held.bytes.withUnsafeBytes { bytes in
        String(utf8: UnsafeRawBufferPointer(rebasing: bytes[element]))?.unicodeScalars.count
      }
      guard let characters else { throw RefxError.textDoesNotFit(count: leaf.count, file: nil) }
      width = max(width, characters)
      if held.bytes[element].last == 0 { endsInNUL = true }
    }
    self.width = width
    hasTextThatEndsInNUL = endsInNUL
    let (bytes, overflow) = (4 * width).multipliedReportingOverflow(by: held.elements.count)
    byteCount = overflow ? .max : bytes
  }

  /// Whether this loses nothing and takes a size that fits what there is: one long text among many short ones
  /// would make all of them long.
  var isPractical: Bool {
    !hasTextThatEndsInNUL && width <= NumPyCharacters.mostCharacters
      && (byteCount <= 16 << 20 || byteCount / 64 <= leaf.byteCount)
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let held = try held.withLock { known in
      let found = try known ?? Held(leaf)
      // Whoever writes asks for the end last.
      known = offset + buffer.count == byteCount ? nil : found
      return found
    }
    let size = 4 * width
    var done = 0
    while done < buffer.count {
      let place = offset + done
      let start = place % size
      let count = min(size - start, buffer.count - done)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
      NumPyCharacters.fill(part, from: start, with: place / size, of: held)
      done += count
    }
  }

  /// Writes the bytes from `start` on that an element has as characters of four bytes each.
  private static func fill(
    _ part: UnsafeMutableRawBufferPointer, from start: Int, with element: Int, of held: Held
  ) {
    part.initializeMemory(as: UInt8.self, repeating: 0)
    let first = start / 4
    let end = held.elements[element].upperBound
    var (place, character) = held.start(of: first, in: element)
    held.bytes.withUnsafeBytes { bytes in
      while place < end, 4 * character < start + part.count {
        let (value, length) = scalar(bytes, place, end)
        place += length
        defer { character += 1 }
        if character < first { continue }
        for byte in 0..<4 {
          let target = 4 * character + byte - start
          if target >= 0, target < part.count { part[target] = UInt8(value >> (8 * byte) & 0xFF) }
        }
      }
    }
  }

  /// The character at `place` of text that was found to be UTF-8, and how many bytes it takes.
  private static func scalar(
    _ bytes: UnsafeRawBufferPointer, _ place: Int, _ end: Int
  ) -> (value: UInt32, length: Int) {
    let first = bytes[place]
    let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    if length == 1 || place + length > end { return (UInt32(first), 1) }
    var value = UInt32(first) & (0xFF >> UInt32(length + 1))
    for next in 1..<length { value = value << 6 | UInt32(bytes[place + next] & 0x3F) }
    return (value, length)
  }
}
