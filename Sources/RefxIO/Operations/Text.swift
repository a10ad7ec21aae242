import Refx

/// Reads the strings of a string leaf one by one, through a small window.
package struct TextReader {
  private let leaf: Leaf
  private let path: Path
  private var window: [UInt8] = []
  private var windowStart = 0
  private(set) var offset = 0

  static let windowBytes = 1 << 16

  package init(_ leaf: Leaf, at path: Path) {
    self.leaf = leaf
    self.path = path
  }

  /// The next string; whole in memory.
  package mutating func string() throws -> String {
    String(decoding: try take(try length()), as: UTF8.self)
  }

  /// Goes on so many bytes from here, or back, without reading them.
  ///
  /// - Precondition: the array has them.
  package mutating func skip(_ count: Int) { offset += count }

  /// The length of the next string, whose bytes follow.
  package mutating func length() throws -> Int {
    let bytes = try take(8)
    let length = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let length = Int(exactly: length), length <= leaf.byteCount - offset else {
      throw RefxError.badText(path: path, offset: offset)
    }
    return length
  }

  /// The next `count` bytes, in pieces of at most a window.
  mutating func pieces(_ count: Int, _ body: ([UInt8]) throws -> Void) throws {
    var left = count
    while left > 0 {
      let piece = try take(min(left, TextReader.windowBytes))
      try body(piece)
      left -= piece.count
    }
  }

  mutating func take(_ count: Int) throws -> [UInt8] {
    guard count <= leaf.byteCount - offset else { throw RefxError.badText(path: path, offset: offset) }
    if offset < windowStart || offset + count > windowStart + window.count {
      windowStart = offset
      let wanted = min(max(count, TextReader.windowBytes), leaf.byteCount - offset)
      do {
        window = try [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
          try leaf.source.read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
          filled = wanted
        }
      } catch let error as RefxError {
        throw error.atPath(path)
      }
    }
    let start = offset - windowStart
    offset += count
    return Array(window[start..<(start + count)])
  }
}

extension Leaf {
  /// How many strings differ; nil where none does.
  func textDifference(to other: Leaf, path: Path, otherPath: Path) throws -> ElementDifference? {
    var difference = ElementDifference()
    var mine = TextReader(self, at: path)
    var theirs = TextReader(other, at: otherPath)
    for _ in 0..<count {
      let length = try mine.length()
      let otherLength = try theirs.length()
      var same = length == otherLength
      if same {
        try mine.pieces(length) { piece in
          let twin = try theirs.take(piece.count)
          if same { same = twin == piece }
        }
      } else {
        try mine.pieces(length) { _ in }
        try theirs.pieces(otherLength) { _ in }
      }
      if !same { difference.changed += 1 }
    }
    return difference.changed == 0 ? nil : difference
  }
}
