import Foundation
import Refx
import RefxStore
import Testing

/// `merge`, of parts and of two edits: what each flag does.
@Suite struct MergeCommandTests {
  private static let noise = numbers((0..<4000).map { Float($0 % 17) })

  /// Two ways to merge that succeed, without their output: the two parts of a file, and two edits of another.
  private static func ways(in scratch: Scratch) throws -> [[String]] {
    let whole = try scratch.save(["a": noise, "b": numbers([2] as [Float])], as: "whole.refx")
    let parts = try Command.run(
      "partition", whole, "--select", "path:a=\(scratch.path("pa.refx"))", "--rest", scratch.path("pb.refx"))
    #expect(parts.code == 0, "\(parts.errors)")
    let mine = try scratch.save(["a": noise, "b": numbers([3] as [Float])], as: "mine.refx")
    let theirs = try scratch.save(
      ["a": noise, "b": numbers([2] as [Float]), "c": numbers([4] as [Float])], as: "theirs.refx")
    return [
      ["merge", scratch.path("pa.refx"), scratch.path("pb.refx")], ["merge", "--base", whole, mine, theirs],
    ]
  }

  private func size(_ file: String) throws -> Int { try Data(contentsOf: URL(fileURLWithPath: file)).count }

  @Test func eachFlagHasItsEffectInBothWays() throws {
    let scratch = try Scratch()
    for (way, command) in try MergeCommandTests.ways(in: scratch).enumerated() {
      func run(_ name: String, _ options: String...) throws -> Command.Result {
        try Command.run(command + ["-o", scratch.path(name)] + options)
      }
      let plain = try run("\(way).refx")
      #expect(plain.code == 0 && plain.output.isEmpty && plain.errors.isEmpty, "\(plain.errors)")
      #expect(try run("\(way).refx").code == 2, "it is there already")
      #expect(try run("\(way).refx", "--force").code == 0)
      let expected = try Command.run("digest", scratch.path("\(way).refx")).text

      #expect(try run("\(way)-from.refx", "--from", "refx").code == 0)
      #expect(try run("\(way)-wrong.refx", "--from", "npz").code == 2)
      #expect(try run("\(way)-raw.refx", "--compression", "none").code == 0)
      let (packed, raw) = (try size(scratch.path("\(way).refx")), try size(scratch.path("\(way)-raw.refx")))
      #expect(raw > 16_000 && packed < raw / 2)
      #expect(try run("\(way).bin", "--to", "h5").code == 0)
      #expect(try Command.run("inspect", scratch.path("\(way).bin"), "--json").json()["format"] == "hdf5")

      let name = scratch.path("\(way).safetensors")
      let shards = try run("\(way).safetensors", "--max-shard-size", "16000")
      #expect(shards.code == 0 && shards.errors.contains("written as 2 shards"), "\(shards.errors)")
      #expect(FileManager.default.fileExists(atPath: name + ".index.json"))
      #expect(try Command.run("digest", name + ".index.json").text == expected)
      let quiet = try run("\(way).safetensors", "--max-shard-size", "16000", "--quiet", "--force")
      #expect(quiet.code == 0 && quiet.output.isEmpty && quiet.errors.isEmpty, "\(quiet.errors)")

      let json = try run("\(way)-json.refx", "--json").json()
      #expect(
        json["leaves"] == (way == 0 ? 2 : 3) && json["file"] == .string(scratch.path("\(way)-json.refx")))
      #expect((json["taken"] == nil) == (way == 0))
      let bar = try run("\(way)-bar.refx", "--progress", "always")
      #expect(bar.errors.contains("writing") && bar.output.isEmpty)
      let streamed = try Command.run(command + ["-o", "-"])
      #expect(try Command.run("digest", "-", input: streamed.output).text == expected)
      #expect(try run("\(way)-small.refx", "--max-nodes", "1").code == 2)
      #expect(!FileManager.default.fileExists(atPath: scratch.path("\(way)-small.refx")))
    }
  }

  @Test func whatCannotBeRepresentedIsSkippedInBothWays() throws {
    let scratch = try Scratch()
    let odd = WorkerTests.committed
    let out = scratch.path("out.refx")
    for command in [["merge", odd], ["merge", "--base", odd, odd, odd]] {
      let refused = try Command.run(command + ["-o", out])
      #expect(refused.code == 2 && !FileManager.default.fileExists(atPath: out), "\(refused.errors)")
      #expect(refused.errors.contains("--skip-unsupported") && !refused.errors.contains("skipped:"))
      let skipped = try Command.run(command + ["-o", out, "--skip-unsupported"])
      #expect(skipped.errors.contains("group/away: skipped: "), "\(skipped.errors)")
      // Parts that refx writes hold nothing of that kind; what does is none.
      #expect(
        skipped.code == (command.count == 2 ? 2 : 0)
          && skipped.errors.contains("no part") == (command.count == 2))
    }
    #expect(try Command.run("diff", odd, out, "--skip-unsupported", "-q").code == 0)
  }

  @Test func standardInputIsGivenOnce() throws {
    let scratch = try Scratch()
    let whole = try MergeCommandTests.ways(in: scratch)[1][2]
    let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
    let out = scratch.path("out.refx")
    for inputs in [["-", "-"], ["--base", "-", whole, "-"]] {
      let twice = try Command.run(["merge", "-o", out] + inputs, input: bytes)
      #expect(twice.code == 2 && twice.errors.contains("standard input can be given once"), "\(twice.errors)")
    }
    #expect(try Command.run(["merge", "--base", "-", whole, whole, "-o", out], input: bytes).code == 0)
  }

  private static let conflicts:
    [(kind: TreeDiff.Kind, base: Tree<Leaf>, mine: Tree<Leaf>, theirs: Tree<Leaf>, line: String)] = {
      let (one, two, three) = (numbers([1] as [Float]), numbers([2] as [Float]), numbers([3] as [Float]))
      let tied: Tree<Leaf> = ["a": first(one, 0), "b": again(0), "c": first(one, 1)]
      return [
        (
          .structure, ["s": .static("x")], ["s": .static("y")], ["s": .static("z")],
          "s: mine.refx has the static value \"y\", theirs.refx \"z\""
        ),
        (
          .topology, tied, ["a": first(one, 0), "b": first(one, 1), "c": first(one, 2)],
          ["a": first(one, 0), "b": again(0), "c": again(0)],
          "a: mine.refx and theirs.refx tie these in different ways: a, b, c"
        ),
        (
          .collection, ["w": first(one, 0, "p")], ["w": first(one, 0, "q")], ["w": first(one, 0)],
          "w: mine.refx has it a Ref of collection q, theirs.refx a Ref without a collection"
        ),
        (
          .type, ["w": one], ["w": numbers([1] as [Double])], ["w": numbers([1] as [Int8])],
          "w: mine.refx has float64 [1], theirs.refx int8 [1], the base float32 [1]"
        ),
        (
          .value, ["w": one], ["w": two], ["w": three],
          "w: mine.refx and theirs.refx gave it different values"
        ),
      ]
    }()

  @Test func conflictsOfEveryKindAreListedAndNothingIsWritten() throws {
    for (kind, base, mine, theirs, line) in MergeCommandTests.conflicts {
      let scratch = try Scratch()
      let files = [
        "merge", "--base", try scratch.save(base, as: "base.refx"), try scratch.save(mine, as: "mine.refx"),
        try scratch.save(theirs, as: "theirs.refx"), "-o", scratch.path("out.refx"),
      ]
      let text = try Command.run(files)
      #expect(text.code == 1 && text.errors.isEmpty)
      #expect(text.text == "\(kind.rawValue): 1 conflict\n  \(line)\nnothing was written\n", "\(text.text)")
      // They are the answer, so that --quiet shows them too.
      #expect(try Command.run(files + ["-q"]).text == text.text)
      let json = try Command.run(files + ["--json"])
      #expect(try json.code == 1 && json.json()["conflicts"]?[0]?["kind"] == .string(kind.rawValue))
      #expect(try json.json()["conflicts"]?.count == 1 && json.json()["file"] == nil)
      #expect(!FileManager.default.fileExists(atPath: scratch.path("out.refx")))
    }
  }

  @Test func filesOfOneNameAreToldApart() throws {
    let scratch = try Scratch()
    let (kind, base, mine, theirs, _) = MergeCommandTests.conflicts[4]
    #expect(kind == .value)
    var files: [String] = []
    for (folder, tree) in [("x", mine), ("y", theirs)] {
      try FileManager.default.createDirectory(
        at: scratch.url.appending(path: folder), withIntermediateDirectories: true)
      files.append(try scratch.save(tree, as: "\(folder)/m.refx"))
    }
    let before = try scratch.save(base, as: "base.refx")
    let text = try Command.run(["merge", "--base", before] + files + ["-o", scratch.path("out.refx")]).text
    #expect(text.contains("\(files[0]) and \(files[1]) gave it"), "\(text)")
  }
}
