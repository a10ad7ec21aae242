import Foundation
import Testing

/// Files that stand beside the repository and are too large, or not ours, to be part of it.
enum SharedFiles {
  /// The folder `shared` beside the repository, or beside the folder of its worktrees.
  static let folder: URL? = {
    let repository = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return [repository.appending(path: "../shared"), repository.appending(path: "../../shared")]
      .map(\.standardizedFileURL)
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }()

  static func has(_ path: String) -> Bool {
    folder.map { FileManager.default.fileExists(atPath: $0.appending(path: path).path) } ?? false
  }

  static func absent(_ path: String) -> Comment { "../shared/\(path) is not there" }

  /// What the command prints; nil where it fails.
  static func output(of executable: String, _ arguments: [String]) throws -> Data? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? data : nil
  }
}

/// The Python with the reference libraries that `REFX_PYTHON` names.
enum ReferencePython {
  static let executable = ProcessInfo.processInfo.environment["REFX_PYTHON"]

  static func has(_ modules: String) -> Bool {
    guard let executable else { return false }
    return (try? SharedFiles.output(of: executable, ["-c", "import \(modules)"])) != nil
  }

  static func absent(_ modules: String) -> Comment {
    executable == nil ? "REFX_PYTHON is not set" : "the Python of REFX_PYTHON lacks one of \(modules)"
  }

  /// What `script` prints as JSON.
  static func json(_ script: String, _ arguments: [String]) throws -> Any {
    let python = try #require(executable)
    let output = try #require(try SharedFiles.output(of: python, ["-c", script] + arguments))
    return try JSONSerialization.jsonObject(with: output, options: .fragmentsAllowed)
  }
}
