import Refx

/// Reads a file from front to back, number by number and text by text, a block at a time.
///
/// What is skipped is not read. Every length is compared with what is left of the file before memory is taken for
/// it, so a length that lies costs nothing.
package struct ForwardReader {
  private let file: InputFile
  private let isBigEndian: Bool
  /// Where the next byte stands.
  package private(set) var place: Int
  private var window: [UInt8] = []
  private var windowStart = 0

  /// What the next window has at least: little after a skip, more and more where everything is read.
  private var windowBytes = ForwardReader.leastBytes

  private static let leastBytes = 1 << 12
  private static let mostBytes = 1 << 18

  package init(_ file: InputFile, at place: Int = 0, isBigEndian: Bool = false) {
    self.file = file
    self.place = place
    self.isBigEndian = isBigEndian
  }

  /// The bytes from the next one to the file's end.
  package var left: Int { max(0, file.byteCount - place) }

  /// - Throws: ``RefxError`` where the file ends before that, as all of these do.
  package mutating func skip(_ count: Int) throws {
    guard count >= 0, count <= left else { throw cut(count) }
    place += count
  }

  package mutating func byte() throws -> UInt8 { try number() }

  /// The next number, in the file's order of bytes.
  @inline(__always)
  package mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    as type: Number.Type = Number.self
  ) throws -> Number {
    let start = try reach(MemoryLayout<Number>.size)
    let number = window.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: Number.self) }
    return isBigEndian ? Number(bigEndian: number) : Number(littleEndian: number)
  }

  package mutating func bytes(_ count: Int) throws -> [UInt8] {
    let start = try reach(count)
    return Array(window[start..<(start + count)])
  }

  /// The next `count` bytes as text; nil where they are not UTF-8.
  package mutating func text(_ count: Int) throws -> String? {
    let start = try reach(count)
    return window.withUnsafeBufferPointer {
      String(validating: UnsafeBufferPointer(rebasing: $0[start..<(start + count)]), as: UTF8.self)
    }
  }

  /// The next byte, which stays the next one; nil at the end of the file.
  package mutating func peek() throws -> UInt8? {
    guard left > 0 else { return nil }
    let next = try byte()
    place -= 1
    return next
  }

  /// Brings the next bytes into the window and goes past them; returns where in the window they begin.
  @inline(__always)
  private mutating func reach(_ count: Int) throws -> Int {
    let start = place - windowStart
    if start >= 0, count >= 0, count <= window.count - start {
      place += count
      return start
    }
    try load(count)
    place += count
    return 0
  }

  private mutating func load(_ count: Int) throws {
    guard count >= 0, count <= left else { throw cut(count) }
    let isNext = place - windowStart <= window.count
    windowBytes = isNext ? min(2 * windowBytes, ForwardReader.mostBytes) : ForwardReader.leastBytes
    window = try file.bytes(at: place, count: max(count, min(windowBytes, left)))
    windowStart = place
  }

  private func cut(_ count: Int) -> RefxError {
    RefxError.cut(file: file.name, offset: place, wanted: max(0, count), size: file.byteCount)
  }
}
