import Refx

@testable import RefxIO
@testable import RefxStore

/// Whole files of formats that are read by our own code alone.
extension FuzzTarget {
  /// A `.refx` file as it is; damage nearly always ends at a checksum.
  static let refxFile = FuzzTarget("refx", mostBytes: 16384, seeds: { try files(of: RefxFormat.self) }) {
    input in
    try checkFile(RefxFormat.self, memory(input))
  }

  /// A `.refx` file whose checksums are made anew, so that what lies behind them is reached.
  ///
  /// The first byte says whether the places of the sections are put right too.
  static let refxSealed = FuzzTarget(
    "refx-sealed", mostBytes: 16384,
    seeds: { try files(of: RefxFormat.self).flatMap { [[0] + $0, [1] + $0] } }
  ) { input in
    var parts = FuzzInput(input)
    let tiles = parts.byte() & 1 == 1
    var file = Array(parts.rest())
    RefxSeal.seal(&file, tiles: tiles)
    try file.withUnsafeBytes { try checkFile(RefxFormat.self, memory($0)) }
  }

  static let safetensors = FuzzTarget(
    "safetensors", mostBytes: 8192,
    words: [
      "\"dtype\":", "\"shape\":[", "\"data_offsets\":[", "\"__metadata__\":{", "\"F32\"", "\"BF16\"",
      "\"F8_E4M3\"",
      "\"BOOL\"", "\"C64\"", "\"refx\":", "\\\"tree\\\":", "\\\"ref\\\":", "\\\"dict\\\":",
      "9223372036854775807",
    ], seeds: { try files(of: SafetensorsStore.self) }
  ) { input in
    try checkFile(SafetensorsStore.self, memory(input))
  }

  /// What opens verifies or says why not; what verifies is saved again, and is then the same.
  private static func checkFile(_ store: any CheckpointStore.Type, _ bytes: MemoryBytes) throws {
    var limits = Limits()
    limits.bytes = 1 << 22
    limits.nodes = 1 << 16
    limits.metadataBytes = 1 << 20
    let options = OpenOptions(limits: limits, threads: 1)
    let opened = try store.open(InputFile(bytes, name: "input"), options: options)
    try opened.contents.tree.check(limits)
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    guard problems.isEmpty else { return }
    // What cannot be represented is listed, and neither read nor saved.
    var isListed = false
    opened.contents.tree.forEachLeaf { if $0.source.unsupported != nil { isListed = true } }
    if isListed { return }
    let digest: TreeDigest
    do { digest = try opened.contents.tree.digest() } catch let error as RefxError {
      throw FuzzViolation("what verifies cannot be read: \(error)")
    }
    let target = MemoryTarget()
    do {
      try store.write(opened.contents, to: target, options: WriteOptions(threads: 1))
    } catch let error as RefxError {
      throw FuzzViolation("what opens cannot be saved: \(error)")
    }
    let again: OpenedCheckpoint
    do {
      again = try store.open(
        InputFile(MemoryBytes(sharing: target.bytes), name: "again"), options: OpenOptions(threads: 1))
    } catch let error as RefxError {
      throw FuzzViolation("what was saved does not open: \(error)")
    }
    try demand(try again.contents.tree.digest() == digest, "the digest changes")
    try demand(
      JSON.object(again.contents.metadata).bytes() == JSON.object(opened.contents.metadata).bytes(),
      "the metadata changes")
  }

  /// Small trees of all that a format holds, as files.
  private static func files(of store: any CheckpointStore.Type) throws -> [[UInt8]] {
    try FuzzTrees.all(withText: store.format.name == "refx").enumerated().map { position, tree in
      let target = MemoryTarget()
      let metadata: JSONObject =
        position % 2 == 0 ? [:] : ["name": "é", "list": [1, .number(2.5), .null, true]]
      try store.write(
        CheckpointContents(tree: tree, metadata: metadata), to: target,
        options: WriteOptions(compression: position % 3 == 0 ? .none : .fast, threads: 1))
      return target.bytes
    }
  }
}
