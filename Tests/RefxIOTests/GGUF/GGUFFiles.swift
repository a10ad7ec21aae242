import Refx
import RefxIO
import RefxStore

/// GGUF files byte by byte.
struct GGUFBuilder {
  var version: UInt32 = 3
  var isBigEndian = false
  var values: [[UInt8]] = []
  var tensors: [[UInt8]] = []
  var data: [UInt8] = []
  var alignment = 32
  /// What the header says they are, where it lies.
  var valueCount: UInt64?
  var tensorCount: UInt64?

  func number<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: isBigEndian ? number.bigEndian : number.littleEndian) { Array($0) }
  }

  func length(_ count: UInt64) -> [UInt8] {
    version == 1 ? number(UInt32(truncatingIfNeeded: count)) : number(count)
  }

  func text(_ text: String) -> [UInt8] { length(UInt64(text.utf8.count)) + Array(text.utf8) }

  mutating func add(_ name: String, type: UInt32, _ value: [UInt8]) {
    values.append(text(name) + number(type) + value)
  }

  mutating func add(_ name: String, text value: String) { add(name, type: 8, text(value)) }

  mutating func add(_ name: String, type: UInt32, of count: Int, _ elements: [UInt8]) {
    add(name, type: 9, number(type) + length(UInt64(count)) + elements)
  }

  /// Extents as the file has them, innermost first.
  mutating func addTensor(_ name: String, type: UInt32 = 0, _ extents: [UInt64], at offset: UInt64) {
    tensors.append(
      text(name) + number(UInt32(extents.count)) + extents.flatMap(length) + number(type) + number(offset))
  }

  var bytes: [UInt8] {
    var file = Array("GGUF".utf8) + number(version)
    file += length(tensorCount ?? UInt64(tensors.count)) + length(valueCount ?? UInt64(values.count))
    for entry in values + tensors { file += entry }
    file += [UInt8](repeating: 0, count: (alignment - file.count % alignment) % alignment)
    return file + data
  }

  func open(_ options: OpenOptions = OpenOptions()) throws -> OpenedCheckpoint {
    try GGUFBuilder.open(bytes, options)
  }

  static func open(_ bytes: [UInt8], _ options: OpenOptions = OpenOptions()) throws -> OpenedCheckpoint {
    try GGUFStore.open(InputFile(MemoryBytes(sharing: bytes), name: "a.gguf"), options: options)
  }
}
