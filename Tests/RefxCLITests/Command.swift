import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// The built `refx`, run as a shell would.
enum Command {
  struct Result {
    let code: Int32
    /// The signal that ended the process; nil where it ended by itself.
    let signal: Int32?
    let output: Data
    let errors: String

    var text: String { String(decoding: output, as: UTF8.self) }

    /// Standard output as one JSON document.
    func json() throws -> JSON {
      try Array(output).withUnsafeBytes { try JSON.parse($0) }
    }
  }

  /// Beside the test bundle, where the package manager puts both; `REFX_COMMAND` names another.
  static let executable: URL? = find()

  private static func find() -> URL? {
    if let named = ProcessInfo.processInfo.environment["REFX_COMMAND"] { return URL(fileURLWithPath: named) }
    var candidates = [URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()]
    candidates.append(Bundle.main.bundleURL)
    candidates.append(Bundle.main.bundleURL.deletingLastPathComponent())
    candidates.append(Repository.folder.appending(path: ".build/debug"))
    return candidates.map { $0.appending(path: "refx") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  @discardableResult
  static func run(
    _ arguments: String..., input: Data? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    try run(arguments, input: input, environment: environment)
  }

  static func run(
    _ arguments: [String], input: Data? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    let process = Process()
    let command: URL = try #require(executable, "the command is not built; run swift build first")
    process.executableURL = command
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin", "COLUMNS": "80"].merging(environment) { $1 }
    // Files, because two full pipes would wait for each other.
    let folder = try Scratch()
    let output = folder.path("out")
    let errors = folder.path("err")
    for file in [output, errors] { _ = FileManager.default.createFile(atPath: file, contents: nil) }
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
    if let input {
      try input.write(to: URL(fileURLWithPath: folder.path("in")))
      process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder.path("in")))
    } else {
      process.standardInput = FileHandle.nullDevice
    }
    try start(process)
    process.waitUntilExit()
    return Result(
      code: process.terminationStatus,
      signal: process.terminationReason == .uncaughtSignal ? process.terminationStatus : nil,
      output: try Data(contentsOf: URL(fileURLWithPath: output)),
      errors: String(decoding: try Data(contentsOf: URL(fileURLWithPath: errors)), as: UTF8.self))
  }

  /// With no signal blocked, as a shell starts it: the threads of the test library block some, and a process has what
  /// the thread has that starts it.
  private static func start(_ process: Process) throws {
    var none = sigset_t()
    var before = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  /// What a shell makes of `script`, in which `$REFX` is the command.
  static func shell(_ script: String, in folder: Scratch) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", script]
    process.currentDirectoryURL = folder.url
    process.environment = ["PATH": "/usr/bin:/bin", "REFX": try #require(executable).path]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try start(process)
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Result(code: process.terminationStatus, signal: nil, output: output, errors: "")
  }
}

/// A folder that is removed when the last reference to it goes.
final class Scratch: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "refx-cli-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }

  func save(_ tree: Tree<Leaf>, as name: String, metadata: JSONObject = [:]) throws -> String {
    try Checkpoint.save(tree: tree, to: path(name), metadata: metadata, durability: .none)
    return path(name)
  }

  func write(_ bytes: [UInt8], as name: String) throws -> String {
    try Data(bytes).write(to: url.appending(path: name))
    return path(name)
  }
}

enum Repository {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The files that stand beside the repository, or beside the folder of its worktrees.
  static func corpus(_ name: String) -> URL? {
    [folder.appending(path: "../shared/corpus"), folder.appending(path: "../../shared/corpus")]
      .map { $0.standardizedFileURL.appending(path: name) }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }
}

extension JSON {
  subscript(name: String) -> JSON? {
    if case .object(let object) = self { object[Key(name)] } else { nil }
  }

  subscript(position: Int) -> JSON? {
    if case .array(let members) = self, members.indices.contains(position) { members[position] } else { nil }
  }

  var count: Int? { if case .array(let members) = self { members.count } else { nil } }

  /// The names of an object's members, in order.
  var names: [String] {
    if case .object(let object) = self { object.members.map(\.name.string) } else { [] }
  }
}

/// A leaf of these numbers.
func numbers<E: TensorElement>(_ elements: [E], shape: [Int]? = nil) -> Tree<Leaf> {
  .leaf(Leaf(Tensor(elements, shape: shape ?? [elements.count])))
}

/// The first sight of a Ref.
func first(_ tree: Tree<Leaf>, _ index: Int, _ collection: CollectionTag? = nil) -> Tree<Leaf> {
  .value(.init(tree, index: index, collection: collection))
}

/// A later sight of a Ref.
func again(_ index: Int, _ collection: CollectionTag? = nil) -> Tree<Leaf> {
  .index(Index(index, collection: collection))
}

/// A small model: a tied pair, a plain leaf, a static value and a nothing.
func smallModel(tied: Bool = true) -> Tree<Leaf> {
  [
    "embedding": first(numbers([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [4, 2]), 0, "params"),
    "head": tied
      ? again(0, "params")
      : first(numbers([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [4, 2]), 1, "params"),
    "mean": first(numbers([0.5, -0.5] as [Double]), tied ? 1 : 2, "batch_stats"),
    "name": .static("relu"),
    "none": .none,
    "nothing": .nothing,
    "step": numbers([7] as [Int64], shape: []),
  ]
}
