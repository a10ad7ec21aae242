import Refx

@testable import RefxHDF5
@testable import RefxIO
@testable import RefxStore

/// Whole files of formats that are only read.
extension FuzzTarget {
  static let gguf = FuzzTarget(
    "gguf", of: GGUFStore.self,
    words: ["GGUF", "general.alignment", "split.count", "split.no", "split.tensors.count"],
    seeds: {
      [ggufFile(1), ggufFile(2), ggufFile(3), ggufFile(3, isBigEndian: true), ggufFile(3, isEmpty: true)]
    })

  /// A value of each kind, arrays in one another, numbers, blocks, and a type that nobody knows.
  private static func ggufFile(_ version: UInt32, isBigEndian: Bool = false, isEmpty: Bool = false) -> [UInt8]
  {
    func number(_ number: some FixedWidthInteger) -> [UInt8] {
      isBigEndian ? littleEndian(number).reversed() : littleEndian(number)
    }
    func length(_ count: Int) -> [UInt8] { version == 1 ? number(UInt32(count)) : number(UInt64(count)) }
    func text(_ text: String) -> [UInt8] { length(text.utf8.count) + Array(text.utf8) }
    func value(_ name: String, _ type: UInt32, _ bytes: [UInt8]) -> [UInt8] {
      text(name) + number(type) + bytes
    }
    func tensor(_ name: String, _ extents: [Int], _ type: UInt32, at offset: Int) -> [UInt8] {
      text(name) + number(UInt32(extents.count)) + extents.flatMap(length) + number(type)
        + number(UInt64(offset))
    }
    var values = [
      value("general.alignment", 4, number(UInt32(8))), value("name", 8, text("m")),
      value("split.count", 2, number(UInt16(2))), value("split.no", 2, number(UInt16(0))),
      value("list", 9, number(UInt32(8)) + length(2) + text("a") + text("é")),
      value("deep", 9, number(UInt32(9)) + length(1) + number(UInt32(7)) + length(2) + [0, 1]),
    ]
    for (type, width) in [
      (0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (10, 8), (11, 8), (12, 8),
    ] {
      values.append(value("n\(type)", UInt32(type), [UInt8](repeating: 1, count: width)))
    }
    var tensors = [
      tensor("a", [2, 3], 0, at: 0), tensor("b", [32, 2], 2, at: 24), tensor("c", [], 28, at: 64),
      tensor("none", [0], 30, at: 0), tensor("x", [5], 99, at: 72),
    ]
    if isEmpty {
      values = []
      tensors = []
    }
    var file = Array("GGUF".utf8) + number(version) + length(tensors.count) + length(values.count)
    file += (values + tensors).flatMap { $0 }
    file += [UInt8](repeating: 0, count: (8 - file.count % 8) % 8)
    return isEmpty ? file : file + [UInt8](repeating: 3, count: 80)
  }

  static let msgpack = FuzzTarget(
    "msgpack", of: MsgpackStore.self,
    words: ["__msgpack_chunked_array__", "shape", "chunks", "float32", "bfloat16", "bool", "int4", "str96"],
    seeds: {
      let array = packedArray([2, 3], "float32", 24)
      let pieces =
        [0x83] + packedText("__msgpack_chunked_array__") + [0xC3] + packedText("shape")
        + [0x82] + packedText("0") + [2] + packedText("1") + [3] + packedText("chunks")
        + [0x82] + packedText("0") + packedArray([4], "int16", 8) + packedText("1")
        + packedArray([2], "int16", 4)
      let complex: [UInt8] =
        [0xC7, 19, 2, 0x92] + [0xCB, 0, 0, 0, 0, 0, 0, 0, 0, 0xCB, 1, 1, 1, 1, 1, 1, 1, 1]
      return [
        [0x80], [0x81] + packedText("a") + array, pieces, array, [0x81, 0x05, 0xA1, 0x61],
        [0x84] + packedText("w") + [0x92, 0xC0, 0xC3] + packedText("n") + [0xCA, 1, 2, 3, 4]
          + packedText("b") + [0xC4, 2, 1, 2] + packedText("z") + complex,
        [0x82] + packedText("i") + packedArray([2], "int4", 2) + packedText("u")
          + packedArray([1], "uint4", 1),
        [0x82] + packedText("bool") + packedArray([2], "bool", 2) + packedText("x") + [0xD4, 7, 0],
      ]
    })

  private static func packedText(_ text: String) -> [UInt8] {
    [0xA0 + UInt8(text.utf8.count)] + Array(text.utf8)
  }

  private static func packedArray(_ shape: [UInt8], _ dtype: String, _ count: Int) -> [UInt8] {
    let body =
      [0x93, 0x90 + UInt8(shape.count)] + shape + packedText(dtype) + [0xC4, UInt8(count)]
      + [UInt8](repeating: 1, count: count)
    return [0xC7, UInt8(body.count), 1] + body
  }

  /// An archive around an HDF5 file, whose checksums nobody compares, so that what lies behind them is reached.
  static let keras = FuzzTarget(
    "keras", of: KerasStore.self, mostBytes: 8192,
    words: ["model.weights.h5", "config.json", "metadata.json"],
    seeds: {
      let target = MemoryTarget()
      try HDF5Store.write(
        CheckpointContents(tree: ["w": .leaf(Leaf(Float(1))), "b": .leaf(Leaf(Tensor([1, 2] as [Int16])))]),
        to: target, options: WriteOptions(threads: 1))
      let members = [("metadata.json", Array("{}".utf8)), ("config.json", Array("{\"a\": [1]}".utf8))]
      return [
        archive(of: members + [("model.weights.h5", target.bytes)]),
        archive(of: [("model.weights.h5", target.bytes)]),
        archive(of: members),
      ]
    }
  ) { input in
    var options = OpenOptions(threads: 1)
    options.verify = .never
    // libhdf5 is not what is looked at.
    options.libraries = .worker(executable: "/dev/null")
    options.limits.bytes = 1 << 22
    options.limits.nodes = 1 << 16
    options.limits.metadataBytes = 1 << 20
    let opened = try KerasStore.open(InputFile(memory(input), name: "input"), options: options)
    try opened.verify(nil) { _ in }
  }
}
