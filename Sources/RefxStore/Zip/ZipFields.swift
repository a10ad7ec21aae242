import Refx

/// The fields of a zip archive's directory, one after the other, little-endian.
struct ZipFields {
  private let bytes: UnsafeRawBufferPointer
  private let firstByte: Int
  private var next = 0

  /// - Parameter firstByte: where in the file the bytes begin.
  init(_ bytes: UnsafeRawBufferPointer, firstByte: Int) {
    self.bytes = bytes
    self.firstByte = firstByte
  }

  var isAtEnd: Bool { next == bytes.count }

  /// Where in the file the next field stands.
  var place: Int { firstByte + next }

  mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count <= bytes.count - next else {
      throw RefxError.zipDamaged("an entry of the directory does not end", at: place)
    }
    defer { next += count }
    return UnsafeRawBufferPointer(rebasing: bytes[next..<(next + count)])
  }

  mutating func skip(_ count: Int) throws { _ = try take(count) }

  mutating func uint16() throws -> Int {
    Int(UInt16(littleEndian: try take(2).loadUnaligned(as: UInt16.self)))
  }

  mutating func uint32() throws -> UInt32 {
    UInt32(littleEndian: try take(4).loadUnaligned(as: UInt32.self))
  }

  mutating func uint64() throws -> UInt64 {
    UInt64(littleEndian: try take(8).loadUnaligned(as: UInt64.self))
  }

  /// - Throws: ``RefxError`` where the next four bytes are others.
  mutating func expect(_ signature: UInt32, _ what: String) throws {
    let start = place
    guard try uint32() == signature else { throw RefxError.zipDamaged("no \(what)", at: start) }
  }
}
