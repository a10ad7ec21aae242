import Foundation
import Refx
import RefxStore
import Testing

/// `patch` as a shell sees it.
@Suite struct PatchCommandTests {
  private let folder: Scratch

  init() throws { folder = try Scratch() }

  private func save(_ last: Float, as name: String) throws -> String {
    try folder.save(
      [
        "a": numbers([Float](repeating: 1, count: 3000)), "b": numbers([1, last] as [Float]),
        "s": .static("relu"),
      ], as: name)
  }

  @Test(arguments: ["refx", "h5", "safetensors"])
  func whatChangedComesBack(suffix: String) throws {
    let (old, new) = (try save(2, as: "old.\(suffix)"), try save(3, as: "new.refx"))
    let (patch, back) = (folder.path("p.refx"), folder.path("back.\(suffix)"))
    let made = try Command.run("patch", "make", old, new, "-o", patch)
    #expect(made.code == 0 && made.errors.isEmpty, "\(made.errors)")
    #expect(made.text.hasSuffix("p.refx  1 array changed, 1 not\n"))
    let size = try FileManager.default.attributesOfItem(atPath: patch)[.size] as? Int ?? .max
    #expect(size < 2500)
    let applied = try Command.run("patch", "apply", old, patch, "-o", back)
    #expect(applied.code == 0 && applied.errors.isEmpty && applied.text.isEmpty, "\(applied.errors)")
    #expect(try Command.run("diff", new, back).code == 0)
    #expect(try Command.run("digest", new).text == Command.run("digest", back).text)
  }

  @Test func jsonQuietAndPipes() throws {
    let (old, new) = (try save(2, as: "old.refx"), try save(3, as: "new.refx"))
    let patch = folder.path("p.refx")
    let json = try Command.run("patch", "make", old, new, "-o", patch, "--json").json()
    #expect(json.names == ["file", "format", "leaves", "changed", "changedBytes", "unchanged"])
    #expect(json["changed"] == 1 && json["unchanged"] == 1 && json["changedBytes"] == 8)
    let applied = try Command.run("patch", "apply", old, patch, "-o", folder.path("n.refx"), "--json").json()
    #expect(applied.names == ["file", "format", "leaves"])
    #expect(try Command.run("patch", "make", old, new, "-o", patch, "--quiet", "--force").text.isEmpty)
    let piped = try Command.run("patch", "make", old, new, "-o", "-")
    #expect(piped.code == 0)
    #expect(try piped.output == Data(contentsOf: URL(fileURLWithPath: patch)))
  }

