import Foundation
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// Golden files of every released version are read for ever.
@Suite struct RefxGoldenTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let folder = root.appending(path: "Fixtures/golden/refx").path

  private static func file(_ golden: GoldenRefxFiles.Golden) -> String {
    "\(folder)/v\(golden.version)/\(golden.name).refx"
  }
  private static func listingFile(_ golden: GoldenRefxFiles.Golden) -> String {
    "\(folder)/v\(golden.version)/\(golden.name).json"
  }

  private static func bytes(of path: String) throws -> [UInt8] {
    let file = try InputFile(path: path)
    return try file.bytes(at: 0, count: file.byteCount)
  }

  private static func written(_ golden: GoldenRefxFiles.Golden) throws -> [UInt8] {
    let target = MemoryTarget()
    try RefxFormat.write(golden.contents, to: target, options: WriteOptions(compression: golden.compression))
    return target.bytes
  }

  /// Makes the golden files that are not there yet, where it is asked to.
  private static let made: Void = {
    guard ProcessInfo.processInfo.environment["REFX_WRITE_GOLDEN"] == "1" else { return }
    for golden in GoldenRefxFiles.all where !FileManager.default.fileExists(atPath: file(golden)) {
      do {
        try FileManager.default.createDirectory(
          atPath: "\(folder)/v\(golden.version)", withIntermediateDirectories: true)
        let bytes = try written(golden)
        try AtomicFile.replace(file(golden)) { target in try bytes.withUnsafeBytes { try target.append($0) } }
        let opened = try RefxFormat.open(InputFile(path: file(golden)), options: OpenOptions())
        let listing = try GoldenRefxFiles.listing(of: opened).prettyBytes() + [0x0A]
        try AtomicFile.replace(listingFile(golden)) { target in
          try listing.withUnsafeBytes { try target.append($0) }
        }
      } catch {
        Issue.record("\(golden): \(error)")
      }
    }
  }()

  @Test(arguments: GoldenRefxFiles.all) func isRead(_ golden: GoldenRefxFiles.Golden) throws {
    RefxGoldenTests.made
    let opened = try RefxFormat.open(InputFile(path: RefxGoldenTests.file(golden)), options: OpenOptions())
    #expect(opened.version == golden.version)
    #expect(try firstDifference(golden.contents.tree, opened.contents.tree) == nil)
    #expect(opened.contents.metadata == golden.contents.metadata)
    #expect(opened.contents.attributes == golden.contents.attributes)
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.isEmpty)
    #expect(
      try GoldenRefxFiles.listing(of: opened)
        == JSON.parse(RefxGoldenTests.bytes(of: RefxGoldenTests.listingFile(golden))))
  }

  /// Compressed files pin reading alone: a better encoder may make other bytes.
  @Test(arguments: GoldenRefxFiles.all.filter { $0.compression == .none })
  func isWrittenTheSame(_ golden: GoldenRefxFiles.Golden) throws {
    RefxGoldenTests.made
    #expect(try RefxGoldenTests.written(golden) == RefxGoldenTests.bytes(of: RefxGoldenTests.file(golden)))
  }

  @Test func everyFixtureIsAGoldenFile() throws {
    RefxGoldenTests.made
    let names = try FileManager.default.subpathsOfDirectory(atPath: RefxGoldenTests.folder)
      .filter { $0.contains("/") }.sorted()
    let expected = GoldenRefxFiles.all.flatMap { golden in
      ["json", "refx"].map { "v\(golden.version)/\(golden.name).\($0)" }
    }
    #expect(names == expected.sorted())
  }

  @Test func theSpecificationShowsTheSmallestFile() throws {
    RefxGoldenTests.made
    let page = try String(
      contentsOf: RefxGoldenTests.root.appending(path: "Documentation/refx-format.md"), encoding: .utf8)
    let bytes = try RefxGoldenTests.bytes(of: RefxGoldenTests.folder + "/v1/empty-dictionary.refx")
    let dump = stride(from: 0, to: bytes.count, by: 16).map { start in
      let row = bytes[start..<min(start + 16, bytes.count)].map { String(format: "%02x", $0) }.joined(
        separator: " ")
      return String(format: "%04x  ", start) + row
    }
    let shown = "empty-dictionary.refx -->\n```\n" + dump.joined(separator: "\n") + "\n```\n"
    #expect(page.contains(shown), "the page should show:\n\(dump.joined(separator: "\n"))")
  }

  /// The Python package sees the same as this reader.
  @Test(arguments: GoldenRefxFiles.all) func theIndependentReaderAgrees(_ golden: GoldenRefxFiles.Golden)
    throws
  {
    RefxGoldenTests.made
    guard let python = ProcessInfo.processInfo.environment["REFX_PYTHON"], !python.isEmpty else {
      print("skipped: REFX_PYTHON names no Python")
      return
    }
    let output = try PythonReader.run(python, RefxGoldenTests.root.path, RefxGoldenTests.file(golden))
    #expect(output.status == 0, "\(output.errors)")
    #expect(
      try JSON.parse(output.bytes)
        == JSON.parse(RefxGoldenTests.bytes(of: RefxGoldenTests.listingFile(golden))))
  }

  /// It sees damage as well.
  @Test func theIndependentReaderRefusesDamage() throws {
    guard let python = ProcessInfo.processInfo.environment["REFX_PYTHON"], !python.isEmpty else {
      print("skipped: REFX_PYTHON names no Python")
      return
    }
    let folder = ScratchFolder()
    let sound = try RefxDamageTests.smallFile()
    var random = SeededRandom(seed: 2)
    for round in 0..<25 {
      var damaged = sound
      damaged[random.below(sound.count)] ^= 1 << UInt8(random.below(8))
      if round == 0 { damaged = sound }
      let path = folder.file("damaged.refx")
      try AtomicFile.replace(path, durable: false) { target in
        try damaged.withUnsafeBytes { try target.append($0) }
      }
      let output = try PythonReader.run(python, RefxGoldenTests.root.path, path)
      #expect(output.status == (round == 0 ? 0 : 1), "round \(round): \(output.errors)")
    }
  }
}

/// Runs the Python package, which was written from the specification alone.
enum PythonReader {
  struct Output {
    let status: Int32
    let bytes: [UInt8]
    let errors: String
  }

  /// The listing of a file.
  static func run(_ python: String, _ root: String, _ file: String) throws -> Output {
    try run(python, root, ["-m", "refx_files", file, "--json"])
  }

  /// - Parameter arguments: of `python`, in the folder `root`.
  static func run(_ python: String, _ root: String, _ arguments: [String]) throws -> Output {
    let process = Process()
    process.executableURL = URL(filePath: python)
    process.currentDirectoryURL = URL(filePath: root)
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["PYTHONPATH": root + "/Tools/python", "PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
    process.arguments = arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Output(status: process.terminationStatus, bytes: bytes, errors: words)
  }
}
