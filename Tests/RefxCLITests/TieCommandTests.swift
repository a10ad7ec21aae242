import Foundation
import Refx
import RefxStore
import Testing

/// `tie` and `untie` as a shell sees them.
@Suite struct TieCommandTests {
  private let folder: Scratch

  init() throws { folder = try Scratch() }

  /// Two equal arrays and one of the same kind.
  private func plain(_ name: String) throws -> String {
    try folder.save(
      ["a": numbers([1, 2] as [Float]), "b": numbers([1, 2] as [Float]), "c": numbers([3, 4] as [Float])],
      as: name)
  }

  private func shared(_ file: String) throws -> JSON? {
    try Command.run("inspect", file, "--shared", "--json").json()["leaves"]
  }

  @Test(arguments: ["refx", "h5", "safetensors", "npz"])
  func filesOfEveryFormatAreTiedAndUntied(suffix: String) throws {
    let file = try plain("m.\(suffix)")
    for other in ["refx", "h5", "safetensors"] {
      let (tied, untied) = (folder.path("tied.\(other)"), folder.path("untied.\(other)"))
      let done = try Command.run("tie", file, "a", "b", "-o", tied, "--force")
      #expect(done.code == 0 && done.errors.isEmpty && done.output.isEmpty, "\(done.errors)")
      #expect(try shared(tied)?.count == 2)
      #expect(try Command.run("diff", file, tied, "--ignore", "topology").code == 0)
      #expect(try Command.run("diff", file, tied).code == 1)
      let back = try Command.run("untie", tied, "b", "-o", untied, "--force")
      #expect(back.code == 0 && back.errors.isEmpty, "\(back.errors)")
      #expect(try Command.run("digest", untied).output == Command.run("digest", file).output)
      #expect(try Command.run("verify", tied, untied).code == 0)
    }
  }

