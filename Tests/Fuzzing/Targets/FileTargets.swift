import Refx

@testable import RefxIO
@testable import RefxStore

/// Whole files of formats that are read by our own code alone.
extension FuzzTarget {
  /// A `.refx` file as it is; damage nearly always ends at a checksum.
  static let refxFile = FuzzTarget(
    "refx", of: RefxFormat.self, mostBytes: 16384, seeds: { try files(of: RefxFormat.self) })

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
    "safetensors", of: SafetensorsStore.self, mostBytes: 8192,
    words: [
      "\"dtype\":", "\"shape\":[", "\"data_offsets\":[", "\"__metadata__\":{", "\"F32\"", "\"BF16\"",
      "\"F8_E4M3\"",
      "\"BOOL\"", "\"C64\"", "\"refx\":", "\\\"tree\\\":", "\\\"ref\\\":", "\\\"dict\\\":",
      "9223372036854775807",
    ], seeds: { try files(of: SafetensorsStore.self) })

  /// The index of a checkpoint in shards, `a` and `b` of which are there: what opens has their tensors, and no
  /// other file is asked for but by a plain name.
  static let safetensorsIndex = FuzzTarget(
    "safetensors-index", mostBytes: 4096,
    words: [
      "\"weight_map\":{", "\"metadata\":{", "\"total_size\":", "\"refx\":", "\"a\"", "\"b\"", "../", "/",
    ],
    seeds: texts(
      #"{"metadata":{"total_size":8},"weight_map":{"w":"a","v":"b"}}"#, #"{"weight_map":{"w":"a"}}"#, "{}",
      #"{"weight_map":{"v":"b"},"metadata":{"x":"v","y":[1,{"z":null}]},"other":[true]}"#,
      #"{"weight_map":{"w":"../a","v":"/b"}}"#)
  ) { input in
    var limits = Limits()
    limits.metadataBytes = 1 << 16
    let opened = try SafetensorsStore.openIndex(
      InputFile(memory(input), name: "input"), options: OpenOptions(limits: limits, threads: 1)
    ) { shard in
      try demand(SafetensorsIndex.isPlain(shard), "the file \"\(shard)\" is asked for")
      guard shard == "a" || shard == "b" else { throw RefxError(.unsupported, "there is no such shard") }
      let header = #"{"\#(shard == "a" ? "w" : "v")":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
      let bytes = littleEndian(UInt64(header.utf8.count)) + Array(header.utf8) + [0, 0, 0, 0]
      return InputFile(MemoryBytes(sharing: bytes), name: shard)
    }
    var count = 0
    opened.contents.tree.forEachLeaf { _ in count += 1 }
    try demand(count <= 2, "two shards of one tensor have \(count)")
    try opened.verify(nil) { _ in }
  }

  private static let numpyWords = [
    "{'descr': '", "'fortran_order': ", "'shape': (", "True", "False", "'<f4'", "'>c16'", "'|S3'", "'<U2'",
    "'|b1'",
    "'|O'", "[('a', '<f4')]", "9223372036854775807",
  ]

  static let npy = FuzzTarget(
    "npy", of: NumPyStore.self, words: numpyWords,
    seeds: {
      [
        numpy("'<f4'", "(2, 3)", 24), numpy("'>i2'", "(3, 2)", 12, fortran: true), numpy("'<U2'", "(2,)", 16),
        numpy("'|S3'", "()", 3), numpy("'|b1'", "(0, 4)", 0),
        numpy("[('a', '<f4'), ('b', '|V2')]", "(1,)", 6),
      ]
    })

  /// An archive whose checksums are as they come; damage to what it packs nearly always ends there.
  static let npz = FuzzTarget(
    "npz", of: NumPyArchiveStore.self, mostBytes: 8192,
    words: numpyWords + ["PK\u{3}\u{4}", "PK\u{1}\u{2}", "PK\u{5}\u{6}", ".npy"],
    seeds: {
      let arrays = [numpy("'<f4'", "(2, 3)", 24), numpy("'<U2'", "(2,)", 16)]
      return try [archive([]), archive(Array(arrays.prefix(1))), archive(arrays)]
        + files(of: NumPyArchiveStore.self)
    })

  private static func numpy(_ type: String, _ shape: String, _ count: Int, fortran: Bool = false) -> [UInt8] {
    let header = Array(
      "{'descr': \(type), 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }\n".utf8)
    let start: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0]
    return start + header + [UInt8](repeating: 1, count: count)
  }

  /// Stored members called `0.npy`, `1.npy`, ….
  private static func archive(_ members: [[UInt8]]) -> [UInt8] {
    archive(of: members.enumerated().map { ("\($0).npy", $1) })
  }

  /// Stored members.
  static func archive(of members: [(name: String, body: [UInt8])]) -> [UInt8] {
    func little(_ numbers: [Int], _ size: Int) -> [UInt8] {
      numbers.flatMap { number in (0..<size).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    }
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, body) in members {
      let name = Array(name.utf8)
      let common =
        little([20, 0, 0, 0, 0], 2)
        + little([Int(body.withUnsafeBytes(CRC32.of)), body.count, body.count], 4)
        + little([name.count, 0], 2)
      directory +=
        Array("PK\u{1}\u{2}".utf8) + little([20], 2) + common + little([0, 0, 0], 2)
        + little([0, file.count], 4)
        + name
      file += Array("PK\u{3}\u{4}".utf8) + common + name + body
    }
    let end =
      little([0, 0, members.count, members.count], 2) + little([directory.count, file.count], 4) + [0, 0]
    return file + directory + Array("PK\u{5}\u{6}".utf8) + end
  }

  /// What opens verifies or says why not; what verifies is saved again, and is then the same.
  static func checkFile(_ store: any CheckpointStore.Type, _ bytes: MemoryBytes) throws {
    var limits = Limits()
    limits.bytes = 1 << 22
    limits.nodes = 1 << 16
    limits.metadataBytes = 1 << 20
    let options = OpenOptions(limits: limits, threads: 1)
    let opened = try store.open(InputFile(bytes, name: "input"), options: options)
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
    // What is only read goes to a format that holds everything.
    let other: any CheckpointStore.Type = store.format.canWrite ? store : RefxFormat.self
    let target = MemoryTarget()
    do {
      try other.write(opened.contents, to: target, options: WriteOptions(threads: 1))
    } catch let error as RefxError {
      throw FuzzViolation("what opens cannot be saved: \(error)")
    }
    let again: OpenedCheckpoint
    do {
      again = try other.open(
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
