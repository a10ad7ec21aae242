import Refx
import RefxHDF5
import RefxStore
import RefxTestSupport

/// The tree of the first golden HDF5 files: every kind of node and dtype, sharing of each kind. What came later has
/// files of its own.
enum GoldenHDF5Tree {
  struct Golden: Sendable, CustomStringConvertible {
    let name: String
    let compression: Compression
    let contents: CheckpointContents
    var description: String { name }

    func bytes() throws -> [UInt8] {
      let target = MemoryTarget()
      try HDF5Store.write(contents, to: target, options: WriteOptions(compression: compression))
      return target.bytes
    }
  }

  static let all: [Golden] =
    Compression.allCases.map { Golden(name: "tree-\($0.rawValue)", compression: $0, contents: contents) } + [
      Golden(
        name: "four-bits", compression: .none, contents: CheckpointContents(tree: GoldenRefxFiles.fourBits))
    ]

  static let contents = CheckpointContents(tree: tree, metadata: ["run": 7, "note": "golden"])

  static let tree: Tree<Leaf> = {
    let ramp = Leaf(Tensor((0..<64).map { Float($0) }, shape: [8, 8]))
    let large = Leaf(Tensor((0..<4000).map { Float($0 / 7) }, shape: [40, 100]))
    let dtypes: [(Key, Tree<Leaf>)] = DType.ofFirstGoldens.compactMap { dtype in
      guard let size = dtype.itemSize else { return nil }
      let bytes = (0..<(size * 3)).map { dtype == .bool ? UInt8($0 % 2) : UInt8($0) }
      return (Key(dtype.name), .leaf(Leaf(dtype: dtype, shape: [3], bytes: bytes)))
    }
    return [
      "a": .value(Value(.leaf(ramp), index: 0, collection: "params")),
      "b": .index(Index(0, collection: "params")),
      "c": .value(
        Value(
          ["inside": .value(Value(.leaf(large), index: 2, collection: 3)), "self": .index(Index(1))], index: 1
        )),
      "d": [
        .index(Index(2, collection: 3)), .index(Index(1)),
        .value(Value(.index(Index(0, collection: "params")), index: 3)),
      ],
      "dtypes": .dictionary(dtypes),
      "nodes": .tuple([
        .none, .nothing, .hole, .static("relu"), .static(12), .static(0.5), .static(true), .static(""),
      ]),
      "text": .leaf(.text(["one", "", "zwei ä"], shape: [3])),
      "a/b": .leaf(Leaf(Double(1))), "": .leaf(Leaf(Int32(-1))),
      "%": .leaf(Leaf(Tensor([Float](), shape: [0, 2]))),
    ]
  }()

  static func bytes(_ compression: Compression) throws -> [UInt8] {
    try Golden(name: "", compression: compression, contents: contents).bytes()
  }
}

/// A file of these bytes in memory, opened.
func openHDF5(_ bytes: [UInt8]) throws -> OpenedCheckpoint {
  let memory = MemoryBytes(count: bytes.count) { buffer in
    bytes.withUnsafeBytes { buffer.copyMemory(from: $0) }
  }
  return try HDF5Store.open(InputFile(memory, name: "memory.h5"), options: OpenOptions())
}
