import Foundation
import RefxStore
import Testing

private let python = ProcessInfo.processInfo.environment["REFX_PYTHON"]

/// The benchmark without its times: its own arithmetic, and one small run of it from the data to the document.
///
/// Both need a Python; the run needs NumPy and ml_dtypes in it, which make its data.
@Suite(.enabled(if: python != nil, "REFX_PYTHON names no Python"))
struct BenchmarkTests {
  @Test func theToolsOwnTestsPass() throws {
    let folder = Repository.folder.appending(path: "Tools/benchmark").path
    let result = try run(["-B", "-m", "unittest", "discover", "-s", folder, "-p", "test_*.py"])
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.errors.contains("\nOK"), "\(result.errors)")
  }

  @Test func aSmallRunIsRightAndGivesTheDocument() throws {
    let refx = try #require(Command.executable)
    let scratch = try Scratch()
    let document = scratch.path("run.json")
    let tool = Repository.folder.appending(path: "Tools/bench").path
    let result = try run([
      "-B", tool, "--quick", "--only", "refx.raw.save D1", "--data", scratch.path("data"), "--folder",
      scratch.url.path, "--build", refx.deletingLastPathComponent().path, "--save", document,
    ])
    #expect(result.code == 0, "\(result.errors)")
    let json = try JSON.parse([UInt8](Data(contentsOf: URL(fileURLWithPath: document))))
    guard case .object(let members) = json, case .array(let results)? = members["results"],
      case .object(let first)? = results.first(where: { $0.id == "refx.raw.save" }),
      case .array(let times)? = first["wallSeconds"], case .integer(let stored)? = first["stored"],
      case .integer(let bytes)? = first["bytes"]
    else {
      Issue.record("no result of refx.raw.save in \(result.text)")
      return
    }
    #expect(times.count == 5)
    #expect(stored > bytes && bytes > 900_000)
    // Megabytes are too little to judge by.
    #expect(members["short"] == .integer(0) && first["verdict"] == "not judged")
    #expect(members["failures"] == [:])
  }

  private func run(_ arguments: [String]) throws -> Command.Result {
    let scratch = try Scratch()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python ?? "/usr/bin/false")
    process.arguments = arguments
    let files = ["out", "err"].map(scratch.path)
    for file in files { _ = FileManager.default.createFile(atPath: file, contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: files[0]))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: files[1]))
    try process.run()
    process.waitUntilExit()
    return Command.Result(
      code: process.terminationStatus, signal: nil,
      output: try Data(contentsOf: URL(fileURLWithPath: files[0])),
      errors: try String(contentsOfFile: files[1], encoding: .utf8))
  }
}

extension JSON {
  /// The member `id` of an object, where it is a string.
  fileprivate var id: String? {
    if case .object(let members) = self, case .string(let id)? = members["id"] { id } else { nil }
  }
}
