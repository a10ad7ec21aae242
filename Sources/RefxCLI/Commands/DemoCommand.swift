import ArgumentParser
import Glibc
import Refx
import RefxIO
import RefxStore

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Train a small tied model, save it, kill it, resume it, take it apart.",
    discussion: """
      Each step is printed with the command that does it. Without -o the files are removed at the end.

      Examples:
        # watch it
        refx demo
        # keep the files, and look at them
        refx demo -o /tmp/demo && refx inspect /tmp/demo/full.refx --tree
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("The folder for the files.", valueName: "dir"))
  var output: String?

  @OptionGroup(title: "Output") var options: OutputOptions

  func run() throws {
    let folder = try makeFolder()
    defer { if output == nil { DemoFolder.remove(folder) } }
    let demo = Demo(folder: folder)
    try demo.run()
    if output != nil { try demo.say("The files are in \(visible(folder)).") }
  }

  private func makeFolder() throws -> String {
    guard let output else {
      let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
      var template = Array((temporary + "/refx-demo-XXXXXX").utf8CString)
      guard mkdtemp(&template) != nil else {
        throw RefxError.system("cannot make a folder", errno: errno, file: temporary)
      }
      return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    try AtomicFile.makeFolder(output)
    return output
  }
}

/// The folder of a demonstration that leaves nothing behind.
enum DemoFolder {
  static func remove(_ folder: String) {
    guard let directory = opendir(folder) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let path = folder + "/" + name
      if unlink(path) != 0 { remove(path) }
    }
    closedir(directory)
    rmdir(folder)
  }
}
