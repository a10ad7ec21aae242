import Foundation
import Testing

/// `Tools/checks/hostile` on the command that the tests run: hostile files that are made for the run, and the
/// corpus of them where it stands beside the repository. What it prints says which file, which command, and what.
@Suite("hostile files", .serialized) struct HostileFileTests {
  private static let python: String? = {
    let named = ProcessInfo.processInfo.environment["REFX_PYTHON"]
    let python = [named, "/usr/bin/python3", "/usr/local/bin/python3"].compactMap(\.self)
      .first { FileManager.default.isExecutableFile(atPath: $0) }
    if python == nil { print("there is no python3, so no hostile file is made") }
    return python
  }()

  private static let corpus: String? = {
    let places = ["../shared/hostile/files.tar.xz", "../../shared/hostile/files.tar.xz"]
      .map { Repository.folder.appending(path: $0).standardizedFileURL.path }
    let corpus = places.first { FileManager.default.fileExists(atPath: $0) }
    if corpus == nil { print("the corpus of hostile files is not beside the repository, so it is not read") }
    return corpus
  }()

  @Test("each is read as it is, or refused in a sentence", .enabled(if: HostileFileTests.python != nil))
  func ownFiles() throws {
    let result = try check()
    #expect(result.status == 0, "\(result.text)")
    // It counts what it did: a run that looked at nothing finds nothing.
    #expect(try figure("files", in: result.text) > 100 && figure("executions", in: result.text) > 500)
  }

  @Test(
    "so is each of the corpus", .enabled(if: HostileFileTests.python != nil && HostileFileTests.corpus != nil)
  )
  func corpusFiles() throws {
    let result = try check(["--corpus", try #require(HostileFileTests.corpus)])
    #expect(result.status == 0, "\(result.text)")
    #expect(try figure("files", in: result.text) == 512)
    #expect(try figure("values compared", in: result.text) > 50)
  }

  private func check(_ arguments: [String] = []) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(HostileFileTests.python))
    process.arguments =
      [
        Repository.folder.appending(path: "Tools/checks/hostile").path, "--refx",
        try #require(Command.executable).path,
      ] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    print(text.split(separator: "\n").last ?? "")
    return (process.terminationStatus, text)
  }

  /// The number before `word` in the last line.
  private func figure(_ word: String, in text: String) throws -> Int {
    let line = String(text.split(separator: "\n").last ?? "")
    let before = try #require(line.components(separatedBy: " \(word)").first)
    return try #require(Int(before.reversed().prefix { $0.isNumber }.reversed().map(String.init).joined()))
  }
}