  @Test func whatIsNotMeantIsRefused() throws {
    let (old, new) = (try save(2, as: "old.refx"), try save(3, as: "new.refx"))
    let (patch, out) = (folder.path("p.refx"), folder.path("out.refx"))
    #expect(try Command.run("patch", "make", old, new, "-o", patch).code == 0)
    let wrong = try Command.run("patch", "apply", new, patch, "-o", out)
    #expect(
      wrong.code == 2 && wrong.errors.contains("was made from another checkpoint: its digest of values"))
    #expect(wrong.errors.hasPrefix("refx: \(new): "))
    let none = try Command.run("patch", "apply", old, new, "-o", out)
    #expect(none.code == 2 && none.errors.hasPrefix("refx: \(new): this is no patch"))
    #expect(!FileManager.default.fileExists(atPath: out))
    #expect(try Command.run("patch", "make", old, new, "-o", patch).code == 2)
    for arguments in [["patch"], ["patch", "mend", old, new, "-o", out], ["patch", "make", old, "-o", out]] {
      #expect(try Command.run(arguments).code == 2)
    }
  }

  private func size(_ file: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
  }

  /// Without the old checkpoint, or the new one, the patch is worth nothing.
  @Test func theOldAndTheNewAreNotReplaced() throws {
    let (old, new) = (try save(2, as: "old.refx"), try save(3, as: "new.refx"))
    let before = try [old, new].map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    let script = """
      ln -s old.refx link.refx; ln new.refx hard.refx; mkdir sub
      for out in old.refx new.refx ./old.refx sub/../new.refx link.refx hard.refx; do
        $REFX patch make old.refx new.refx -o $out --force && exit 9
      done
      $REFX patch make link.refx hard.refx -o old.refx --force && exit 8
      $REFX convert old.refx s.safetensors --max-shard-size 16
      for more in "" "--max-shard-size 16"; do
        $REFX patch make s.safetensors.index.json new.refx -o s-00001-of-00002.safetensors --force $more && exit 7
      done
      $REFX patch make s.safetensors.index.json new.refx -o s.safetensors --max-shard-size 16 --force && exit 6
      $REFX verify s.safetensors.index.json
      """
    #expect(try Command.shell(script, in: folder).code == 0)
    #expect(try [old, new].map { try Data(contentsOf: URL(fileURLWithPath: $0)) } == before)
    let words = try Command.run("patch", "make", old, new, "-o", old, "--force").errors
    #expect(
      words
        == "refx: \(old): the file to write is one that is read, and it would be lost; name another file; --force "
        + "does not help here\n")
    // What applies a patch has all of the new one, and may take the place of the old.
    let patch = folder.path("p.refx")
    #expect(try Command.run("patch", "make", old, new, "-o", patch).code == 0)
    #expect(try Command.run("patch", "apply", old, patch, "-o", old, "--force").code == 0)
    #expect(try Command.run("diff", old, new).code == 0)
  }

  @Test(arguments: ["make", "apply"]) func everyFlagDoesSomething(action: String) throws {
    let zeros = numbers([Float](repeating: 0, count: 5000))
    let old = try folder.save(["a": zeros, "b": numbers([1] as [Float])], as: "old.refx")
    let new = try folder.save(
      ["a": numbers([Float](repeating: 2, count: 5000)), "b": numbers([1] as [Float]), "c": zeros],
      as: "new.refx")
    let patch = folder.path("p.refx")
    #expect(try Command.run("patch", "make", old, new, "-o", patch).code == 0)
    func run(_ more: String...) throws -> Command.Result {
      try Command.run(["patch", action, old, action == "make" ? new : patch] + more)
    }
    let out = folder.path("o.refx")
    for level in ["none", "best"] {
      #expect(try run("-o", folder.path("\(level).refx"), "--compression", level).code == 0)
    }
    #expect(try size(folder.path("none.refx")) > 40_000 && size(folder.path("best.refx")) < 5000)
    let json = try run("-o", out, "--json").json()
    #expect(json["file"] == .string(out) && json["leaves"] == 3)
    #expect(json["changed"] == (action == "make" ? 2 : nil))
    let quiet = try run("-o", out, "--quiet", "--force")
    #expect(quiet.code == 0 && quiet.text.isEmpty && quiet.errors.isEmpty)
    #expect(try run("-o", out, "--force", "--from", "refx").code == 0)
    #expect(try run("-o", out, "--force", "--from", "npz").code == 2)
    #expect(try run("-o", out, "--force", "--max-nodes", "1").errors.contains("more nodes"))
    #expect(try run("-o", folder.path("x"), "--to", "h5").code == 0)
    #expect(try Command.run("inspect", folder.path("x"), "--json").json()["format"] == "hdf5")
    #expect(try Command.run("diff", folder.path("x"), out).code == 0)
    let shards = folder.path("s.safetensors")
    #expect(
      try run("-o", shards, "--max-shard-size", "20KB").errors.contains("shards and \(shards).index.json"))
    #expect(try Command.run("diff", shards + ".index.json", out).code == 0)
    if action == "make" {
      // Any form of it is a patch.
      for made in [folder.path("x"), shards + ".index.json"] {
        #expect(
          try Command.run("patch", "apply", old, made, "-o", folder.path("back.refx"), "--force").code == 0)
        #expect(try Command.run("diff", new, folder.path("back.refx")).code == 0)
      }
    }
  }

  @Test func skippedLeavesAreNamed() throws {
    let foreign = WorkerTests.committed
    let whole = folder.path("whole.refx")
    let patch = folder.path("p.refx")
    #expect(try Command.run("convert", foreign, whole, "--skip-unsupported").code == 0)
    for (arguments, code) in [
      (["make", foreign, whole, "-o", patch], 0), (["make", whole, foreign, "-o", patch], 0),
      (["apply", foreign, patch, "-o", folder.path("o.refx")], 0),
    ] as [([String], Int32)] {
      let refused = try Command.run(["patch"] + arguments + ["--force"])
      #expect(refused.code == 2 && refused.errors.contains("leave them out with --skip-unsupported"))
      let done = try Command.run(
        ["patch"] + arguments + ["--force", "--skip-unsupported", "--quiet", "--json"])
      #expect(done.code == code && done.errors.contains("group/away: skipped: external"), "\(done.errors)")
      #expect(try done.json()["skipped"]?[0]?["file"] == .string(foreign))
    }
    #expect(try Command.run("diff", whole, folder.path("o.refx")).code == 0)
  }
}
