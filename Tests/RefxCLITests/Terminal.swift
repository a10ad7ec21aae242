import Foundation
import Testing

/// A terminal of so many columns in which a shell runs a script; `$REFX` is the command.
struct Terminal {
  struct Screen {
    /// All that was written to it, standard error too.
    let written: String

    /// What is left to see when the sequences are taken away.
    var plain: String {
      written.replacing(/\u{1B}\[[0-9;?]*[A-Za-z]/, with: "").replacing("\r\n", with: "\n")
    }

    var lines: [Substring] { plain.split(separator: "\n", omittingEmptySubsequences: true) }
  }

  var columns = 80
  var environment: [String: String] = [:]
  var folder: Scratch?

  init(columns: Int = 80, environment: [String: String] = [:], in folder: Scratch? = nil) {
    self.columns = columns
    self.environment = environment
    self.folder = folder
  }

  /// Both ends of a pseudo-terminal come from `script`, which Debian always has.
  func run(_ script: String) throws -> Screen {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
    process.arguments = [
      "-qec", "stty cols \(columns) rows 50 -echo; \(script)", "/dev/null",
    ]
    process.currentDirectoryURL = folder?.url
    process.environment = [
      "PATH": "/usr/bin:/bin", "REFX": try #require(Command.executable).path, "TERM": "xterm-256color",
      "SHELL": "/bin/bash", "LANG": "C.UTF-8",
    ].merging(environment) { $1 }
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Screen(written: String(decoding: output, as: UTF8.self))
  }
}
