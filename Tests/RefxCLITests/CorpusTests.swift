import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// Real files of other makers, where they stand beside the repository.
@Suite struct CorpusTests {
  static let keras = "hdf5/deepcut__cnn_without_ne_ab.h5"
  static let silero = "safetensors/silero__silero_vad_16k.safetensors"

  static func isThere(_ name: String) -> Bool {
    if Repository.corpus(name) != nil { return true }
    print("skipped: ../shared/corpus/\(name) is not there")
    return false
  }

  @Test(arguments: [keras, silero]) func realFilesGoThroughEverything(name: String) throws {
    guard CorpusTests.isThere(name), let original = Repository.corpus(name)?.path else { return }
    let scratch = try Scratch()
    let digest = try Command.run("digest", original)
    #expect(digest.code == 0, "\(digest.errors)")
    #expect(try Command.run("convert", original, scratch.path("a.refx")).code == 0)
    #expect(try Command.run("convert", scratch.path("a.refx"), scratch.path("b.h5")).code == 0)
    for file in ["a.refx", "b.h5"] {
      #expect(try Command.run("digest", scratch.path(file)).text == digest.text)
      #expect(try Command.run("diff", original, scratch.path(file)).code == 0)
      #expect(try Command.run("verify", scratch.path(file)).code == 0)
    }
    #expect(
      try Command.run(
        "partition", original, "--select", "path:**/*bias*=\(scratch.path("bias.refx"))", "--rest",
        scratch.path("r.h5")
      ).code == 0)
    #expect(
      try Command.run("merge", scratch.path("bias.refx"), scratch.path("r.h5"), "-o", scratch.path("m.refx"))
        .code == 0)
    #expect(try Command.run("digest", scratch.path("m.refx")).text == digest.text)

    let tied = try Checkpoint.open(scratch.path("a.refx")).contents.tree
    let leaf = try #require(try Listing(of: tied).rows.first { $0.leaf != nil }?.leaf)
    let pair: Tree<Leaf> = ["a": first(.leaf(leaf), 0), "b": again(0), "all": .none]
    let apart: Tree<Leaf> = ["a": first(.leaf(leaf), 0), "b": first(.leaf(leaf), 1), "all": .none]
    let diff = try Command.run(
      "diff", scratch.save(pair, as: "tied.refx"), scratch.save(apart, as: "untied.refx"), "--json")
    #expect(
      try diff.json()["counts"] == ["structure": 0, "topology": 1, "collection": 0, "type": 0, "value": 0])
  }

  /// All of them: path, dtype, shape and hash of each array, ties, and the same again from `.refx`, HDF5, safetensors
  /// and npz.
  @Test func everyRealFileIsWhatItsOwnLibraryReads() throws {
    guard CorpusTests.isThere("manifest.json.gz"), let corpus = Repository.corpus("manifest.json.gz") else {
      return
    }
    let check = Repository.folder.appending(path: "Tools/checks/corpus").path
    let folder = corpus.deletingLastPathComponent().path
    let result = try Command.shell("'\(check)' --refx \"$REFX\" --corpus '\(folder)'", in: Scratch())
    #expect(result.code == 0, "\(result.text)")
    #expect(result.text.contains(" 0 violations"), "\(result.text) \(result.errors)")
  }

  @Test(arguments: [keras, silero]) func hashesAreTheOracles(name: String) throws {
    guard CorpusTests.isThere(name), let file = Repository.corpus(name)?.path,
      let manifest = Repository.corpus("manifest.json.gz")?.path
    else { return }
    let unpacked = Process()
    unpacked.executableURL = URL(fileURLWithPath: "/bin/gzip")
    unpacked.arguments = ["-dc", manifest]
    let pipe = Pipe()
    unpacked.standardOutput = pipe
    try unpacked.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    unpacked.waitUntilExit()
    let entries = try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    let oracle = try #require(entries.first { $0["path"] as? String == name }?["oracle"] as? [String: Any])
    let arrays = (oracle["datasets"] ?? oracle["tensors"]) as? [[String: Any]]
    var expected: Set<String> = []
    for array in try #require(arrays) {
      if let hash = array["sha256_le_c"] as? String { expected.insert(hash) }
    }
    #expect(!expected.isEmpty)
    let leaves = try #require(try Command.run("inspect", file, "--hash", "--json").json()["leaves"])
    var found: Set<String> = []
    for row in 0..<(leaves.count ?? 0) {
      if case .string(let hash)? = leaves[row]?["sha256"] { found.insert(hash) }
    }
    #expect(found == expected)
  }
}
