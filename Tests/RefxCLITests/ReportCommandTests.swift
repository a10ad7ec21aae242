import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

@Suite struct ReportCommandTests {
  private static func members(_ json: JSON?) -> [JSON] {
    if case .array(let members)? = json { members } else { [] }
  }

  private static func int(_ json: JSON?) -> Int {
    if case .integer(let number)? = json { Int(number) } else { -1 }
  }

  /// A model with every kind of row.
  private static func tree(step: Int64 = 7) -> Tree<Leaf> {
    [
      "deep": ["a": [first(["x": numbers([1.5, .nan, .infinity] as [Double])], 0, 4), again(0, 4)]],
      "embedding": first(numbers([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [4, 2]), 1, "params"),
      "head": again(1, "params"), "hole": .hole, "large": numbers([.max, .min] as [Int64]),
      "name": .static("relu"),
      "none": .none, "nothing": .nothing, "step": numbers([step] as [Int64], shape: []),
    ]
  }

  /// The data of a page, its leaves as those of `report --json`.
  private static func data(_ page: String) throws -> JSON {
    let start = try #require(page.range(of: #"<script type="application/json" id="data">"#)).upperBound
    let end = try #require(page.range(of: "</script>", range: start..<page.endIndex)).lowerBound
    return try Array(page[start..<end].utf8).withUnsafeBytes { try JSON.parse($0) }
  }

  @Test func theDocumentIsThatOfInspectAndDiff() throws {
    let scratch = try Scratch()
    let file = try scratch.save(ReportCommandTests.tree(), as: "a.refx", metadata: ["by": "a test"])
    let other = try scratch.save(ReportCommandTests.tree(step: 8), as: "b.refx")
    let document = try Command.run("report", file, "--json").json()
    let inspected = try Command.run("inspect", file, "--json", "--stats", "--hash").json()
    for name in ["file", "format", "version", "metadata", "totals", "collections"] {
      #expect(document[name] == inspected[name], "\(name)")
    }
    let rows = ReportCommandTests.members(document["leaves"]).map { row -> JSON in
      guard case .object(var object) = row else { return row }
      object["histogram"] = nil
      return .object(object)
    }
    #expect(rows == ReportCommandTests.members(inspected["leaves"]) && rows.count == 10)
    #expect(document["digest"] == (try Command.run("digest", file, "--json").json()))
    #expect(document["diff"] == nil && document["other"] == nil)
    let both = try Command.run("report", file, other, "--json")
    #expect(both.code == 0)
    #expect(try both.json()["diff"] == Command.run("diff", file, other, "--json").json())
    #expect(try both.json()["other"]?["file"] == .string(other))
  }

  @Test func thePageHasTheSameData() throws {
    let scratch = try Scratch()
    let file = try scratch.save(ReportCommandTests.tree(), as: "a.refx", metadata: ["by": "a test"])
    let other = try scratch.save(ReportCommandTests.tree(step: 8), as: "b.h5")
    let document = try Command.run("report", file, other, "--json").json()
    let page = try Command.run("report", file, other, "-o", "-")
    #expect(page.code == 0 && page.errors == "")
    let data = try ReportCommandTests.data(page.text)
    for name in document.names where name != "leaves" { #expect(data[name] == document[name], "\(name)") }
    let words = ReportCommandTests.members(data["words"])
    let rows = ReportCommandTests.members(document["leaves"])
    let cells = ReportCommandTests.members(data["leaves"])
    #expect(cells.count == rows.count)
    var path: [JSON] = []
    for (row, cells) in zip(rows, cells) {
      path = Array(path.prefix(ReportCommandTests.int(cells[0]))) + ReportCommandTests.members(cells[1])
      #expect(.array(path) == row["path"])
      let kind = words[ReportCommandTests.int(cells[2])]
      #expect(kind == (row["hole"] == true ? "hole" : row["kind"]))
      #expect(cells[3] == (row["index"] == .null ? -1 : row["index"]))
      #expect(words[ReportCommandTests.int(cells[4])] == row["collection"])
      #expect(words[ReportCommandTests.int(cells[5])] == row["dtype"])
      #expect(cells[6] == row["shape"] && cells[7] == row["bytes"] && cells[8] == row["stored"])
      guard row["first"] != false, let stats = row["stats"], stats != .null else {
        #expect(cells[9] == 0 && cells[10] == 0)
        continue
      }
      for (position, name) in ["min", "max", "mean", "std", "zeros", "nan", "inf"].enumerated() {
        // A script's numbers do not hold the largest integers.
        if case .string(let text)? = cells[9]?[position], case .integer(let number)? = stats[name] {
          #expect(text == "\(number)" && number.magnitude >= 1 << 53)
        } else {
          #expect(cells[9]?[position] == stats[name], "\(name)")
        }
      }
      let histogram = try #require(row["histogram"])
      #expect(
        cells[10]
          == .array(
            [histogram["exponent"]!, histogram["first"]!] + ReportCommandTests.members(histogram["counts"])))
    }
  }

  @Test func nothingOutOfAFileLeavesItsPlace() throws {
    let scratch = try Scratch()
    let names = [
      "</script><script>alert(1)</script>", "<!--", "-->", "<script>", "]]>", "\u{2028}\u{2029}", "&lt;",
      "'\"`${x}",
      "\u{202E}abc", "</title>", "<img src=x onerror=alert(1)>", "__proto__", "constructor",
    ]
    let tree = Tree<Leaf>.dictionary(
      names.enumerated().map { position, name in
        (
          Key(name),
          [
            Key("1" + name): first(.static(.string(name)), position, .name(name)),
            Key("2" + name): again(position, .name(name)),
          ]
        )
      })
    let metadata = JSONObject(names.map { .init(Key($0), .string($0)) })
    let file = try scratch.save(tree, as: "<script>alert(2)<\\script>&'\".refx", metadata: metadata)
    let plain = try scratch.save(smallModel(), as: "plain.refx")
    for arguments in [[file], [file, plain], [plain, file]] {
      let page = try Command.run(["report"] + arguments + ["-o", "-"]).text
      // The data's end and the script's, and no other; nothing that a browser reads in another way.
      #expect(
        page.components(separatedBy: "</script").count == 3
          && page.components(separatedBy: "<script").count == 3)
      #expect(
        !page.contains("<!--") && !page.contains("<img") && !page.contains("\u{2028}")
          && !page.contains("\u{202E}abc</h1>"))
      #expect(page.components(separatedBy: "</title>").count == 2)
      let data = try ReportCommandTests.data(page)
      let inspected = try Command.run("inspect", arguments[0], "--json").json()
      #expect(data["metadata"] == inspected["metadata"])
      #expect(data["file"] == .string(arguments[0]))
    }
    let data = try ReportCommandTests.data(try Command.run("report", file, "-o", "-").text)
    let said = Set(ReportCommandTests.members(data["words"]))
    for name in names { #expect(said.contains(.string(name))) }
  }

