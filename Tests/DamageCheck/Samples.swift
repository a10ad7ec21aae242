import Glibc
import Refx
import RefxStore
import RefxTestSupport

/// The files that are damaged.
enum Samples {
  /// Small trees, each of another shape: what the bytes of a file stand for differs from one to the next.
  static let shapes: [(name: String, contents: CheckpointContents, compression: Compression)] = {
    var random = SeededRandom(seed: 17)
    func noise(_ dtype: DType, _ shape: [Int]) -> Tree<Leaf> {
      let bytes = random.bytes(dtype.byteCount(of: shape) ?? 0)
      return .leaf(
        Leaf(dtype: dtype, shape: shape, bytes: dtype.elements(from: bytes)))
    }
    /// Few different bytes, so that it is stored compressed.
    func packed(_ dtype: DType, _ count: Int) -> Tree<Leaf> {
      let size = dtype.itemSize ?? 1
      let bytes = (0..<(count * size)).map { UInt8(truncatingIfNeeded: $0 % size == 0 ? $0 * $0 / 97 : 1) }
      return .leaf(Leaf(dtype: dtype, shape: [count], bytes: bytes))
    }
    func ref(_ tree: Tree<Leaf>, _ index: Int, _ tag: CollectionTag? = nil) -> Tree<Leaf> {
      .value(Value(tree, index: index, collection: tag))
    }
    func again(_ index: Int, _ tag: CollectionTag? = nil) -> Tree<Leaf> {
      .index(Index(index, collection: tag))
    }
    let many = (0..<40).map { (Key("layer \($0)/weight"), noise(.int16, [$0 % 5])) }
    return [
      (
        "raw",
        CheckpointContents(
          tree: [
            "a": noise(.float32, [3, 20]), "b": noise(.bool, [37]), "c": noise(.complex128, []),
            "d": [noise(.uint8, [11]), noise(.float16, [0, 4]), noise(.bfloat16, [5, 5])],
          ], metadata: ["step": 3, "by": "a test"]), .none
      ),
      ("page", CheckpointContents(tree: ["x": noise(.uint8, [1]), "large": noise(.int8, [65_536])]), .none),
      (
        "compressed", CheckpointContents(tree: ["p": packed(.float32, 1100), "q": packed(.int64, 600)]),
        .fast
      ),
      (
        "shared",
        CheckpointContents(
          tree: [
            "a": ref(noise(.float64, [9]), 0), "b": again(0),
            "c": ref(["x": ref(noise(.int32, [6]), 2), "y": again(2), "self": again(1)], 1),
            "d": [again(1), again(0), ref(ref(noise(.uint16, [4]), 4), 3), again(4)],
          ]), .none
      ),
      (
        "collections",
        CheckpointContents(
          tree: [
            "a": ref(noise(.float32, [8]), 0, "params"), "b": ref(noise(.float32, [8]), 1, "batch_stats"),
            "c": ref(noise(.uint8, [3]), 2, -7), "d": ref(noise(.uint8, [3]), 3, ""),
            "e": again(2, -7), "f": ref(.static("tagged"), 4, "params"),
          ]), .none
      ),
      (
        "strings",
        CheckpointContents(
          tree: [
            "t": .leaf(.text(["one", "", "zwei ä", "three"], shape: [2, 2])),
            "nodes": .tuple([
              .none, .nothing, .hole, .static("relu"), .static(12), .static(-0.5), .static(true),
              .static(false), .static(""),
            ]), "é": .static("composed"), "e\u{301}": .static("not composed"), "": .leaf(Leaf(Int32(-1))),
          ], metadata: ["nested": ["a": [1, true, "text", []]]]), .none
      ),
      ("many leaves", CheckpointContents(tree: .dictionary(many)), .none),
    ]
  }()

  static func bytes(
    _ contents: CheckpointContents, _ compression: Compression, in store: any CheckpointStore.Type
  ) throws -> [UInt8] {
    let target = MemoryTarget()
    try store.write(contents, to: target, options: WriteOptions(compression: compression, threads: 1))
    return target.bytes
  }

  /// The shapes as files of a format, each in a compression of its own where none is named; those that it cannot hold
  /// are left out.
  static func files(
    of store: any CheckpointStore.Type, suffix: String, _ compression: Compression? = nil, least: Int = 3
  ) throws -> [Sample] {
    var samples: [Sample] = []
    for (name, contents, own) in shapes {
      do {
        let bytes = try bytes(contents, compression ?? own, in: store)
        samples.append(Sample("\(name).\(suffix)", bytes, store))
      } catch let error as RefxError where error.code == .unsupported || error.code == .limit {
        continue
      }
    }
    guard samples.count >= least else { throw RefxError(.unsupported, "\(suffix) holds hardly any sample") }
    return samples
  }

  /// The golden files in a folder of Fixtures, by name.
  static func golden(_ folder: String, _ store: any CheckpointStore.Type, suffix: String) throws -> [Sample] {
    guard let stream = opendir(folder) else { throw RefxError(.system, "there is no folder", file: folder) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(suffix) { names.append(name) }
    }
    guard !names.isEmpty else { throw RefxError(.system, "there is no golden file", file: folder) }
    return try names.sorted().map { name in
      let file = try InputFile(path: folder + "/" + name)
      return Sample(name, try file.bytes(at: 0, count: file.byteCount), store)
    }
  }
}