  @Test func differentValuesNeedOneThatWins() throws {
    let file = try plain("m.refx")
    let out = folder.path("o.refx")
    let refused = try Command.run("tie", file, "a", "c", "-o", out)
    #expect(refused.code == 2 && refused.output.isEmpty)
    #expect(
      refused.errors
        == "refx: \(file): a: cannot be tied to 'c', whose value is not the same: one has other values; say which "
        + "one wins (--take PATH; in a rule: take)\n")
    #expect(!FileManager.default.fileExists(atPath: out))
    let error = try Command.run("tie", file, "a", "c", "-o", out, "--json").json()["error"]
    #expect(error?["code"] == "refusal" && error?["path"] == ["a"])
    let json = try Command.run("tie", file, "a", "b", "c", "--take", "c", "-o", out, "--json").json()
    #expect(
      json.names == ["file", "format", "leaves", "sites", "alreadyTied", "collection", "lostAttributes"])
    #expect(json["sites"] == [["a"], ["b"], ["c"]] && json["leaves"] == 3 && json["collection"] == .null)
    #expect(try Command.run("get", out, "a").text == "3.0\n4.0\n")
    #expect(try Command.run("tie", file, "a", "c", "--take", "b", "-o", out, "--force").code == 2)
    #expect(
      try Command.run("tie", file, "a", "-o", folder.path("p.refx")).errors.contains("two different paths"))
    #expect(
      try Command.run("tie", file, "a", "x", "-o", folder.path("p.refx")).errors.contains(
        "x: nothing stands there"))
  }

  @Test func collectionsMustAgreeOrBeNamed() throws {
    let file = try folder.save(
      [
        "a": first(numbers([1] as [Float]), 0, "p"), "b": first(numbers([1] as [Float]), 1, "q"),
        "c": again(1, "q"),
      ], as: "m.refx")
    let out = folder.path("o.refx")
    let refused = try Command.run("tie", file, "a", "b", "-o", out)
    #expect(refused.code == 2 && refused.errors.contains("'p'") && refused.errors.contains("'q'"))
    #expect(
      refused.errors.hasSuffix(
        "; say which collection it is to be (--collection NAME), or which one wins (--take PATH; in a rule: take)\n"
      ))
    for (name, expected) in [("q", "q"), ("-", .null), ("3", 3), ("%33", "3"), ("%2D", "-")]
      as [(String, JSON)]
    {
      let done = try Command.run("tie", file, "a", "b", "-o", out, "--collection", name, "--force", "--json")
      #expect(try done.json()["collection"] == expected)
      #expect(try shared(out)?.count == 3)
    }
    let already = try Command.run("tie", file, "b", "c", "-o", out, "--force")
    #expect(already.code == 0 && already.errors == "refx: \(file): b, c shared one value already\n")
    #expect(try Command.run("diff", file, out).code == 0)
    #expect(try Command.run("tie", file, "b", "c", "-o", out, "--force", "--quiet").errors.isEmpty)
  }

  @Test func untyingSaysWhatItDid() throws {
    let file = try folder.save(smallModel(), as: "m.refx")
    let out = folder.path("o.refx")
    let json = try Command.run("untie", file, "**", "-o", out, "--json")
    #expect(try json.json()["untied"] == [["embedding"], ["head"]])
    #expect(try json.json()["unshared"] == [["mean"], ["name"], ["nothing"], ["step"]])
    #expect(
      json.errors == "refx: \(file): mean, name, nothing and 1 more: shared with nothing, left as it was\n")
    #expect(try Command.run("diff", file, out, "--ignore", "topology").code == 0)
    #expect(try Command.run("inspect", out, "--collection", "params", "--json").json()["leaves"]?.count == 2)
    let regex = try Command.run("untie", file, "h.*d", "--regex", "-o", out, "--force")
    #expect(regex.code == 0 && regex.errors.isEmpty)
    let none = try Command.run("untie", file, "heads", "-o", folder.path("p.refx"))
    #expect(
      none.code == 2 && none.errors.contains("'heads' matches no array, Ref or static value; list the paths"))
    #expect(!FileManager.default.fileExists(atPath: folder.path("p.refx")))
    #expect(try Command.run("untie", file, "(", "--regex", "-o", folder.path("p.refx")).code == 2)
  }

  @Test func aMisspelledPathIsAnsweredByTheNearest() throws {
    let file = try plain("m.refx")
    let model = try folder.save(smallModel(tied: false), as: "s.refx")
    for arguments in [
      ["tie", model, "embeding", "head"], ["tie", model, "embedding", "head", "--take", "embeding"],
    ] {
      let result = try Command.run(arguments + ["-o", folder.path("n.refx")])
      #expect(
        result.code == 2
          && result.errors.contains("embeding: nothing stands there; the nearest name is 'embedding'"),
        "\(result.errors)")
    }
    #expect(
      try Command.run("tie", file, "zzzzzzzz", "a", "-o", folder.path("n.refx")).errors.contains(
        "list the paths"))
  }

  @Test func outputIsLikeThatOfEveryCommand() throws {
    let file = try plain("m.refx")
    for command in [["tie", file, "a", "b"], ["untie", file, "a"]] {
      #expect(try Command.run(command).errors.contains("--output"))
      let streamed = try Command.run(command + ["-o", "-"])
      #expect(streamed.code == 0)
      #expect(try Command.run("inspect", "-", input: streamed.output).code == 0)
      #expect(try Command.run(command + ["-o", file]).code == 2)
      #expect(try Command.run(command + ["-o", folder.url.path, "--force"]).code == 2)
      #expect(try Command.run(command + ["-o", folder.path("x.gguf")]).code == 2)
      let x = folder.path("\(command[0]).x")
      #expect(try Command.run(command + ["-o", x]).code == 2)
      #expect(try Command.run(command + ["-o", x, "--to", "h5", "--compression", "none"]).code == 0)
      #expect(try Command.run("inspect", x, "--json").json()["format"] == "hdf5")
      let piped = try Command.run(
        [command[0], "-"] + command.dropFirst(2) + ["-o", "-"],
        input: Data(contentsOf: URL(fileURLWithPath: file)))
      #expect(piped.code == 0 && piped.output == streamed.output)
      #expect(try Command.run(command + ["-o", folder.path("y.refx"), "--max-nodes", "1"]).code == 2)
    }
    // Names that would drive a terminal.
    let odd = try folder.save(
      ["\u{1B}[31m": first(numbers([1] as [Float]), 0), "b": again(0)], as: "odd.refx")
    let said = try Command.run("tie", odd, "\u{1B}[31m", "b", "-o", folder.path("z.refx"))
    #expect(said.code == 0 && said.errors.contains("\\u{1B}[31m, b shared one value already"))
    #expect(!said.errors.contains("\u{1B}"))
  }

  private func size(_ file: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
  }

  /// Of both commands each flag by what it does.
  @Test(arguments: ["tie", "untie"]) func everyFlagDoesSomething(name: String) throws {
    let foreign = WorkerTests.committed
    let out = folder.path("o.refx")
    let skipped = name == "tie" ? ["compact", "sparse", "--take", "compact"] : ["plain"]
    let arguments = name == "tie" ? ["packed", "tied"] : ["plain"]
    let refused = try Command.run([name, foreign] + arguments + ["-o", out])
    #expect(refused.code == 2 && refused.errors.contains("leave them out with --skip-unsupported"))
    for quiet in [[], ["--quiet"]] {
      let done = try Command.run(
        [name, foreign] + arguments + ["-o", out, "--skip-unsupported", "--json", "--force"] + quiet)
      #expect(done.code == 0, "\(skipped)")
      #expect(done.errors.contains("refx: \(foreign): group/away: skipped: external: "))
      #expect(done.errors.contains("shared one value already") == (name == "tie" && quiet.isEmpty))
      #expect(done.errors.contains("left out") == quiet.isEmpty)
      #expect(try done.json()["skipped"]?[0]?["path"] == ["group", "away"])
    }
    let zeros = numbers([Float](repeating: 0, count: 5000))
    let file = try folder.save(
      ["a": first(zeros, 0), "b": again(0), "c": zeros, "d": numbers([2] as [Float])], as: "z.refx")
    func run(_ more: String...) throws -> Command.Result {
      try Command.run([name, file] + (name == "tie" ? ["a", "c"] : ["b"]) + more)
    }
    for level in ["none", "best"] {
      #expect(try run("-o", folder.path("\(level).refx"), "--compression", level).code == 0)
    }
    #expect(try size(folder.path("none.refx")) > 20_000 && size(folder.path("best.refx")) < 5000)
    #expect(try run("-o", out, "--force", "--from", "refx").code == 0)
    #expect(try run("-o", out, "--force", "--from", "h5").code == 2)
    #expect(try run("-o", out, "--force", "--max-nodes", "2").errors.contains("more nodes"))
    #expect(try run("-o", folder.path("x"), "--to", "npz").code == 0)
    #expect(try Command.run("inspect", folder.path("x"), "--json").json()["format"] == "npz")
    let shards = try run("-o", folder.path("s.safetensors"), "--max-shard-size", "20KB")
    #expect(shards.errors.hasSuffix(" shards and \(folder.path("s.safetensors.index.json"))\n"))
    #expect(try Command.run("diff", folder.path("x"), folder.path("s.safetensors.index.json")).code == 0)
    #expect(try run("-o", folder.path("t.safetensors"), "--max-shard-size", "20KB", "--quiet").errors.isEmpty)
  }

  @Test func tiesInsideACopiedSubtreeAreCounted() throws {
    let block: Tree<Leaf> = ["v": first(numbers([1] as [Float]), 1), "w": again(1)]
    let file = try folder.save(
      ["a": first(block, 0), "b": again(0), "c": numbers([2] as [Float])], as: "m.refx")
    let out = folder.path("o.refx")
    let done = try Command.run("untie", file, "b", "-o", out, "--json")
    #expect(try done.json()["tiedInside"] == 1)
    #expect(
      done.errors
        == "refx: \(file): 1 shared value stays inside what was untied: a subtree is copied with what is "
        + "tied in it\n")
    let both = try Command.run("untie", file, "[ab]", "--regex", "-o", out, "--force")
    #expect(both.errors.contains("2 shared values stay inside what was untied"))
    let plain = try folder.save(smallModel(), as: "s.refx")
    let none = try Command.run("untie", plain, "head", "-o", out, "--force", "--json")
    #expect(try none.json()["tiedInside"] == 0 && none.errors.isEmpty)
  }
}
