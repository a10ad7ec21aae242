import Foundation
import FoundationXML
import Refx
import RefxStore
import Testing

@Suite struct GraphCommandTests {
  /// Names that mean something to one of the languages, or to a terminal.
  private static let hostile = [
    "</script>", "<!--", "a\"b", "a\\nb", "a\\", "x]|y", "&lt;", "line\nbreak", "\u{2028}", "\u{202E}abc",
    "%%{init}",
    "style: #35;", "`md`", "end", "日本語", "{a|b}", "]]>", "\u{FFFF}", "",
  ]

  private static func hostileTree() -> Tree<Leaf> {
    .dictionary(
      hostile.enumerated().map { position, name in
        (
          Key(name),
          [
            Key("1" + name): first(numbers([Float(position)]), position, .name(name)),
            Key("2" + name): again(position, .name(name)),
          ]
        )
      })
  }

  @Test func theModelIsDrawnInEachLanguage() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let dot = try Command.run("graph", file)
    #expect(dot.code == 0 && dot.errors == "" && dot.text.hasPrefix("digraph sharing {\n"))
    #expect(
      dot.text.contains(#"g0 -> v0 [label="embedding""#) && dot.text.contains(#"g0 -> v0 [label="head""#))
    #expect(dot.text.contains(##"v0 [label="#0 params\nfloat32 [4, 2]\n32 B, 2 sites""##))
    #expect(try Command.run("graph", file, "--format", "dot").output == dot.output)
    let mermaid = try Command.run("graph", file, "--format", "mermaid").text
    #expect(mermaid.hasPrefix("flowchart LR\n") && mermaid.contains(#"g0 -->|"embedding"| v0"#))
    let svg = try Command.run("graph", file, "--format", "svg").text
    #expect(
      svg.hasPrefix("<svg xmlns=") && svg.contains("<title id=\"title\">")
        && svg.contains("prefers-color-scheme"))
    #expect(try XMLDocument(xmlString: svg).rootElement()?.name == "svg")
    #expect(try Command.run("graph", file, "--format", "png").code == 2)
  }

  @Test func theSuffixSaysTheLanguageAndNothingIsOverwritten() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    for (name, start) in [
      ("g.svg", "<svg"), ("g.mmd", "flowchart"), ("g.gv", "digraph"), ("g.txt", "digraph"),
    ] {
      let out = scratch.path(name)
      let made = try Command.run("graph", file, "-o", out)
      #expect(made.code == 0 && made.output.isEmpty)
      #expect(try String(contentsOfFile: out, encoding: .utf8).hasPrefix(start))
      let again = try Command.run("graph", file, "-o", out)
      #expect(again.code == 2 && again.errors.contains("--force"))
      #expect(try Command.run("graph", file, "-o", out, "--force", "--format", "svg").code == 0)
      #expect(try String(contentsOfFile: out, encoding: .utf8).hasPrefix("<svg"))
    }
    #expect(try Command.run("graph", file, "-o", scratch.url.path).code == 2)
    #expect(try Command.run("graph", file, "--json", "-o", scratch.path("x")).code == 2)
  }

  @Test func theDocumentHasEverySiteOnce() throws {
    let scratch = try Scratch()
    let file = try scratch.save(GraphCommandTests.hostileTree(), as: "m.refx")
    let document = try Command.run("graph", file, "--json").json()
    #expect(document.names == ["file", "groups", "values", "edges"])
    let inspected = try Command.run("inspect", file, "--json", "--shared").json()["leaves"]
    var rows: [JSON: Set<JSON>] = [:]
    for position in 0..<(inspected?.count ?? 0) {
      guard let row = inspected?[position], let index = row["index"], let path = row["path"] else { continue }
      rows[index, default: []].insert(path)
    }
    #expect(rows.count == GraphCommandTests.hostile.count && document["values"]?.count == rows.count)
    func members(_ json: JSON?) -> [JSON] { if case .array(let members)? = json { members } else { [] } }
    for value in members(document["values"]) {
      let index = try #require(value["index"])
      #expect(Set(members(value["sites"])) == rows[index])
      let drawn = members(document["edges"]).filter { $0["value"] == index }.flatMap { members($0["sites"]) }
      #expect(drawn.count == rows[index]?.count && Set(drawn) == rows[index])
    }
  }

  @Test func namesStayWithinTheirQuotes() throws {
    let scratch = try Scratch()
    let file = try scratch.save(GraphCommandTests.hostileTree(), as: "a\"b<c>&.refx")
    let count = GraphCommandTests.hostile.count

    // DOT: every line is one statement, whose strings end where they should.
    let string = ##""(?:[^"\\]|\\.)*""##
    let statement = try Regex(
      "  (?:graph|node|edge|[gv][0-9]+(?: -> [gv][0-9]+)?) \\[(?:[a-z]+=(?:\(string)|[a-zA-Z0-9]+)(?:, )?)*\\]"
    )
    let dot = try Command.run("graph", file).text.split(separator: "\n", omittingEmptySubsequences: false)
    for line in dot.dropFirst().dropLast(2) { #expect(line.wholeMatch(of: statement) != nil, "\(line)") }
    #expect(dot.count { $0.hasPrefix("  v") } == count)
    #expect(dot.count { $0.contains("-> v") } == 2 * count)

    // Mermaid: within quotes nothing but words and numbers of characters.
    let quoted = ##""(?:[\p{L}\p{N} .,()/_…×-]|<br/>|#[0-9]+;)*""##
    let line = try Regex(
      "  (?:[gv][0-9]+\\(?\\[\(quoted)\\]\\)?|[gv][0-9]+ --- g[0-9]+|g[0-9]+ -->\\|\(quoted)\\| v[0-9]+|class.*)"
    )
    let mermaid = try Command.run("graph", file, "--format", "mermaid").text
    for one in mermaid.split(separator: "\n").dropFirst() {
      #expect(one.unicodeScalars.contains("\u{FFFF}") || one.wholeMatch(of: line) != nil, "\(one)")
    }

    let svg = try Command.run("graph", file, "--format", "svg").text
    let root = try #require(try XMLDocument(xmlString: svg).rootElement())
    let lines = try root.nodes(forXPath: "//*[local-name()='path'][starts-with(@class, 'edge')]")
    #expect(lines.count == 2 * count)
    let texts = try root.nodes(forXPath: "//*[local-name()='text']").compactMap(\.stringValue)
    #expect(texts.contains("<~1script>") && texts.contains("a\"b") && texts.contains("日本語"))
    for text in [svg, mermaid, dot.joined()] { #expect(!text.unicodeScalars.contains("\u{202E}")) }
    for format in ["dot", "mermaid", "svg"] {
      let once = try Command.run("graph", file, "--format", format).output
      #expect(try Command.run("graph", file, "--format", format).output == once)
    }
  }

  @Test func patternsChooseAndInputsAreAsElsewhere() throws {
    let scratch = try Scratch()
    let file = try scratch.save(GraphCommandTests.hostileTree(), as: "m.refx")
    #expect(try Command.run("graph", file, "--json", "日本語/*").json()["values"]?.count == 1)
    #expect(try Command.run("graph", file, "--json", "--regex", "end/.*").json()["values"]?.count == 1)
    let nowhere = try Command.run("graph", file, "nowhere")
    #expect(nowhere.code == 0 && nowhere.text.contains("nothing matches the pattern"))
    #expect(nowhere.errors.contains("the pattern 'nowhere' matches nothing; "))
    let model = try scratch.save(smallModel(), as: "model.refx")
    let near = try Command.run("graph", model, "hed")
    #expect(near.errors.contains("the nearest name is 'head'"), "\(near.errors)")
    #expect(try Command.run("graph", model, "hed", "-q").errors.isEmpty)
    #expect(try Command.run("graph", model, "step").text.contains("nothing that matches is shared"))
    let plain = try scratch.save(["a": numbers([1] as [Float])], as: "plain.refx")
    #expect(try Command.run("graph", plain).text.contains("label=\"nothing is shared\""))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(try Command.run(["graph", "-", "--json"], input: bytes).json()["file"] == "-")
    #expect(try Command.run("graph", file, "--from", "hdf5").code == 2)
    #expect(try Command.run("graph", file, "--max-nodes", "3").code == 2)
    #expect(try Command.run("graph", scratch.path("none")).code == 2)
  }

  @Test func aLargeGraphIsSaidToBeTooLargeForMermaid() throws {
    let scratch = try Scratch()
    let tree = Tree<Leaf>.list(
      (0..<300).map { .list([first(numbers([Float($0)]), $0), again($0), numbers([1] as [Int8])]) })
    let file = try scratch.save(tree, as: "m.refx")
    let result = try Command.run("graph", file, "--format", "mermaid")
    #expect(result.code == 0 && result.errors.contains("maxEdges"))
    #expect(try Command.run("graph", file, "--format", "mermaid", "--quiet").errors == "")
  }

  @Test func collectionsAreToldApart() throws {
    let scratch = try Scratch()
    let tags: [CollectionTag?] = [nil, "", "-", "3", 3, "params"]
    let tree = Tree<Leaf>.list(
      tags.indices.flatMap { [first(numbers([Float($0)]), $0, tags[$0]), again($0, tags[$0])] })
    let file = try scratch.save(tree, as: "m.refx")
    let text = try Command.run("graph", file).text
    for (position, words) in ["#0 -", "#1", "#2 %2D", "#3 %33", "#4 3", "#5 params"].enumerated() {
      #expect(text.contains("v\(position) [label=\"\(words)\\n"), "\(words)")
    }
  }

  @Test func eachOptionDoesWhatItSays() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    func graph(_ arguments: String...) throws -> Command.Result {
      try Command.run(["graph", file] + arguments)
    }
    let plain = try graph()
    #expect(try graph("--from", "refx").output == plain.output && graph("--from", "npz").code == 2)
    // No payload is read, so there is nothing to wait for; a drawing has no colours of a terminal.
    #expect(try graph("--progress", "always").output == plain.output)
    #expect(try graph("--color", "always").output == plain.output)
    #expect(try graph("--max-rank", "1").errors.contains("dimensions"))
    #expect(try graph("--max-rank", "1").code == 2 && graph("--max-rank", "2").code == 0)
  }
}
