import Foundation
import Testing

/// ARCHITECTURE.md against the sources: who imports whom, and whether what it names is there.
@Suite struct ArrowTests {
  /// What the files of each module may import.
  static let arrows: [String: Set<String>] = {
    let formats: Set = ["Refx", "RefxStore"]
    return [
      // The standard library alone, of which Synchronization is a part.
      "Refx": ["Synchronization"],
      "RefxStore": [
        "Refx", "Synchronization", "Glibc", "CFiles", "CShuffle", "CZlib", "CISAL", "CXXHash", "CCrypto",
      ],
      "RefxHDF5": formats.union(["Synchronization", "Glibc", "CHDF5", "CConfine"]),
      "RefxIO": formats.union(["RefxHDF5", "Synchronization", "Glibc", "CTOML", "CPCRE2"]),
      "RefxDistributed": formats.union(["RefxIO", "Synchronization", "Glibc"]),
      "RefxCLI": formats.union(["RefxIO", "Synchronization", "Glibc", "ArgumentParser"]),
      "RefxMain": ["RefxCLI", "Glibc"],
      "RefxMPI": formats.union(["RefxDistributed", "CMPI"]),
      "RefxMPICommand": formats.union(["RefxIO", "RefxDistributed", "RefxMPI", "RefxCLI", "Glibc"]),
      "RefxBench": formats.union(["RefxIO", "RefxBenchC", "Glibc"]),
      "TrainText": formats.union(["RefxIO", "Synchronization", "Glibc"]),
    ]
  }()

  private static let sources = Repository.folder.appending(path: "Sources")

  private static func swiftFiles(below folder: URL) throws -> [URL] {
    let found = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    return try #require(found).compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
  }

  /// The modules that a file imports.
  static func imports(in text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      var words = line.split(separator: " ").drop { $0.hasPrefix("@") || $0 == "public" || $0 == "package" }
      guard words.popFirst() == "import" else { return nil }
      let module = words.first {
        !["struct", "class", "enum", "protocol", "func", "var", "let"].contains($0)
      }
      return module?.split(separator: ".").first.map(String.init)
    }
  }

  @Test func everyModuleOfSwiftIsListed() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
    let modules = try folders.filter { try !Self.swiftFiles(below: Self.sources.appending(path: $0)).isEmpty }
    #expect(Set(modules) == Set(Self.arrows.keys))
  }

  @Test(arguments: arrows.keys.sorted()) func importsFollowTheArrows(module: String) throws {
    let allowed = try #require(Self.arrows[module])
    let files = try Self.swiftFiles(below: Self.sources.appending(path: module))
    #expect(!files.isEmpty)
    for file in files {
      for imported in Self.imports(in: try String(contentsOf: file, encoding: .utf8)) {
        #expect(allowed.contains(imported), "\(module)/\(file.lastPathComponent) imports \(imported)")
      }
    }
  }

  @Test func importsAreFoundHoweverTheyAreWritten() {
    let text = "import A\n@_exported import B\n  import C\nimport struct D.E  // why\nimported F\n// import G"
    #expect(Self.imports(in: text) == ["A", "B", "C", "D"])
  }

  /// No type of a format's folder is named in another's: what two of them need lies in Flattening, or below.
  @Test func formatsDoNotNameEachOther() throws {
    let foreign = Self.sources.appending(path: "RefxIO/Foreign")
    let folders = try FileManager.default.contentsOfDirectory(atPath: foreign.path)
    var words: [String: Set<Substring>] = [:]
    var types: [String: Set<Substring>] = [:]
    for folder in folders where folder != "Flattening" {
      let lines = try Self.swiftFiles(below: foreign.appending(path: folder)).flatMap {
        try String(contentsOf: $0, encoding: .utf8).split(separator: "\n")
      }
      words[folder] = Set(lines.flatMap(Self.words))
      types[folder] = Set(lines.compactMap(Self.typeDeclared))
    }
    #expect(words.count > 5)
    for (folder, names) in types {
      #expect(names.contains { $0.hasSuffix("Store") }, "\(folder)")
      for (other, said) in words where other != folder {
        #expect(names.isDisjoint(with: said), "\(other) names \(names.intersection(said)) of \(folder)")
      }
    }
  }

  /// The type that a line declares at the top of its file.
  static func typeDeclared(_ line: Substring) -> Substring? {
    let kinds: Set<Substring> = ["struct", "class", "enum", "actor", "protocol", "typealias"]
    guard line.first?.isWhitespace == false, !line.hasPrefix("//") else { return nil }
    let words = words(line)
    let kind = words.firstIndex(where: kinds.contains)
    return kind.flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
  }

  /// The words of a line's code, without its comment.
  static func words(_ line: Substring) -> [Substring] {
    let code = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
    return code.split { !($0.isLetter || $0.isNumber || $0 == "_") }
  }

  @Test func typesAreFoundHoweverTheyAreDeclared() {
    let lines = [
      "struct A {", "public final class B: C {", "  enum D {", "// struct E", "extension F {",
      "typealias G = H",
    ]
    #expect(lines.compactMap { Self.typeDeclared($0[...]) } == ["A", "B", "G"])
    #expect(Self.words("let a = Some.other(2) // of NumPy") == ["let", "a", "Some", "other", "2"])
  }

  /// The files and folders that ARCHITECTURE.md names, by the end of their paths.
  @Test func whatArchitectureNamesIsThere() throws {
    let page = try String(
      contentsOf: Repository.folder.appending(path: "ARCHITECTURE.md"), encoding: .utf8)
    var known: Set<String> = []
    for top in ["Sources", "Tests", "Documentation", "Tools"] {
      let found = FileManager.default.enumerator(atPath: Repository.folder.appending(path: top).path)
      for case let path as String in try #require(found) {
        let parts = [top] + path.split(separator: "/").map(String.init)
        for first in parts.indices { known.insert(parts[first...].joined(separator: "/")) }
      }
    }
    let named = page.matches(of: try Regex("`([A-Za-z0-9/+.]+/[A-Za-z0-9/+.]*)`"))
      .compactMap { $0.output[1].substring.map { $0.hasSuffix("/") ? String($0.dropLast()) : String($0) } }
    #expect(named.count > 20)
    for path in named {
      #expect(known.contains(path) || known.contains(path + ".swift"), "\(path) is not there")
    }
  }
}
