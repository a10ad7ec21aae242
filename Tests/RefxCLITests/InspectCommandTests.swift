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
}
