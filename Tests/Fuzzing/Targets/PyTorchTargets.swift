import Refx

@testable import RefxIO
@testable import RefxStore

/// Files of torch: a pickle by itself, and each of the two forms around it.
extension FuzzTarget {
  private static let words = [
    "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch\nFloatStorage\n", "ctorch\nBoolStorage\n",
    "ccollections\nOrderedDict\n", "cnumpy\ndtype\n", "cnumpy.core.multiarray\n_reconstruct\n",
    "c_codecs\nencode\n",
    "U\u{7}storage", "U\u{3}cpu", "\u{80}\u{2}", "}q\u{0}(", ")R", "tR", "Q.", "e.", "u.",
  ]

  /// A pickle that may refer to two storages, of which the archive around it is made here.
  static let pickle = FuzzTarget("pickle", mostBytes: 2048, words: words, seeds: { pickles }) { input in
    let members: [(String, [UInt8])] = [
      ("a/data.pkl", Array(input)), ("a/data/0", (0..<96).map { $0 & 1 }), ("a/data/1", [1, 0, 1]),
    ]
    let bytes = zip(members)
    try checkFile(PyTorchStore.self, MemoryBytes(sharing: bytes))
  }

  static let torchLegacy = FuzzTarget(
    "torch-legacy", of: PyTorchStore.self, words: words,
    seeds: { pickles.flatMap { pickle in LegacyFile.starts.map { legacy(pickle, $0) } } + pickles })

  static let torchArchive = FuzzTarget(
    "torch-archive", of: PyTorchStore.self,
    words: words + ["PK\u{3}\u{4}", "PK\u{1}\u{2}", "PK\u{5}\u{6}", "a/data/0"],
    seeds: {
      pickles.map {
        zip([("a/data.pkl", $0), ("a/data/0", (0..<96).map { $0 & 1 }), ("a/byteorder", Array("big".utf8))])
      }
    })

  // MARK: Seeds

  private static var pickles: [[UInt8]] {
    let whole = tensor("Float", 24, offset: 0, [4, 6], [6, 1])
    let pairs: [(String, [UInt8])] = [
      ("w", whole + [0x71, 9]), ("tied", [0x68, 9]),
      ("turned", tensor("Float", 24, offset: 2, [5, 3], [1, 6])),
      ("wide", tensor("Float", 24, offset: 1, [7, 2], [0, 3])),
    ]
    let plain = Array("(]q\u{1}(NK\u{5}eI01\nF1.5\nS'a\\x41'\nV\\u0416\n}q\u{2}(K\u{3}Nuh\u{1}t".utf8)
    let array =
      Array(
        "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\u{0}tNtR(K\u{1}(K\u{2}tcnumpy\ndtype\n"
          .utf8)
      + Array("(U\u{2}i2I00\nI01\ntR(K\u{3}U\u{1}>NNNJ".utf8) + [255, 255, 255, 255]
      + Array("K\u{1}K\u{0}tbI00\nU".utf8)
      + [4, 0, 1, 0, 2] + Array("tb".utf8)
    return [
      [0x80, 2] + Array("}(".utf8) + pairs.flatMap { text($0.0) + $0.1 } + Array("u.".utf8),
      [0x80, 2] + plain + Array(".".utf8), [0x80, 2] + array + Array(".".utf8),
      [0x80, 2] + Array("(ca.b\nC\n)R}b.".utf8).filter { $0 != UInt8(ascii: "(") },
    ]
  }

  private static func text(_ text: String) -> [UInt8] {
    [UInt8(ascii: "U"), UInt8(text.utf8.count)] + Array(text.utf8)
  }

  private static func tensor(
    _ storage: String, _ count: UInt8, offset: UInt8, _ shape: [UInt8], _ strides: [UInt8]
  ) -> [UInt8] {
    func tuple(_ numbers: [UInt8]) -> [UInt8] { [0x28] + numbers.flatMap { [0x4B, $0] } + [0x74] }
    return Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8) + text("storage")
      + Array("ctorch\n\(storage)Storage\n".utf8) + text("0") + text("cpu") + [0x4B, count]
      + Array("tQK".utf8)
      + [offset] + tuple(shape) + tuple(strides) + Array("I00\nNtR".utf8)
  }

  /// A legacy file of a pickle, with the one storage that its tensors are in.
  private static func legacy(_ pickle: [UInt8], _ start: [UInt8]) -> [UInt8] {
    let refers = pickle.contains(UInt8(ascii: "Q"))
    let keys: [UInt8] = [0x80, 2] + Array("](".utf8) + (refers ? text("0") : []) + Array("e.".utf8)
    return start + [0x80, 2, 0x4D, 0xE9, 3, 0x2E, 0x80, 2, 0x7D, 0x2E] + pickle + keys
      + (refers ? littleEndian(UInt64(24)) + (0..<96).map { $0 & 1 } : [])
  }

  /// An archive of stored members, with their checksums.
  private static func zip(_ members: [(name: String, body: [UInt8])]) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, body) in members {
      let sum = body.withUnsafeBytes(CRC32.of)
      let size = UInt32(body.count)
      let common =
        [20, 0, 0, 0, 0, 0, 0, 0, 0, 0] + littleEndian(sum) + littleEndian(size) + littleEndian(size)
        + littleEndian(UInt16(name.utf8.count)) + [0, 0]
      directory +=
        [0x50, 0x4B, 1, 2, 20, 0] + common + [UInt8](repeating: 0, count: 10)
        + littleEndian(UInt32(file.count))
        + Array(name.utf8)
      file += [0x50, 0x4B, 3, 4] + common + Array(name.utf8) + body
    }
    let count = littleEndian(UInt16(members.count))
    let end =
      [0, 0, 0, 0] + count + count + littleEndian(UInt32(directory.count)) + littleEndian(UInt32(file.count))
    return file + directory + [0x50, 0x4B, 5, 6] + end + [0, 0]
  }
}
