/// What goes between a process and its worker, byte by byte: numbers of eight bytes, little-endian, and pieces
/// of bytes behind their length.
struct WireWriter {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ number: UInt64) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }

  mutating func add(_ piece: some Collection<UInt8>) {
    add(piece.count)
    bytes.append(contentsOf: piece)
  }

  mutating func add(_ text: String) { add(text.utf8) }

  mutating func add(_ answer: Bool) { add(answer ? 1 : 0) }

  /// Nothing, or a value that `write` adds.
  mutating func add<Value>(_ value: Value?, _ write: (inout WireWriter, Value) -> Void) {
    add(value != nil)
    if let value { write(&self, value) }
  }

  mutating func add<Value>(_ values: [Value], _ write: (inout WireWriter, Value) -> Void) {
    add(values.count)
    for value in values { write(&self, value) }
  }
}
