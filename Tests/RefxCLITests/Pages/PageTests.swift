import Foundation
import Testing

private let python = ProcessInfo.processInfo.environment["REFX_PYTHON"]

/// Every block of Swift, shell and Python in the documentation, on its pages and in the comments of the sources, is run,
/// or says why it is not.
@Suite struct PageTests {
  private static let sourcePath = Repository.folder.appending(path: "Tests/PageBlocks/Pages.swift")

  /// The page about Python is one of its package's tests, which `Tools/python-test` runs.
  static let pages = Page.all.filter { $0.path != "Documentation/python.md" } + Page.sources

  /// What has something to run here: what needs ranks is run by `Tools/mpi-test`.
  static let runnable = pages.filter { page in
    page.programs.contains { !$0.needsRanks } || !page.scripts.isEmpty
  }

  static let withPython = pages.filter { !$0.pythons.isEmpty }

  @Test func theProgramsAreThoseOfThePages() throws {
    let source = Page.source(of: PageTests.pages)
    if ProcessInfo.processInfo.environment["REFX_UPDATE_FIXTURES"] != nil {
      try source.write(to: PageTests.sourcePath, atomically: true, encoding: .utf8)
    }
    let built = try String(contentsOf: PageTests.sourcePath, encoding: .utf8)
    let isTheSame = built == source
    #expect(
      isTheSame,
      "a block has changed: REFX_UPDATE_FIXTURES=1 swift test --filter PageTests, then build again")
  }

  /// The programs of a page, then its shell blocks, in one folder.
  @Test(arguments: runnable) func thePageRuns(_ page: Page) throws {
    let scratch = try Scratch()
    try PageTests.runPrograms(of: page, in: scratch)
    for block in page.scripts {
      let script = PageTests.script(of: (block.setup.map { $0 + "\n" } ?? "") + block.text)
      let result = try PageTests.run(["/bin/bash", "-c", script], in: scratch)
      #expect(result.code == 0, "\(page.path):\(block.line): \(result.text)")
    }
  }

  /// What the programs of a page have written, read by the page's blocks of Python.
  @Test(.enabled(if: python != nil, "REFX_PYTHON names no Python"), arguments: withPython)
  func thePythonOfThePageRuns(_ page: Page) throws {
    let scratch = try Scratch()
    try PageTests.runPrograms(of: page, in: scratch)
    for block in page.pythons {
      let result = try PageTests.run([try #require(python), "-c", block.text], in: scratch)
      #expect(result.code == 0, "\(page.path):\(block.line): \(result.text)")
    }
  }

  /// A manifest on a page is one, and asks for products and traits that this package has.
  @Test(arguments: pages.filter { !$0.manifests.isEmpty }) func theManifestOfThePageIsRead(_ page: Page)
    throws
  {
    let own = try String(contentsOf: Repository.folder.appending(path: "Package.swift"), encoding: .utf8)
    for block in page.manifests {
      let scratch = try Scratch()
      try block.text.write(
        to: scratch.url.appending(path: "Package.swift"), atomically: true, encoding: .utf8)
      let result = try PageTests.run(
        ["/usr/bin/env", "swift", "package", "dump-package", "--disable-sandbox"], in: scratch)
      #expect(result.code == 0, "\(page.path):\(block.line): \(result.text)")
      let products = block.text.matches(of: /\.product\(name: "(.*?)", package: "refx"\)/).map(\.1)
      #expect(!products.isEmpty && block.text.contains("/refx\""), "\(page.path):\(block.line)")
      for product in products {
        #expect(own.contains(".library(name: \"\(product)\""), "\(page.path):\(block.line): \(product)")
      }
      for match in block.text.matches(of: /traits: \["(.*?)"\]/) {
        #expect(own.contains("name: \"\(match.1)\", description:"), "\(page.path):\(block.line): \(match.1)")
      }
    }
  }

  @Test func everyBlockIsRunOrSaysWhy() {
    var run = ["swift": 0, "sh": 0, "python": 0]
    var inComments = 0
    for page in PageTests.pages {
      let first = page.programs.first?.blocks.first
      #expect(
        page.isSource || first == nil || first!.text.hasPrefix("import "),
        "\(page.path): the first block has no import")
      for stray in page.strays { Issue.record("\(page.path):\(stray.line): \(stray.what)") }
      for block in page.blocks {
        switch block.language {
        case "swift", "sh", "python":
          if block.excuse == nil {
            run[block.language, default: 0] += 1
            inComments += page.isSource ? 1 : 0
          }
        // Pictures and tables, and what other tests read.
        case "", "toml", "json", "text": break
        default: Issue.record("\(page.path):\(block.line): nobody knows how to run '\(block.language)'")
        }
        if let excuse = block.excuse {
          #expect(
            block.language == "sh" && excuse.contains(": ") && excuse.count > 20,
            "\(page.path):\(block.line): '\(excuse)' is no reason")
        }
        #expect(
          block.setup == nil || block.language == "sh",
          "\(page.path):\(block.line): only shell blocks have a setup")
      }
    }
    #expect(run["swift"]! >= 60 && run["sh"]! >= 12 && run["python"]! >= 2, "\(run) blocks are run")
    #expect(inComments >= 10, "\(inComments) blocks of comments are run")
  }

  /// `text` as a script that ends with the first command that fails. A line with a comment that ends in `exits with N`
  /// must do that.
  static func script(of text: String) -> String {
    let lines = text.components(separatedBy: "\n").map { line in
      guard let match = line.firstMatch(of: /^(.*)#.*\bexits with ([0-9]+)$/) else { return line }
      let command = match.1
      let code = match.2
      return "code=0; \(command) || code=$?; "
        + "if [ $code -ne \(code) ]; then echo \"$code and not \(code)\" >&2; exit 99; fi"
    }
    return (["set -eu -o pipefail"] + lines).joined(separator: "\n")
  }

  private static func runPrograms(of page: Page, in scratch: Scratch) throws {
    let refx = try #require(Command.executable)
    let blocks = refx.deletingLastPathComponent().appending(path: "PageBlocks").path
    for program in page.programs where !program.needsRanks {
      let result = try run([blocks, program.name], in: scratch)
      #expect(result.code == 0, "\(program.name): \(result.text)")
    }
  }

  /// Runs a command in a folder, with `refx` and the Python package where they are found; what it says is put together.
  static func run(_ command: [String], in folder: Scratch) throws -> (code: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = folder.url
    let place = try #require(Command.executable).deletingLastPathComponent().path
    process.environment = [
      "PATH": "\(place):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")",
      "HOME": folder.url.path, "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1",
      "PYTHONPATH": Repository.folder.appending(path: "Tools/python").path,
    ]
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
