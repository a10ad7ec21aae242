import Foundation
import Testing

/// Files damaged in every way that is written down, read in child processes (`Tests/DamageCheck`): no value that
/// differs without an error, no crash, no hang, no memory out of proportion. `Tools/checks/damage --long` does more.
@Suite(.serialized) struct DamageTests {
  /// Beside the command, where the package manager puts both.
  private static let executable = Command.executable?.deletingLastPathComponent().appending(
    path: "DamageCheck")

  @Test(arguments: ["refx-bits", "hdf5-bits", "cuts", "fields", "bombs", "foreign"])
  func nothingIsReadOtherwiseWithoutAnError(check: String) throws {
    let scratch = try Scratch()
    let process = Process()
    let executable = try #require(DamageTests.executable)
    try #require(FileManager.default.isExecutableFile(atPath: executable.path), "DamageCheck is not built")
    process.executableURL = executable
    process.arguments = [
      check, "--refx", try #require(Command.executable).path, "--fixtures",
      Repository.folder.appending(path: "Fixtures").path,
    ]
    process.environment = ["PATH": "/usr/bin:/bin", "TMPDIR": scratch.url.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 0, "\(output)")
    #expect(output.hasPrefix("\(check): ") && output.contains(", 0 violations"), "\(output)")
    print(output, terminator: "")
  }
}
