import ArgumentParser
import Glibc
import Refx
import RefxStore

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Train a small tied model, save it, kill it, resume it, take it apart.",
    discussion: """
      Every step is a command that runs as it is printed, in a folder that is removed at the end unless -o names \
      one. The model is a bigram model of letters, its embedding tied to its head, trained by Adam with exact \
      gradients.

      --train is the training by itself: it goes on from what FILE holds, saves every 10 steps of 60, and ends \
      bit for bit where a run that nobody broke off ends. Kill it as you like.

      Examples:
        # watch it
        refx demo
        # keep the files, and look at them
        refx demo -o demo && refx report demo/killed.refx demo/resumed.refx -o changes.html
        # train, break it off, go on
        timeout -s KILL 1 refx demo --train mine.refx --pace 50; refx demo --train mine.refx
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("The folder for the files.", valueName: "dir"))
  var output: String?

  @Flag(help: "Use a folder in which something lies, and replace what has the same name.")
  var force = false

  @Option(
    help: ArgumentHelp("Train alone: the model in this file, a new one if there is none.", valueName: "file"))
  var train: String?

  @Option(help: ArgumentHelp("With --train: a pause after each step.", valueName: "ms"))
  var pace: Int?

  @OptionGroup(title: "Output") var options: OutputOptions

  func validate() throws {
    if train == nil, pace != nil { throw ValidationError("--pace goes with --train") }
    if train != nil, output != nil || force {
      throw ValidationError("--train writes the file it names: leave out -o and --force")
    }
    if let pace, !(0...60_000).contains(pace) {
      throw ValidationError("--pace is a number of milliseconds between 0 and 60000")
    }
  }

  func run() throws {
    if let train { return try trainAlone(train) }
    let folder = try makeFolder()
    DemoStop.watch()
    do {
      guard chdir(folder) == 0 else {
        throw RefxError.system("cannot go into the folder", errno: errno, file: folder)
      }
      var demo = Demo(folder: folder, options: options)
      try demo.run()
      if output != nil, !options.json { try demo.say("\nThe files are in \(visible(folder)).") }
      try StandardOutput.flush()
      if output == nil { DemoFolder.remove(folder) }
    } catch {
      if output == nil { DemoFolder.remove(folder) }
      if let stopped = error as? Stopped { DemoStop.die(by: stopped.signal) }
      throw error
    }
  }

  private func trainAlone(_ file: String) throws {
    let training = DemoTraining(file: file, pace: pace ?? 0)
    let outcome = try training.run { line in
      if options.json { return }
      try StandardOutput.write(line + "\n")
      try StandardOutput.flush()
    }
    guard options.json else { return }
    try StandardOutput.write([
      "file": .string(file), "resumed": outcome.resumed.map { .integer(Int64($0)) } ?? .null,
      "steps": .array(
        outcome.losses.map { ["step": .integer(Int64($0.step)), "loss": .number(Double($0.loss))] }),
    ])
  }

  private func makeFolder() throws -> String {
    guard let output else {
      let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
      var template = Array((temporary + "/refx-demo-XXXXXX").utf8CString)
      guard mkdtemp(&template) != nil else {
        throw RefxError.system("cannot make a folder", errno: errno, file: temporary)
      }
      return absolute(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    if !force, !DemoFolder.isFree(output) { throw RefxError.folderInUse(output) }
    try AtomicFile.makeFolder(output)
    return absolute(output)
  }

  /// The folder's name from the root, by which it is found wherever we are.
  private func absolute(_ folder: String) -> String {
    guard let full = realpath(folder, nil) else { return folder }
    defer { free(full) }
    return String(cString: full)
  }
}

/// The folder of a demonstration.
enum DemoFolder {
  /// Whether nothing lies there, or the folder is yet to be made.
  static func isFree(_ folder: String) -> Bool {
    entries(of: folder)?.isEmpty ?? true
  }

  /// Takes it away with all in it.
  static func remove(_ folder: String) {
    guard let entries = entries(of: folder) else { return }
    for name in entries {
      let path = folder + "/" + name
      if unlink(path) != 0 { remove(path) }
    }
    rmdir(folder)
  }

  /// - Returns: nil where there is no such folder.
  private static func entries(of folder: String) -> [String]? {
    guard let directory = opendir(folder) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
