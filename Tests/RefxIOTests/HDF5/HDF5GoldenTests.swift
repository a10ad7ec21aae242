import Foundation
import RefxHDF5
import RefxStore
import RefxTestSupport
import Testing

/// Golden files of every released version are read for ever.
@Suite struct HDF5GoldenTests {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/golden/hdf5/v1").path

  static func file(_ compression: Compression) -> String { "\(folder)/tree-\(compression.rawValue).h5" }

  private static func file(_ golden: GoldenHDF5Tree.Golden) -> String { "\(folder)/\(golden.name).h5" }

  /// Makes the golden files that are not there yet, where it is asked to.
  private static let made: Void = {
    guard ProcessInfo.processInfo.environment["REFX_WRITE_GOLDEN"] == "1" else { return }
    for golden in GoldenHDF5Tree.all where !FileManager.default.fileExists(atPath: file(golden)) {
      do {
        let bytes = try golden.bytes()
        try AtomicFile.replace(file(golden)) { target in
          try bytes.withUnsafeBytes { try target.append($0) }
        }
      } catch {
        Issue.record("\(golden): \(error)")
      }
    }
  }()

  static func bytes(_ compression: Compression) throws -> [UInt8] {
    made
    let input = try InputFile(path: file(compression))
    return try input.bytes(at: 0, count: input.byteCount)
  }

  @Test func everyFixtureIsAGoldenFile() throws {
    HDF5GoldenTests.made
    let names = try FileManager.default.contentsOfDirectory(atPath: HDF5GoldenTests.folder).sorted()
    #expect(names == GoldenHDF5Tree.all.map { "\($0.name).h5" }.sorted())
  }

  @Test(arguments: GoldenHDF5Tree.all) func isRead(_ golden: GoldenHDF5Tree.Golden) throws {
    HDF5GoldenTests.made
    let opened = try HDF5Store.open(InputFile(path: HDF5GoldenTests.file(golden)), options: OpenOptions())
    #expect(try firstDifference(golden.contents.tree, opened.contents.tree) == nil)
    #expect(opened.contents.metadata == golden.contents.metadata)
    #expect(opened.version == 1)
    #expect(opened.warnings.isEmpty)
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.isEmpty)
  }

  @Test(arguments: Compression.allCases) func theSameTreeGivesTheSameBytes(_ compression: Compression) throws
  {
    let once = try GoldenHDF5Tree.bytes(compression)
    let folder = ScratchFolder()
    try AtomicFile.replace(folder.file("a.h5"), durable: false) {
      try HDF5Store.write(GoldenHDF5Tree.contents, to: $0, options: WriteOptions(compression: compression))
    }
    let input = try InputFile(path: folder.file("a.h5"))
    #expect(try input.bytes(at: 0, count: input.byteCount) == once, "a path and memory get the same bytes")
    // What was read is written as it was, its chunks copied.
    let again = MemoryTarget()
    let opened = try openHDF5(once)
    try HDF5Store.write(opened.contents, to: again, options: WriteOptions(compression: compression))
    #expect(again.bytes == once)
  }
}
