/// The fields of a piece of metadata, one after the other, little-endian. Whoever asks past the end gets nil.
struct Fields {
  private let bytes: UnsafeRawBufferPointer
  private(set) var place = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// The fields of the first `count` bytes, whose checksum follows them; nil where it is another.
  init?(_ bytes: UnsafeRawBufferPointer, checkedBySumAt count: Int) {
    guard count >= 0, count <= bytes.count - 4 else { return nil }
    let sum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: count, as: UInt32.self))
    let checked = UnsafeRawBufferPointer(rebasing: bytes[..<count])
    guard MetadataChecksum.of(checked) == sum else { return nil }
    self.init(checked)
  }

  /// How many bytes a number takes that is at most `most`.
  static func bytes(for most: Int) -> Int {
    max(1, (Int.bitWidth - most.leadingZeroBitCount + 7) / 8)
  }

  var remaining: Int { bytes.count - place }

  /// An unsigned number of up to eight bytes.
  mutating func number(_ size: Int) -> UInt64? {
    guard size <= 8, let field = take(size) else { return nil }
    if size == 4 { return UInt64(UInt32(littleEndian: field.loadUnaligned(as: UInt32.self))) }
    var value: UInt64 = 0
    for byte in field.reversed() { value = value << 8 | UInt64(byte) }
    return value
  }

  /// The same, where it does not exceed Int.
  mutating func int(_ size: Int) -> Int? {
    number(size).flatMap { Int(exactly: $0) }
  }

  /// An address; the outer nil where there is none, the inner one where it is the undefined address.
  mutating func address(_ size: Int) -> Int?? {
    guard let number = number(size) else { return nil }
    if number == UInt64.max >> UInt64(64 - 8 * size) { return .some(nil) }
    guard let address = Int(exactly: number) else { return nil }
    return .some(address)
  }

  /// The next `count` bytes.
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, count <= remaining else { return nil }
    defer { place += count }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<(place + count)])
  }

  /// The next `count` bytes as fields of their own.
  mutating func subfields(_ count: Int) -> Fields? { take(count).map(Fields.init) }

  /// The bytes up to a NUL, which must be there and is passed over.
  mutating func text() -> [UInt8]? {
    guard let end = bytes[place...].firstIndex(of: 0), let text = take(end - place), skip(1) else {
      return nil
    }
    return Array(text)
  }

  /// Passes over `count` bytes.
  mutating func skip(_ count: Int) -> Bool { take(count) != nil }

  /// Whether the next bytes are those of `text`.
  mutating func follows(_ text: StaticString) -> Bool {
    guard let field = take(text.utf8CodeUnitCount) else { return false }
    return text.withUTF8Buffer { field.elementsEqual($0) }
  }
}
