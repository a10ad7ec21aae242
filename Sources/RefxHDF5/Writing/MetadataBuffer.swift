/// Metadata on its way to a file: fields one after the other, little-endian, addresses and lengths of eight
/// bytes.
struct MetadataBuffer {
  private(set) var bytes: [UInt8] = []
  /// The address at which the first byte will lie.
  let start: UInt64

  static let undefined = UInt64.max

  init(at start: UInt64 = 0) {
    self.start = start
  }

  /// The address of what is added next.
  var address: UInt64 { start + UInt64(bytes.count) }

  mutating func add<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  mutating func add(_ text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

  mutating func add(zeros count: Int) { bytes.append(contentsOf: repeatElement(0, count: count)) }

  /// Fills up to a multiple of eight.
  mutating func align() { add(zeros: -bytes.count & 7) }

  /// Adds the checksum of what was added from `place` on.
  mutating func addChecksum(from place: Int) {
    add(bytes[place...].withUnsafeBytes(MetadataChecksum.of))
  }

  /// Puts `content` where room was left for it.
  mutating func replace(at place: Int, with content: [UInt8]) {
    bytes.replaceSubrange(place..<(place + content.count), with: content)
  }
}
