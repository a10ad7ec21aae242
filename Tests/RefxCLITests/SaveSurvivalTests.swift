import Foundation
import Testing

/// `Tools/checks/saves` with the command of this build: saves that are killed, fail at each call, find the disk
/// full, lose power, and are read while they run.
@Suite(.serialized, .enabled(if: SaveChecks.python != nil, "there is no python3 for Tools/checks/saves"))
struct SaveSurvivalTests {
  @Test(arguments: [
    ["--row", "R6"], ["--row", "R7", "--count", "200"], ["--row", "R8"], ["--row", "R9"],
    ["--row", "R16", "--seconds", "5"], ["--row", "R18", "--count", "100"],
  ]) func savingSurvives(arguments: [String]) throws {
    let (code, output) = try SaveChecks.run(arguments)
    #expect(code == 0, "\(output)")
    let figures = try #require(output.split(separator: "\n").last)
    #expect(figures.hasPrefix(arguments[1] + ": ") && figures.contains(" 0 violations"), "\(output)")
    // What had to be left out is said in the log of the tests.
    for line in output.split(separator: "\n") where line.contains("SKIPPED") || line.contains("; no") {
      print("SaveSurvivalTests: \(line)")
    }
  }

  /// A command that loses what it is to save is found out.
  @Test func aCommandThatWritesInPlaceIsFoundOut() throws {
    let folder = try Scratch()
    let real = try #require(Command.executable).path
    // It writes elsewhere, and copies over the file.
    let script = """
      #!/bin/bash
      [ "$1" = convert ] || exec '\(real)' "$@"
      '\(real)' convert "$2" '\(folder.path("elsewhere")).refx' --force --to "${3##*.}" || exit
      cat '\(folder.path("elsewhere")).refx' > "$3"
      """
    let command = try folder.write(Array(script.utf8), as: "command")
    #expect(chmod(command, 0o755) == 0)
    let (code, output) = try SaveChecks.run(["--row", "R8", "--refx", command])
    #expect(code == 1 && output.contains("the power goes after call"), "\(output)")
  }
}

/// A harness of `Tools/checks`, run.
enum SaveChecks {
  static let python = [ProcessInfo.processInfo.environment["REFX_PYTHON"], "/usr/bin/python3"]
    .compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }

  /// Its exit code, and all that it says.
  static func run(
    _ arguments: [String], harness: String = "saves"
  ) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(python))
    let command = try #require(Command.executable, "the command is not built; run swift build first").path
    process.arguments =
      [Repository.folder.appending(path: "Tools/checks/\(harness)").path, "--refx", command] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}
