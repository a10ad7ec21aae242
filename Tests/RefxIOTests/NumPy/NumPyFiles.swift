import Refx
import RefxIO
import RefxStore

/// Arrays and archives byte by byte, as NumPy writes them.
enum NumPyFiles {
  static func array(
    _ descr: String, _ shape: String, _ data: [UInt8], fortran: Bool = false, version: UInt8 = 1
  ) -> [UInt8] {
    array(
      header: "{'descr': \(descr), 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }",
      data,
      version: version)
  }

  static func array(header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let text = Array((header + "\n").utf8)
    let length = [UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + (version > 1 ? [0, 0] : [])
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data
  }

  /// The bytes of numbers, little-endian.
  static func bytes<Number: FixedWidthInteger>(_ numbers: [Number]) -> [UInt8] {
    numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
  }

  /// An archive of stored members.
  static func archive(_ members: [(name: String, bytes: [UInt8])], longEnd: Bool = false) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, body) in members {
      let start = UInt32(file.count)
      let sum = body.withUnsafeBytes(CRC32.of)
      let common =
        bytes([UInt16(20), 0, 0, 0, 0]) + bytes([sum, UInt32(body.count), UInt32(body.count)])
        + bytes([UInt16(name.utf8.count), 0])
      file += bytes([UInt32(0x0403_4B50)]) + common + Array(name.utf8) + body
      directory +=
        bytes([UInt32(0x0201_4B50)]) + bytes([UInt16(0x0314)]) + common + bytes([UInt16(0), 0, 0])
        + bytes([UInt32(0), start]) + Array(name.utf8)
    }
    let place = file.count
    file += directory
    let count = longEnd ? UInt16.max : UInt16(members.count)
    if longEnd {
      let long = UInt64(file.count)
      file += bytes([UInt32(0x0606_4B50)]) + bytes([UInt64(44)]) + bytes([UInt16(45), 45])
      file += bytes([UInt32(0), 0])
      file += bytes([UInt64(members.count), UInt64(members.count), UInt64(directory.count), UInt64(place)])
      file += bytes([UInt32(0x0706_4B50), 0]) + bytes([long]) + bytes([UInt32(1)])
    }
    file += bytes([UInt32(0x0605_4B50)]) + bytes([UInt16(0), 0, count, count])
    file += bytes(longEnd ? [UInt32.max, .max] : [UInt32(directory.count), UInt32(place)]) + [0, 0]
    return file
  }

  static func open(_ bytes: [UInt8], options: OpenOptions = OpenOptions()) throws -> Tree<Leaf> {
    let memory = InputFile(MemoryBytes(sharing: bytes), name: "a.npz")
    let store: any CheckpointStore.Type =
      NumPyArchiveStore.recognises(memory) ? NumPyArchiveStore.self : NumPyStore.self
    return try store.open(memory, options: options).contents.tree
  }

  static func values(_ tree: Tree<Leaf>?) throws -> [UInt8] {
    guard case .leaf(let leaf)? = tree else { throw Missing() }
    var bytes = [UInt8](repeating: 0xEE, count: leaf.byteCount)
    try bytes.withUnsafeMutableBytes { try leaf.source.read(at: 0, into: $0) }
    return bytes
  }

  struct Missing: Error {}
}
