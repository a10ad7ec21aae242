import Foundation

/// The other side of the interoperability tests: a Python that has h5py, named by `REFX_PYTHON`.
struct HDF5Python {
  /// Why the tests that need Python are skipped; nil where they run.
  static let reasonToSkip: String? = {
    guard let python = ProcessInfo.processInfo.environment["REFX_PYTHON"] else {
      return "REFX_PYTHON names no Python, so nothing is compared with h5py"
    }
    let status = try? HDF5Python.run(python, ["modules"]).status
    return status == 0 ? nil : "\(python) has no h5py and numpy, so nothing is compared with h5py"
  }()

  static var isThere: Bool {
    if let reasonToSkip { print(reasonToSkip) }
    return reasonToSkip == nil
  }

  /// Runs a script of `Tools/foreign`.
  ///
  /// - Returns: its exit status and everything it printed.
  static func run(
    _ arguments: [String], script: String = "check_hdf5.py"
  ) throws -> (status: Int32, output: String) {
    try run(ProcessInfo.processInfo.environment["REFX_PYTHON"] ?? "python3", arguments, script: script)
  }

  private static func run(
    _ python: String, _ arguments: [String], script: String = "check_hdf5.py"
  ) throws -> (status: Int32, output: String) {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [root.appendingPathComponent("Tools/foreign/\(script)").path] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}
