import RefxStore

/// Bytes of a section while it is made: little-endian integers, varints, text with its length.
struct SectionWriter {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ byte: UInt8) {
    bytes.append(byte)
  }

  mutating func add<Number: FixedWidthInteger>(integer: Number) {
    withUnsafeBytes(of: integer.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Unsigned LEB128, in as few bytes as it takes.
  mutating func add(varint: Int) {
    var rest = UInt(bitPattern: varint)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func add(text: String) {
    var text = text
    text.withUTF8 { utf8 in
      add(varint: utf8.count)
      bytes.append(contentsOf: utf8)
    }
  }

  mutating func add(_ more: some Sequence<UInt8>) {
    bytes.append(contentsOf: more)
  }

  var crc32: UInt32 { bytes.withUnsafeBytes { CRC32.of($0) } }
}
