import Foundation
import Refx
import RefxIO
import Testing

/// What every command does, the one that was added last too: it needs a line here. Help, man pages and completions
/// are those of `HelpTests.commands` by themselves.
@Suite struct EveryCommandTests {
  /// Commands that read no checkpoint.
  private static let withoutFile: Set<String> = ["demo", "completions"]

  /// A line of each command that reads a checkpoint and is done with it; what it writes is new.
  private static func lines(of file: String, part: String, in scratch: Scratch) -> [String: [String]] {
    func new(_ name: String) -> String { scratch.path("\(UUID().uuidString)-\(name)") }
    return [
      "inspect": [file], "get": [file, "outer/a"], "diff": [file, file], "digest": [file], "verify": [file],
      "lint": [file], "partition": [file, "--select", "path:**=\(new("p.refx"))"],
      "merge": [part, "-o", new("w.refx")], "convert": [file, new("c.h5")],
      "tie": [file, "outer/b", "outer/c", "-o", new("t.refx")],
      "untie": [file, "outer/a", "-o", new("u.refx")], "patch": ["make", file, file, "-o", new("d.refx")],
      "graph": [file], "report": [file, "-o", new("r.html")],
    ]
  }

  /// 104 bytes of values; two arrays that are equal, one that is shared, and names that would drive a terminal.
  private static let tree: Tree<Leaf> = [
    "outer": [
      "a": first(numbers([1, 2, 3, 4] as [Float], shape: [2, 2]), 0, .name(Key(evil))),
      "b": numbers([1, 2, 3, 4] as [Int64]), "c": numbers([1, 2, 3, 4] as [Int64]),
      Key(evil): again(0, .name(Key(evil))),
    ],
    Key(evil + "2"): numbers([1, 2, 3, 4, 5, 6] as [Float]), "static": .static(.string(evil)),
  ]

  private static let evil = "a\u{1B}[2J\u{9B}31m\u{202E}\r\nb\u{7F}"

  /// The lines as they are typed, on a file that is there, each behind the name of its command.
  private static func lines(in scratch: Scratch) throws -> [(name: String, words: [String])] {
    let file = try scratch.save(tree, as: "m.refx", metadata: [Key(evil): .string(evil)])
    let part = scratch.path("part.refx")
    let made = try Command.run("partition", file, "--select", "path:**=\(part)")
    #expect(made.code == 0, "\(made.errors)")
    return lines(of: file, part: part, in: scratch).sorted { $0.key < $1.key }
      .map { ($0.key, [$0.key] + $0.value) }
  }

  @Test func everyCommandHasALine() throws {
    let known = Set(Self.lines(of: "", part: "", in: try Scratch()).keys).union(Self.withoutFile)
    #expect(Set(HelpTests.commands).subtracting(known).sorted() == [], "give these a line in `lines`")
    #expect(known.subtracting(HelpTests.commands).sorted() == [])
  }

  @Test func itIsDoneAndNoNameDrivesATerminal() throws {
    let scratch = try Scratch()
    for (name, words) in try Self.lines(in: scratch) {
      let result = try Command.run(words)
      #expect(result.code < 2 && result.signal == nil, "\(name): \(result.errors)")
      for scalar in (result.text + result.errors).unicodeScalars {
        let isHarmful =
          scalar.value < 32 && scalar != "\n" || (0x7F...0x9F).contains(scalar.value) || scalar == "\u{202E}"
        #expect(!isHarmful, "\(name): U+\(String(scalar.value, radix: 16))")
      }
    }
  }

  @Test func withJSONItPrintsOneDocument() throws {
    let scratch = try Scratch()
    for (name, words) in try Self.lines(in: scratch) {
      // The report as a document goes to standard output alone.
      let words = name == "report" ? words.dropLast(2) : words
      let result = try Command.run(words + ["--json"])
      #expect(result.code < 2, "\(name): \(result.text.prefix(200))")
      #expect(throws: Never.self, "\(name): \(result.text.prefix(200))") { try result.json() }
    }
  }

  @Test func aLimitHolds() throws {
    let scratch = try Scratch()
    for (name, words) in try Self.lines(in: scratch) {
      let result = try Command.run(words + ["--max-bytes", "10"])
      #expect(result.code != 0, "\(name)")
      let said = result.errors + result.text
      #expect(said.contains("more bytes of values than it may"), "\(name): \(said)")
    }
    let other = try Scratch()
    for (name, words) in try Self.lines(in: other) {
      #expect(try Command.run(words + ["--max-bytes", "1K"]).code < 2, "\(name)")
    }
  }

  @Test func aMissingFileIsSaid() throws {
    let scratch = try Scratch()
    let missing = scratch.path("missing.refx")
    for (name, words) in Self.lines(of: missing, part: missing, in: scratch) {
      let result = try Command.run([name] + words)
      #expect(result.code == 2, "\(name)")
      #expect((result.errors + result.text).contains("missing.refx: "), "\(name): \(result.errors)")
      let document = try Command.run([name] + words + ["--json"])
      #expect(document.code == 2, "\(name)")
      #expect(throws: Never.self, "\(name): \(document.text)") { try document.json() }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.url.path) == [])
  }

  @Test(arguments: HelpTests.commands) func itIsInTheChangelogAndOnAPage(name: String) throws {
    let pages = try FileManager.default.subpathsOfDirectory(atPath: Repository.folder.path + "/Documentation")
      .filter { $0.hasSuffix(".md") }.map { "Documentation/\($0)" }
    func isIn(_ files: [String], _ pattern: String) throws -> Bool {
      let expression = try Regex(pattern).wordBoundaryKind(.simple)
      return try files.contains {
        try String(contentsOf: Repository.folder.appending(path: $0), encoding: .utf8).contains(expression)
      }
    }
    #expect(try isIn(["CHANGELOG.md"], "`(refx )?\(name)\\b"), "CHANGELOG.md does not name it")
    #expect(try isIn(["README.md"] + pages, "refx \(name)\\b"), "no page shows it")
  }
}
