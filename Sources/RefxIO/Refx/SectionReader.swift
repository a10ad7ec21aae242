import Refx
import RefxStore

/// Walks the bytes of a section. Whatever they hold, it throws and never traps.
struct SectionReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0
  /// Where the section starts in the file.
  private let start: Int
  private let section: UInt32

  /// - Parameter bytes: must outlive the reader.
  init(_ bytes: UnsafeRawBufferPointer, section: UInt32, at start: Int) {
    self.bytes = bytes
    self.section = section
    self.start = start
  }

  /// Where the next byte stands in the file.
  var place: Int { start + offset }
  var remaining: Int { bytes.count - offset }
  var isAtEnd: Bool { offset == bytes.count }

  /// An error about what was just read, or is about to be.
  func damaged(_ what: String, expected: String? = nil, found: String? = nil) -> RefxError {
    .damagedSection(nameOfSection(section), what, at: place, expected: expected, found: found)
  }

  mutating func byte() throws -> UInt8 {
    guard offset < bytes.count else { throw damaged("the section ends too early") }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func integer<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number {
    let raw = try raw(count: MemoryLayout<Number>.size)
    return Number(littleEndian: raw.loadUnaligned(as: Number.self))
  }

  /// Unsigned LEB128 of a number that fits in Int; longer forms than needed are refused.
  mutating func varint() throws -> Int {
    // Most numbers are small.
    if offset < bytes.count, bytes[offset] < 0x80 {
      offset += 1
      return Int(bytes[offset - 1])
    }
    var value: UInt = 0
    var shift: UInt = 0
    while true {
      let next = try byte()
      // Nine bytes hold the 63 bits of a number that is not negative.
      guard shift < 63 else { throw damaged("a number is too large", expected: "at most 63 bits") }
      value |= UInt(next & 0x7F) << shift
      if next < 0x80 {
        guard next != 0 || shift == 0 else { throw damaged("a number is longer than it needs to be") }
        return Int(value)
      }
      shift += 7
    }
  }

  /// The next `count` bytes, in place.
  mutating func raw(count: Int) throws -> UnsafeRawBufferPointer {
    guard count <= remaining else {
      throw damaged("the section ends too early", expected: "\(count) bytes", found: "\(remaining)")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
  }

  /// UTF-8 of `count` bytes.
  mutating func text(count: Int) throws -> String {
    let raw = try raw(count: count)
    guard let text = String(utf8: raw) else { throw damaged("text is not valid UTF-8") }
    return text
  }

  func checkEnd() throws {
    guard isAtEnd else { throw damaged("bytes follow the section's content", found: "\(remaining) of them") }
  }
}
