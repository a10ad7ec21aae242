import Foundation
import Refx
import RefxHDF5
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// Which version of each format is written, and what is said of one to come.
@Suite struct FormatVersionTests {
  private static let tree: Tree<Leaf> = [
    "w": .value(Value(.leaf(Leaf(Float(1))), index: 0, collection: "params"))
  ]

  /// The numbers that a page's table gives, by the words in front of them: `| words | where | read | written |`.
  private static let written: [String: String] = {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Documentation/versions.md")
    var found: [String: String] = [:]
    for line in ((try? String(contentsOf: page, encoding: .utf8)) ?? "").split(separator: "\n") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      if line.hasPrefix("|"), cells.count == 4 { found[cells[0]] = cells[3] }
    }
    return found
  }()

  private func version(_ format: FormatName) throws -> Int? {
    let bytes = try Checkpoint.encode(contents: CheckpointContents(tree: FormatVersionTests.tree), as: format)
    return try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: "a")).version
  }

  @Test func thePageGivesTheVersionsThatAreWritten() throws {
    let expected: [String: Int?] = [
      "`.refx`": try version(.refx), "HDF5 layout": try version(.hdf5),
      "description of a tree": Int(FlatMetadata.version), "part": Int(PartRecord.version),
      "patch": Int(PatchRecord.version),
      "step": Int(StepRecord.version), "codec of the chunks": ChunkCodec.version,
    ]
    for (what, number) in expected {
      #expect(
        FormatVersionTests.written[what] == number.map { "\($0)" }, "Documentation/versions.md on \(what)")
    }
  }

  /// What is found, what would be read, and what to do.
  private func demand(_ error: RefxError?, _ version: Int, knows known: Int, _ what: String) {
    #expect(error?.code == .version, "\(what): \(error?.description ?? "it was read")")
    #expect(error?.found == "version \(version)", "\(what)")
    #expect(error?.expected?.contains("version \(known)") == true, "\(what)")
    #expect(error?.advice?.contains("newer release") == true, "\(what)")
  }

  @Test(arguments: [2, 65_535]) func aRefxFileOfTheFuture(_ version: Int) throws {
    let target = MemoryTarget()
    try RefxFormat.write(
      CheckpointContents(tree: FormatVersionTests.tree), to: target, options: WriteOptions())
    var surgeon = RefxSurgeon(target.bytes)
    (surgeon.header[8], surgeon.header[9]) = (UInt8(version & 0xFF), UInt8(version >> 8))
    let error = #expect(throws: RefxError.self) {
      _ = try Checkpoint.open(InputFile(MemoryBytes(sharing: surgeon.file()), name: "a.refx"))
    }
    demand(error, version, knows: 1, ".refx")
    #expect(error?.file == "a.refx" && error?.place == .byte(8))
  }

  /// The number is an attribute of the root, whose header has a checksum: h5py writes another.
  @Test(.enabled(if: HDF5Python.isThere)) func anHDF5FileOfTheFuture() throws {
    let folder = ScratchFolder()
    for version in [2, 0, -1] {
      let path = folder.file("\(version).h5")
      try Checkpoint.save(tree: FormatVersionTests.tree, to: path, durability: .none)
      let (status, output) = try HDF5Python.run(["attribute", path, "/", "refx_version", "\(version)"])
      try #require(status == 0, "\(output)")
      let error = #expect(throws: RefxError.self) { _ = try Checkpoint.open(path) }
      if version > 1 {
        demand(error, version, knows: 1, "HDF5")
      } else {
        #expect(error?.code == .damaged && error?.found == "version \(version)", "\(version)")
      }
      #expect(error?.file == path)
    }
  }

  /// A dtype or a kind of node that came later, in a file of the version that is known.
  @Test(.enabled(if: HDF5Python.isThere), arguments: [("refx_dtype", "float3"), ("refx_node", "set")])
  func anHDF5NameOfTheFuture(name: String, value: String) throws {
    let folder = ScratchFolder()
    let path = folder.file("a.h5")
    try Checkpoint.save(tree: ["w": .leaf(Leaf(Int4(1)))], to: path, durability: .none)
    let (status, output) = try HDF5Python.run(["attribute", path, "/tree/w", name, value])
    try #require(status == 0, "\(output)")
    let error = #expect(throws: RefxError.self) { _ = try Checkpoint.open(path) }
    #expect(error?.code == .version && error?.found == "\"\(value)\"", "\(error?.description ?? "")")
    #expect(error?.place == .object("/tree/w") && error?.advice?.contains("newer release") == true)
  }

  /// They are not damaged, and making them again is no help.
  @Test func recordsOfTheFuture() throws {
    demand(.descriptionOfOtherVersion(2, known: FlatMetadata.version), 2, knows: 1, "description")
    let record: JSONObject = ["version": 2]
    demand(
      #expect(throws: RefxError.self) { _ = try PartRecord([PartRecord.key: .object(record)], file: "a") }, 2,
      knows: 1, "part")
    demand(
      #expect(throws: RefxError.self) { _ = try PatchRecord([PatchRecord.key: .object(record)], file: "a") },
      2,
      knows: 1, "patch")
    let step = #expect(throws: RefxError.self) { _ = try StepRecord(.object(record), file: "a") }
    demand(step, 2, knows: 1, "step")
    #expect(step?.isDamage == false && step?.isOfNoUse == true)
    let none: JSONObject = ["version": 0]
    let before = #expect(throws: RefxError.self) {
      _ = try PartRecord([PartRecord.key: .object(none)], file: "a")
    }
    #expect(before?.code == .damaged, "\(before?.description ?? "")")
  }
}
