import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// What every format of `Formats.all` has beside its code. The store contract (`StoreContractTests`), the fuzzer
/// (`ReplayTests`) and the damage check go through the same list.
@Suite struct EveryFormatTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../..").standardizedFileURL

  private static let names = Formats.all.stores.map { $0.format.name }
  private static let written = Formats.all.stores.filter { $0.format.canWrite }.map { $0.format.name }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: repository.appending(path: path), encoding: .utf8)
  }

  /// Whether `text` has the name as a word.
  private static func has(_ name: String, in text: some StringProtocol) throws -> Bool {
    let word = try Regex("\\b\(name)\\b").ignoresCase().wordBoundaryKind(.simple)
    return String(text).contains(word)
  }

  @Test(arguments: names) func theReadmeHasARowForIt(_ name: String) throws {
    let readme = try Self.text("README.md")
    let rows = try #require(readme.split(separator: "\n## ").first { $0.hasPrefix("What lies on disk") })
      .split(separator: "\n").filter { $0.hasPrefix("|") }
    let firstCells = rows.compactMap { $0.split(separator: "|").first }
    #expect(
      try firstCells.contains { try Self.has(name, in: $0) }, "no row for \(name) under \"What lies on disk\""
    )
  }

  /// A page of `Documentation` that has the format's name or names it in its first lines, and which the site's index
  /// lists.
  @Test(arguments: names) func aPageIsAboutIt(_ name: String) throws {
    let index = try Self.text("Documentation/RefxIO.docc/RefxIO.md")
    let folder = Self.repository.appending(path: "Documentation").path
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".md") }
    let about = try pages.filter { page in
      let start = try Self.text("Documentation/\(page)").split(separator: "\n").prefix(6)
      return try page == "\(name).md" || Self.has(name, in: start.joined(separator: " "))
    }
    #expect(
      about.contains { index.contains("<doc:\($0.dropLast(3))>") },
      "no page of Documentation begins with \(name) and stands in RefxIO.docc/RefxIO.md")
  }

  @Test(arguments: names) func theChangelogNamesIt(_ name: String) throws {
    #expect(try Self.has(name, in: Self.text("CHANGELOG.md")))
  }

  @Test(arguments: names) func itHasAConstant(_ name: String) throws {
    let formats = try Self.text("Sources/RefxIO/Checkpoint/Formats.swift")
    #expect(
      formats.contains("public static let \(name): FormatName = \"\(name)\""), "FormatName has no .\(name)")
  }

  /// `convert --flatten` leaves joining the keys to formats that do it, and keep the structure beside the names.
  @Test(arguments: written) func whoJoinsKeysToNamesSaysSo(_ name: String) throws {
    let store = try Formats.all.named(FormatName(rawValue: name))
    let leaf = Tree<Leaf>.leaf(Leaf(Float(1)))
    let files = try? [".", "_"].map { separator in
      let target = MemoryTarget()
      try store.write(
        CheckpointContents(tree: ["a": ["b": leaf], "c": leaf]), to: target,
        options: WriteOptions(flattenSeparator: separator))
      return target.bytes
    }
    // One that refuses a dictionary has no names to join.
    #expect((files.map { $0[0] != $0[1] } ?? true) == store.format.holdsNamesAlone)
  }
}
