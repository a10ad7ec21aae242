import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

@Suite struct InspectCommandTests {
  @Test func theDocumentIsAsSpecified() throws {
    let scratch = try Scratch()
    let tree: Tree<Leaf> = [
      "a": [first(numbers([0, 1, 0, 1, 0, 1, 0, 1] as [Float], shape: [4, 2]), 0, "params")],
      "b": again(0, "params"), "c": first(numbers([1, 2] as [Double]), 1), "d": numbers([1, 2] as [Int64]),
      "e": .nothing, "f": .hole, "g": .static("x"), "h": .none,
    ]
    let file = try scratch.save(tree, as: "m.refx", metadata: ["by": "a test"])
    let result = try Command.run("inspect", file, "--json", "--stats", "--hash")
    #expect(result.code == 0 && result.errors == "")
    let document = try result.json()
    #expect(document.names == ["file", "format", "version", "metadata", "totals", "collections", "leaves"])
    #expect(document["file"] == .string(file))
    #expect(document["format"] == "refx" && document["version"] == 1)
    #expect(document["metadata"] == ["by": "a test"])
    #expect(
      document["totals"] == [
        "leaves": 7, "refs": 2, "shared": 1, "bytes": ["logical": 96, "unique": 64, "stored": 64],
      ])
    #expect(
      document["collections"] == [
        ["collection": "params", "refs": 1, "bytes": 32], ["collection": .null, "refs": 1, "bytes": 16],
      ])
    let leaves = try #require(document["leaves"])
    #expect(
      leaves[0]?.names == [
        "path", "kind", "index", "first", "collection", "dtype", "shape", "bytes", "stored", "sha256",
        "stats",
      ])
    #expect(leaves[0]?["path"] == ["a", "0"] && leaves[0]?["kind"] == "ref" && leaves[0]?["first"] == true)
    #expect(leaves[1]?["index"] == 0 && leaves[1]?["first"] == false && leaves[1]?["collection"] == "params")
    #expect(leaves[2]?["collection"] == .null && leaves[2]?["index"] == 1)
    #expect(leaves[3]?["kind"] == "leaf" && leaves[3]?["index"] == .null && leaves[3]?["first"] == .null)
    #expect(leaves[3]?["stats"]?["min"] == 1 && leaves[3]?["stats"]?["zeros"] == 0)
    #expect(leaves[4]?["kind"] == "nothing" && leaves[4]?["dtype"] == .null && leaves[4]?["shape"] == .null)
    #expect(leaves[4]?["hole"] == nil && leaves[5]?["hole"] == true)
    #expect(leaves[6]?["kind"] == "static" && leaves[6]?["dtype"] == "string" && leaves[6]?["shape"] == [])
    #expect(leaves[6]?["bytes"] == 0 && leaves.count == 7)
  }

  @Test func patternsAndFiltersKeepTheIndex() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    func paths(_ arguments: String...) throws -> [JSON?] {
      let leaves = try Command.run(["inspect", file, "--json"] + arguments).json()["leaves"]
      return (0..<(leaves?.count ?? 0)).map { leaves?[$0]?["path"] }
    }
    #expect(try paths("mean", "*ead") == [["head"], ["mean"]])
    #expect(try paths("--regex", "m.*n") == [["mean"]])
    #expect(try paths("--shared") == [["embedding"], ["head"]])
    #expect(try paths("--collection", "batch_stats") == [["mean"]])
    #expect(try paths("--collection", "-") == [])
    let document = try Command.run("inspect", file, "--json", "mean").json()
    #expect(document["leaves"]?[0]?["index"] == 1 && document["totals"]?["leaves"] == 6)
  }

  @Test func namesCannotDriveATerminal() throws {
    let scratch = try Scratch()
    let keys = ["\u{1B}[31mred", "e\u{301}", "é", "\u{202E}abc", "a/b", "", "line\nline"]
    let tree = Tree<Leaf>.dictionary(keys.map { (Key($0), numbers([1] as [Float])) })
    let file = try scratch.save(tree, as: "m.refx")
    let table = try Command.run("inspect", file).text
    #expect(!table.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" })
    #expect(table.contains(#"\u{1B}[31mred"#) && table.contains("a~1b") && table.contains("~2"))
    let paths = try #require(try Command.run("inspect", file, "--json").json()["leaves"])
    #expect(paths.count == keys.count)
    #expect(try Command.run("get", file, "e\u{301}").text == "1.0\n")
    #expect(try Command.run("get", file, "a~1b").code == 0)
  }

  /// Collections of each kind, a subtree with two sites, attributes, a hundred bytes of metadata.
  private static func collections(in scratch: Scratch) throws -> String {
    var attributes = NodeAttributes()
    attributes[["number"]] = [Attribute("made by", .one("a test"))]
    let tree: Tree<Leaf> = [
      "block": first(["w": numbers([0, 1, .nan, .infinity] as [Float])], 0, "params"),
      "block 2": again(0, "params"),
      "dash": first(numbers([1] as [Float]), 1, "-"), "digit": first(numbers([2] as [Float]), 2, "3"),
      "empty": first(numbers([3] as [Float]), 3, ""), "none": first(numbers([4] as [Float]), 4),
      "number": first(numbers([5] as [Float]), 5, 3),
    ]
    let metadata: JSONObject = ["by": .string(String(repeating: "x", count: 100))]
    try Checkpoint.save(
      contents: CheckpointContents(tree: tree, metadata: metadata, attributes: attributes),
      to: scratch.path("c.refx"))
    return scratch.path("c.refx")
  }

  @Test func collectionsAreChosenByTheirText() throws {
    let scratch = try Scratch()
    let file = try Self.collections(in: scratch)
    for (names, paths) in [
      (["3"], ["number"]), (["%33"], ["digit"]), (["%2D"], ["dash"]), (["-"], ["none"]), ([""], ["empty"]),
      (["params"], ["block", "block 2"]), (["3", "%33", "-"], ["digit", "none", "number"]),
    ] {
      let result = try Command.run(["inspect", file, "--json"] + names.flatMap { ["--collection", $0] })
      let leaves = try #require(try result.json()["leaves"])
      #expect(
        (0..<(leaves.count ?? 0)).map { leaves[$0]?["path"] } == paths.map { [.string($0)] }, "\(names)")
      #expect(result.errors.isEmpty)
    }
    let missing = try Command.run("inspect", file, "--collection", "parms")
    #expect(
      missing.code == 0
        && missing.errors.contains("no Ref is of the collection 'parms'; did you mean params?"))
    #expect(try Command.run("inspect", file, "--collection", "9", "-q").errors.isEmpty)
  }

  @Test func whatMatchesNothingIsSaidWithTheNearestNames() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let result = try Command.run("inspect", file, "maen", "head", "**/embeding")
    #expect(result.code == 0 && result.text.contains("\n1 of 6 leaves (32 B) · "))
    #expect(
      result.errors.contains("m.refx: the pattern 'maen' matches nothing; the nearest name is 'mean'"))
    #expect(result.errors.contains("'**/embeding' matches nothing; the nearest name is 'embedding'\n"))
    #expect(!result.errors.contains("'head'"))
    let far = try Command.run("inspect", file, "--regex", "[0-9]+")
    #expect(far.errors.contains("'[0-9]+' matches nothing; list the paths with: refx inspect"))
    #expect(try Command.run("inspect", file, "nope", "--quiet").errors.isEmpty)
    #expect(try Command.run("inspect", file, "head", "embedding").text.contains("2 of 6 leaves (32 B)"))
  }

  @Test func theTreeHasTheLinesAndNumbersOfTheTable() throws {
    let scratch = try Scratch()
    let file = try Self.collections(in: scratch)
    let tree = try Command.run("inspect", file, "--tree", "--stats").text.split(separator: "\n")
    let table = try Command.run("inspect", file, "--stats").text.split(separator: "\n")
    #expect(tree.first == table.first && tree.first?.hasSuffix("c.refx  refx 1") == true)
    #expect(
      tree.last == table.last && tree.last?.contains("sharing saves 30 %: 52 B logical, 36 B unique") == true)
    #expect(
      tree.contains { $0.contains("min 0 max 1 mean 0.5000 std 0.5000 zeros 1 nan 1 inf 1") }, "\(tree)")
    let filtered = try Command.run("inspect", file, "--tree", "**/w").text
    #expect(filtered.contains("└─ w") && filtered.contains("\n1 of 8 leaves (16 B)"))
  }

  @Test func statisticsOfWideIntegersAreExact() throws {
    let scratch = try Scratch()
    let file = try scratch.save(["a": numbers([UInt64.max, 1 << 63] as [UInt64])], as: "m.refx")
    let text = try Command.run("inspect", file, "--json", "--stats").text
    #expect(text.contains(#""min":9223372036854775808,"max":18446744073709551615,"#))
  }

  @Test func eachOptionDoesWhatItSays() throws {
    let scratch = try Scratch()
    let file = try Self.collections(in: scratch)
    func inspect(_ arguments: String...) throws -> Command.Result {
      try Command.run(["inspect", file] + arguments)
    }
    let plain = try inspect()
    let attributes = try inspect("--attributes")
    #expect(attributes.text.hasPrefix(plain.text) && attributes.text.contains("a test"))
    #expect(try inspect("--attributes", "number").errors.isEmpty)
    #expect(try inspect("--attributes", "dash").text.contains("a test") == false)
    #expect(try inspect("--attributes", "--json").json()["attributes"]?[0]?["name"] == "made by")
    #expect(try inspect("--from", "refx").output == plain.output)
    #expect(try inspect("--from", "hdf5").code == 2)
    #expect(try inspect("--max-metadata-bytes", "1M").output == plain.output)
    let refused = try inspect("--max-metadata-bytes", "20")
    #expect(refused.code == 2 && refused.errors.contains("metadata"), "\(refused.errors)")
    let progress = try inspect("--progress", "always", "--stats", "--json")
    #expect(progress.errors.contains("reading") && progress.errors.contains("100%"))
    #expect(try inspect("--stats").errors.isEmpty && progress.json()["leaves"]?.count == 8)
    let loud = try Command.run("inspect", WorkerTests.committed)
    let quiet = try Command.run("inspect", WorkerTests.committed, "--quiet")
    #expect(!loud.errors.isEmpty && quiet.errors.isEmpty && quiet.output == loud.output)
  }

  /// What is said to be saved is what copies take, and what other formats then hold.
  @Test func sharedSubtreesAreCountedForEachSite() throws {
    let scratch = try Scratch()
    let layer: Tree<Leaf> = [
      "b": numbers([1, 2] as [Float]), "w": first(numbers([Float](repeating: 1, count: 30)), 1),
    ]
    let tree: Tree<Leaf> = [
      "layers": .list([first(layer, 0)] + (0..<11).map { _ in again(0) }), "tied": again(1),
    ]
    let file = try scratch.save(tree, as: "m.refx")
    let bytes = try Command.run("inspect", file, "--json").json()["totals"]?["bytes"]
    #expect(bytes?["logical"] == 1656 && bytes?["unique"] == 128)
    let copy = scratch.path("m.npz")
    #expect(try Command.run("convert", file, copy, "--shared", "duplicate").code == 0)
    let copied = try Command.run("inspect", copy, "--json").json()["totals"]?["bytes"]
    #expect(copied?["unique"] == bytes?["logical"] && copied?["logical"] == bytes?["logical"])
    let text = try Command.run("inspect", file).text
    #expect(text.contains("sharing saves 92 %: 1.66 kB logical, 128 B unique, "))
    let graph = try Command.run("graph", file).text
    #expect(graph.contains("2 shared values at 14 sites, which saves 1.53 kB"), "\(graph)")
    #expect(graph.contains(#"tree of 2 arrays\n128 B, 12 sites"#))
    let page = try Command.run("report", file, "-o", "-").text
    #expect(page.contains("Sharing saves 92 %: 1.66 kB logical, 128 B unique"))
    #expect(page.contains(#""inside":[[0,128]]}"#))
  }
}
