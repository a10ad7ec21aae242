/// Reads what a ``WireWriter`` wrote. A worker may have been taken over by the file that it reads, so what it
/// says is no more trusted than that file.
struct WireReader {
  /// What came is not what was agreed.
  struct Fault: Error {}

  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { place == bytes.count }

  mutating func number() throws -> UInt64 {
    guard bytes.count - place >= 8 else { throw Fault() }
    defer { place += 8 }
    return bytes.withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
    }
  }

  /// A number that is not negative.
  mutating func count() throws -> Int {
    guard let count = Int(exactly: try number()) else { throw Fault() }
    return count
  }

  mutating func signed() throws -> Int64 { Int64(bitPattern: try number()) }

  mutating func answer() throws -> Bool {
    switch try number() {
    case 0: false
    case 1: true
    default: throw Fault()
    }
  }

  mutating func piece() throws -> ArraySlice<UInt8> {
    let count = try count()
    guard count <= bytes.count - place else { throw Fault() }
    defer { place += count }
    return bytes[place..<(place + count)]
  }

  mutating func text() throws -> String {
    guard let text = String(validating: try piece(), as: UTF8.self) else { throw Fault() }
    return text
  }

  mutating func optional<Value>(_ read: (inout WireReader) throws -> Value) throws -> Value? {
    try answer() ? try read(&self) : nil
  }

  /// Several values; each takes at least eight bytes, so that no more are believed in than can have come.
  mutating func list<Value>(_ read: (inout WireReader) throws -> Value) throws -> [Value] {
    let count = try count()
    guard count <= (bytes.count - place) / 8 else { throw Fault() }
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try read(&self)) }
    return values
  }

  /// One of several cases, by its number.
  mutating func choice(below end: Int) throws -> Int {
    let choice = try count()
    guard choice < end else { throw Fault() }
    return choice
  }
}
