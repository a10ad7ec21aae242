import Foundation
import Testing

/// What `refx-mpi` is in a build without the trait MPI.
struct WithoutMPITests {
  @Test func itSaysWhatItLacks() throws {
    let command = try #require(Command.executable).deletingLastPathComponent().appending(path: "refx-mpi")
    // A build of one product alone has not made it.
    guard FileManager.default.isExecutableFile(atPath: command.path) else { return }
    let process = Process()
    process.executableURL = command
    process.arguments = ["verify", "x.refx"]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 2)
    #expect(said.contains("built without MPI") && said.contains("swift build --traits MPI"))
    #expect(said.split(separator: "\n").count == 1)
  }
}