  @Test func thePageStandsAloneAndIsTheSameEachTime() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let page = try Command.run("report", file, "-o", "-")
    #expect(try Command.run("report", file, "-o", "-").output == page.output)
    let text = page.text
    #expect(text.hasPrefix("<!DOCTYPE html>\n") && text.hasSuffix("</html>\n"))
    for word in ["src=", "href=", "@import", "url(", "fetch(", "innerHTML", "document.write", "eval("] {
      #expect(!text.contains(word), "\(word)")
    }
    // The one address is the name of SVG's elements.
    #expect(
      text.components(separatedBy: "http").count == 3 && text.contains("http-equiv")
        && text.contains("http://www.w3.org/2000/svg"))
    #expect(text.contains("default-src 'none'"))
    // The policy lets the script and the style run that are there, and no other.
    for (name, open, close) in [("script", "<script>", "</script>"), ("style", "<style>", "</style>")] {
      let start = try #require(text.range(of: open)).upperBound
      let end = try #require(text.range(of: close, range: start..<text.endIndex)).lowerBound
      let hash = Data(SHA256.of(Array(text[start..<end].utf8))).base64EncodedString()
      #expect(text.contains("\(name)-src 'sha256-\(hash)'"), "\(name)")
    }
    #expect(text.contains("Sharing saves"))
  }

  @Test func thePageIsWrittenAsOtherFilesAre() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let out = scratch.path("m.html")
    let made = try Command.run("report", file, "-o", out)
    #expect(made.code == 0 && made.text.contains("Sharing saves") && made.errors == "")
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == Command.run("report", file, "-o", "-").output)
    let again = try Command.run("report", file, "-o", out)
    #expect(again.code == 2 && again.errors.contains("--force"))
    #expect(try Command.run("report", file, "-o", out, "--force", "--quiet").output.isEmpty)
    #expect(try Command.run("report", file, "-o", scratch.url.path, "--force").code == 2)
    for arguments in [[file], [file, "--json", "-o", out], ["-", "-", "-o", out]] {
      let refused = try Command.run(["report"] + arguments)
      #expect(
        refused.code == 2 && refused.output.isEmpty || refused.text.contains("\"error\""), "\(arguments)")
    }
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(try Command.run(["report", "-", file, "--json"], input: bytes).json()["diff"]?["equal"] == true)
    #expect(
      try Command.run("report", file, "-o", out, "--force", "--progress", "always").errors.contains("reading")
    )
    #expect(try Command.run("report", file, "--from", "hdf5", "-o", "-").code == 2)
    #expect(try Command.run("report", file, "--max-nodes", "2", "-o", "-").code == 2)
  }

  @Test func withoutValuesNoPayloadIsRead() throws {
    let scratch = try Scratch()
    let tree: Tree<Leaf> = ["a": numbers([Float](repeating: 3, count: 5000))]
    let file = try scratch.save(tree, as: "m.refx")
    let other = try scratch.save(["a": numbers([Float](repeating: 4, count: 5000))], as: "n.refx")
    let document = try Command.run("report", file, other, "--json", "--no-values").json()
    #expect(document["digest"] == .null && document["leaves"]?[0]?["stats"] == nil)
    #expect(document["diff"]?["equal"] == true)
    // Damage in the payload is found by whoever reads it.
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    let opened = try Checkpoint.open(file)
    let stored = try #require(
      try opened.contents.tree.sites().compactMap { site -> Int? in
        if case .leaf(let leaf) = site.content { leaf.source.storedByteCount } else { nil }
      }.first)
    #expect(stored > 8)
    for place in 64..<bytes.count / 2 { bytes[place] ^= 0x5A }
    let damaged = try scratch.write(bytes, as: "d.refx")
    let read = try Command.run("report", damaged, "--json")
    #expect(read.code == 2 && read.text.contains("\"error\""))
    #expect(try Command.run("report", damaged, "-o", scratch.path("d.html")).code == 2)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("d.html")))
  }

  @Test func whatCannotBeRepresentedIsListedAndNotCompared() throws {
    let file = WorkerTests.committed
    let document = try Command.run("report", file, "--json").json()
    let kinds = ReportCommandTests.members(document["leaves"]).map { $0["kind"] }
    #expect(kinds.contains("unsupported") && document["digest"] == .null)
    #expect(try Command.run("report", file, file, "--json").code == 2)
    #expect(
      try Command.run("report", file, file, "--json", "--skip-unsupported", "-q").json()["diff"]?["equal"]
        == true)
  }

  @Test func thousandsOfLeavesAreAFewMegabytes() throws {
    let scratch = try Scratch()
    let tree = Tree<Leaf>.list(
      (0..<500).map { block in
        .list(
          (0..<20).map { row in
            if row == 19, block > 0 { return again(0) }
            let leaf = numbers((0..<32).map { Float(($0 * 37 + row * 11 + block) % 101) / 50 - 1 })
            if block == 0, row == 0 { return first(leaf, 0) }
            return leaf
          })
      })
    let file = try scratch.save(tree, as: "m.refx")
    let page = try Command.run("report", file, "-o", "-").output
    #expect(page.count < 4_000_000 && page.count > 500_000)
    #expect(try ReportCommandTests.data(String(decoding: page, as: UTF8.self))["leaves"]?.count == 10_000)
  }

  @Test func eachOptionDoesWhatItSays() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    func page(_ arguments: String...) throws -> Command.Result {
      try Command.run(["report", file, "-o", "-"] + arguments)
    }
    let plain = try page()
    #expect(try page("--from", "refx").output == plain.output && page("--from", "npz").code == 2)
    #expect(try page("--color", "always").output == plain.output)
    #expect(try page("--max-depth", "0").errors.contains("more levels than it may"))
    let bare = try page("--no-values")
    let data = try ReportCommandTests.data(bare.text)
    #expect(data["has"] == ["values": false, "histograms": false] && data["digest"] == .null)
    #expect(ReportCommandTests.members(data["leaves"]).allSatisfy { $0[9] == 0 && $0[10] == 0 })
    #expect(try ReportCommandTests.data(plain.text)["has"] == ["values": true, "histograms": true])
  }

  /// A little is not nothing.
  @Test func smallSavingsAreNotRoundedAway() throws {
    let scratch = try Scratch()
    let tree: Tree<Leaf> = [
      "a": first(numbers([1] as [Float]), 0), "b": again(0),
      "large": numbers([Float](repeating: 1, count: 100_000)),
    ]
    let file = try scratch.save(tree, as: "m.refx")
    #expect(
      try Command.run("report", file, "-o", "-").text.contains("Sharing saves under 0.1 %: 400 kB logical"))
  }
}
