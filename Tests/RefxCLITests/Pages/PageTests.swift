import Foundation
import Testing

/// Every block of Swift and of shell on the pages of the documentation is run, or says why it is not.
@Suite struct PageTests {
  private static let sourcePath = Repository.folder.appending(path: "Tests/PageBlocks/Pages.swift")

  /// The pages with something to run. The blocks of the page about Python are run by `Tools/python-test`.
  static let runnable = Page.all.filter { page in
    page.path != "Documentation/python.md" && !(page.programs.isEmpty && page.scripts.isEmpty)
  }

  @Test func theProgramsAreThoseOfThePages() throws {
    let source = Page.source(of: PageTests.runnable)
    if ProcessInfo.processInfo.environment["REFX_UPDATE_FIXTURES"] != nil {
      try source.write(to: PageTests.sourcePath, atomically: true, encoding: .utf8)
    }
    let built = try String(contentsOf: PageTests.sourcePath, encoding: .utf8)
    #expect(
      built == source,
      "a page has changed: REFX_UPDATE_FIXTURES=1 swift test --filter PageTests, then build again")
  }

  /// The programs of a page, then its shell blocks, in one folder.
  @Test(arguments: runnable) func thePageRuns(_ page: Page) throws {
    let scratch = try Scratch()
    let refx = try #require(Command.executable)
    let blocks = refx.deletingLastPathComponent().appending(path: "PageBlocks").path
    for program in page.programs {
      let result = try PageTests.run([blocks, program.name], in: scratch)
      #expect(result.code == 0, "\(program.name): \(result.text)")
    }
    for block in page.scripts {
      let script = PageTests.script(of: (block.setup.map { $0 + "\n" } ?? "") + block.text)
      let result = try PageTests.run(["/bin/bash", "-c", script], in: scratch)
      #expect(result.code == 0, "\(page.path):\(block.line): \(result.text)")
    }
  }

  @Test func everyBlockIsRunOrSaysWhy() {
    var run = 0
    for page in Page.all where page.path != "Documentation/python.md" {
      let first = page.programs.first?.blocks.first
      #expect(first == nil || first!.text.hasPrefix("import "), "\(page.path): the first block has no import")
      for block in page.blocks {
        switch block.language {
        case "swift", "sh":
          if block.excuse == nil { run += 1 }
        case "bash", "shell", "console", "python":
          #expect(block.excuse != nil, "\(page.path):\(block.line): is neither run nor says why")
        case "", "toml", "json", "text": break
        default: Issue.record("\(page.path):\(block.line): nobody knows how to run '\(block.language)'")
        }
        if let excuse = block.excuse {
          #expect(
            excuse.contains(": ") && excuse.count > 20,
            "\(page.path):\(block.line): '\(excuse)' is no reason")
        }
      }
    }
    #expect(run >= 55, "\(run) blocks are run")
  }

  @Test func aPageIsReadAsItIsWritten() {
    let page = """
      words
      <!-- not run: needs a cluster -->
      ```sh
      launch
      ```
      <!-- setup
      touch x
      -->
      ```sh
      ls x
      ```
      ```swift
      import RefxIO
      ```
      """
    let blocks = Page.blocks(of: page)
    #expect(blocks.map(\.language) == ["sh", "sh", "swift"])
    #expect(blocks.map(\.line) == [3, 9, 12])
    #expect(blocks.map(\.excuse) == ["not run: needs a cluster", nil, nil])
    #expect(blocks.map(\.setup) == [nil, "touch x", nil])
    #expect(blocks[1].text == "ls x\n")
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

  @Test func aScriptFailsWhereACommandDoes() throws {
    let scratch = try Scratch()
    for (text, passes) in [
      ("true\nfalse\ntrue\n", false), ("false  # exits with 1\n", true), ("true  # exits with 1\n", false),
    ] {
      let result = try PageTests.run(["/bin/bash", "-c", PageTests.script(of: text)], in: scratch)
      #expect((result.code == 0) == passes, "\(text)")
    }
  }

  /// Runs a command in a folder, with `refx` on its path; what it says is put together.
  private static func run(_ command: [String], in folder: Scratch) throws -> (code: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = folder.url
    let place = try #require(Command.executable).deletingLastPathComponent().path
    process.environment = ["PATH": "\(place):/usr/bin:/bin", "COLUMNS": "80"]
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
