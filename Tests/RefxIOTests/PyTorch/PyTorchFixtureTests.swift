import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// Files that torch wrote (`Tools/foreign/make_pytorch.py`), with what torch says is in them.
@Suite struct PyTorchFixtureTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/foreign/pytorch").standardizedFileURL

  private struct Facts: Decodable {
    struct Expected: Decodable {
      let path: [String]
      let dtype: String
      let shape: [Int]
      let sha256: String
    }
    struct Text: Decodable {
      let path: [String]
      let text: String
    }
    let leaves: [Expected]?
    let texts: [Text]?
    let nones: [[String]]?
    let shared: [[[String]]]?
    let warnings: [String]?
    let unsupported: [[String]]?
    let refused: [String]?
    /// What `verify` finds.
    let problems: [String]?
  }

  private static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
  }()

  @Test func thereAreFiles() { #expect(Self.names.count > 40) }

  @Test(arguments: names) func whatTorchWroteIsRead(name: String) throws {
    let facts = try JSONDecoder().decode(
      Facts.self, from: Data(contentsOf: Self.folder.appending(path: name + ".json")))
    let path = Self.folder.appending(path: name + ".pt").path
    if let refused = facts.refused {
      let error = #expect(throws: RefxError.self) { try Checkpoint.open(path) }
      let sentence = error?.summary ?? ""
      #expect(sentence.hasPrefix(path + ": "))
      for word in refused { #expect(sentence.contains(word), "\(sentence)") }
      #expect(!FileManager.default.fileExists(atPath: "/tmp/refx-pickle-was-run"))
      return
    }
    let opened = try Checkpoint.open(path)
    #expect(opened.format == "pytorch")
    let sites = try PyTorchFiles.sites(of: opened.contents.tree)
    func site(_ keys: [String]) throws -> PyTorchFiles.Found {
      try #require(sites[Path(keys.map { Key($0) })], "nothing at \(keys)")
    }
    for expected in facts.leaves ?? [] {
      guard case .leaf(let leaf) = try site(expected.path).content else {
        Issue.record("no leaf at \(expected.path)")
        continue
      }
      #expect(leaf.dtype.name == expected.dtype && leaf.shape == expected.shape, "\(expected.path)")
      let hash = hexadecimal(try LeafHashes().sha256(of: leaf, at: .root))
      #expect(hash == expected.sha256, "\(expected.path)")
    }
    for expected in facts.texts ?? [] {
      guard case .static(.string(let text)) = try site(expected.path).content else {
        Issue.record("no text at \(expected.path)")
        continue
      }
      #expect(text == expected.text)
    }
    for keys in facts.nones ?? [] { #expect(try site(keys).content.isNone, "\(keys)") }
    // Exactly these are shared.
    var groups: [Int: Set<Path>] = [:]
    for (path, site) in sites { if let index = site.index { groups[index, default: []].insert(path) } }
    let expected = (facts.shared ?? []).map { Set($0.map { Path($0.map { Key($0) }) }) }
    #expect(Set(groups.values) == Set(expected))
    for word in facts.warnings ?? [] { #expect(opened.warnings.joined(separator: "\n").contains(word)) }
    if facts.warnings?.isEmpty ?? true { #expect(opened.warnings == []) }
    let unsupported = try opened.contents.tree.unsupportedLeaves().map { $0.path.keys.map(\.string) }
    #expect(unsupported == facts.unsupported ?? [])
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.count == facts.problems?.count ?? 0)
    for (problem, words) in zip(problems, facts.problems ?? []) { #expect(problem.what.contains(words)) }
    if facts.leaves == nil { return }
    // Numbers stay where they are told to: everything there is was expected.
    let leafCount = sites.values.count { if case .leaf = $0.content { true } else { false } }
    if facts.unsupported?.isEmpty ?? true { #expect(leafCount == facts.leaves?.count) }
  }

  /// What is converted has the same digest.
  @Test(arguments: ["tied", "optimizer", "strided", "containers", "tied-legacy", "held-twice", "dtypes"])
  func theDigestStaysInRefx(name: String) throws {
    let opened = try Checkpoint.open(Self.folder.appending(path: name + ".pt").path)
    let bytes = try Checkpoint.encode(contents: opened.contents)
    let again = try RefxFormat.open(
      InputFile(MemoryBytes(sharing: bytes), name: "again"), options: OpenOptions())
    #expect(try again.contents.tree.digest() == opened.contents.tree.digest())
  }

  /// Content decides, whatever the file is called.
  @Test func filesAreRecognisedByTheirContent() throws {
    for name in [
      "tied", "tied-legacy", "legacy-protocol0", "legacy-protocol1", "legacy-protocol5", "packed", "tar",
    ] {
      let bytes = Array(try Data(contentsOf: Self.folder.appending(path: name + ".pt")))
      for suffix in name == "packed" ? [".bin", ".ckpt", ".pth"] : [".bin", ".npz", ".h5", ""] {
        let file = InputFile(MemoryBytes(sharing: bytes), name: "a" + suffix)
        #expect(try Formats.all.store(of: file).format.name == "pytorch", "\(name)\(suffix)")
      }
    }
    let arrays = NumPyFiles.archive([("a.npy", NumPyFiles.array("'|u1'", "(1,)", [1]))])
    for name in ["a.pt", "a.bin", "a.npz"] {
      let file = InputFile(MemoryBytes(sharing: arrays), name: name)
      #expect(try Formats.all.store(of: file).format.name == "npz")
    }
  }
}

extension Site<Leaf>.Content {
  fileprivate var isNone: Bool { if case .none = self { true } else { false } }
}
