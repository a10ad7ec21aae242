import Foundation
import Refx
import RefxStore
import Testing

/// `convert --rules` as a shell sees it.
@Suite struct RuleCommandTests {
  private let folder: Scratch
  private let model: String

  init() throws {
    folder = try Scratch()
    model = try folder.save(smallModel(), as: "m.refx")
  }

  private func rules(_ text: String) throws -> String { try folder.write(Array(text.utf8), as: "r.toml") }

  @Test func renamedFilesKeepTheirTies() throws {
    let rules = try rules("[[rules]]\nrename = \"embedding|head\"\nto = \"net/$0\"\n")
    let out = folder.path("o.h5")
    let result = try Command.run("convert", model, out, "--rules", rules)
    #expect(result.code == 0 && result.errors.isEmpty)
    let listing = try Command.run("inspect", out, "net/*", "--json").json()
    #expect(listing["leaves"]?.count == 2)
    #expect(listing["leaves"]?[0]?["index"] == listing["leaves"]?[1]?["index"])
  }

  @Test func theDryRunSaysEverythingAndWritesNothing() throws {
    let rules = try rules(
      "[[rules]]\nrename = \"head\"\nto = \"net/$0\"\n[[rules]]\ndrop = \"no such\"\n[[rules]]\ncast = \"mean\"\n"
        + "dtype = \"float32\"\n")
    let out = folder.path("o.refx")
    let json = try Command.run("convert", model, out, "--rules", rules, "--dry-run", "--json").json()
    let plan = try #require(json["rules"])
    #expect(
      plan.names == [
        "rules", "mappings", "unused", "halfMatched", "collisions", "brokenLists", "unmapped",
        "lostAttributes",
      ])
    #expect(
      plan["rules"]?[0] == ["rule": 1, "does": "rename", "text": "rename 'head' to 'net/$0'", "matches": 1])
    #expect(plan["mappings"]?[1] == ["from": ["head"], "to": ["net", "head"], "rules": [1]])
    #expect(plan["unused"] == [2])
    #expect(plan["halfMatched"] == [["rule": 1, "matched": [["head"]], "unmatched": [["embedding"]]]])
    #expect(plan["unmapped"] == [["embedding"], ["name"], ["nothing"], ["step"]])
    #expect(json["leaves"]?.count == 6)
    let text = try Command.run("convert", model, out, "--rules", rules, "--dry-run")
    for words in ["unused rules", "half-matched ties", "unmapped paths", "net/head", "the same"] {
      #expect(text.text.contains(words))
    }
    #expect(!FileManager.default.fileExists(atPath: out))
    // Without the dry run they are warnings.
    let done = try Command.run("convert", model, out, "--rules", rules)
    #expect(done.code == 0)
    #expect(done.errors.contains("rule 2 matches nothing: drop 'no such'"))
    #expect(done.errors.contains("rule 1 matches 'head' and not 'embedding'"))
  }

  @Test func strictnessAndCollisionsWriteNothing() throws {
    let out = folder.path("o.refx")
    let half = try rules("[[rules]]\nrename = \"head\"\nto = \"net/head\"\n")
    for arguments in [["--strict"], ["--strict", "--dry-run"]] {
      let result = try Command.run(["convert", model, out, "--rules", half] + arguments)
      #expect(result.code == 2)
      #expect(
        result.errors.contains(
          "the rules do not fit as --strict demands: 1 half-matched tie, 5 unmapped paths"))
      #expect(!FileManager.default.fileExists(atPath: out))
    }
    let clash = try rules("[[rules]]\nrename = \"head\"\nto = \"step\"\n")
    let result = try Command.run("convert", model, out, "--rules", clash)
    #expect(result.code == 2)
    #expect(result.errors.hasPrefix("refx: \(model): the rules would put two sites on one path; "))
    #expect(
      result.errors.contains("rule 1 would put 'head' (moved by rule 1) and 'step' (which no rule moved)"))
    let plan = try Command.run("convert", model, out, "--rules", clash, "--dry-run", "--json")
    #expect(plan.code == 2)
    #expect(try plan.json()["rules"]?["collisions"]?.count == 1)
    #expect(try plan.json()["error"]?["code"] == "refusal")
    #expect(!FileManager.default.fileExists(atPath: out))
    #expect(try Command.run("convert", model, out, "--strict").code == 2)
    let bad = try Command.run("convert", model, out, "--rules", try rules("[[rules]]\nrenam = 'a'"))
    #expect(
      bad.code == 2
        && bad.errors.contains("r.toml: rule 1: 'renam' is no key of a rule; did you mean rename?"))
  }

  /// The example of the page, on names as Hugging Face's files have them.
  @Test func theExampleOfThePageRuns() throws {
    let page = try String(
      contentsOf: Repository.folder.appending(path: "Documentation/rules.md"), encoding: .utf8)
    let example = try #require(
      page.split(separator: "```toml\n").dropFirst().first?.split(separator: "```").first)
    let tree = Tree<Leaf>.dictionary([
      ("lm_head.weight", numbers([1, 2] as [Float])),
      ("model.embed_tokens.weight", numbers([1, 2] as [Float])),
      ("model.layers.0.q.weight", numbers([3] as [Float])),
      ("model.layers.0.rotary_emb.inv_freq", numbers([4] as [Float])),
    ])
    let file = try folder.save(tree, as: "hf.safetensors")
    let out = folder.path("o.refx")
    let result = try Command.run("convert", file, out, "--rules", try rules(String(example)))
    #expect(result.code == 0)
    #expect(result.errors.isEmpty)
    let shown = try Command.run("inspect", out).text
    #expect(shown.contains("blocks.0.q.weight") && !shown.contains("inv_freq"))
    #expect(try Command.run("inspect", out, "--shared", "--json").json()["leaves"]?.count == 2)
  }
}
