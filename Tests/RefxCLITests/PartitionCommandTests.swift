import Foundation
import Refx
import RefxStore
import Testing

/// `partition` as a shell sees it, and what its parts are good for.
@Suite struct PartitionCommandTests {
  private let folder: Scratch
  private let model: String

  init() throws {
    folder = try Scratch()
    model = try folder.save(smallModel(), as: "m.refx")
  }

  private func exists(_ file: String) -> Bool { FileManager.default.fileExists(atPath: file) }

  private func size(_ file: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
  }

  private func strings(_ json: JSON?) -> [String] {
    guard case .array(let members)? = json else { return [] }
    return members.compactMap { if case .string(let text) = $0 { text } else { nil } }
  }

  /// The file of each part.
  private func files(_ json: JSON) -> [String] {
    (0..<(json["parts"]?.count ?? 0)).compactMap { place in
      if case .string(let file)? = json["parts"]?[place]?["file"] { file } else { nil }
    }
  }

  @Test func shardedPartsAreNamedAsMergeTakesThem() throws {
    let model = try folder.save(
      [
        "a": first(numbers([1, 2, 3, 4] as [Float]), 0, "params"),
        "b": first(numbers([5, 6, 7, 8] as [Float]), 1, "params"),
        "head": again(0, "params"), "mean": first(numbers([0.5] as [Double]), 2, "batch_stats"),
        "name": .static("relu"), "nothing": .nothing, "step": numbers([7] as [Int64], shape: []),
      ], as: "shared.refx")
    let sharding = ["--to", "safetensors", "--max-shard-size", "16"]
    let parts = folder.path("parts")
    let json = try Command.run(
      ["partition", model, "--by-collection", "-o", parts, "--json"] + sharding
    ).json()
    let named = files(json)
    #expect(named.count == 3 && named.allSatisfy(exists))
    let params = json["parts"]?[1]
    #expect(
      params?["name"] == "params" && params?["file"] == .string("\(parts)/params.safetensors.index.json"))
    let all = strings(params?["files"])
    #expect(all.count > 1 && all.allSatisfy(exists))
    let whole = folder.path("w.refx")
    #expect(try Command.run(["merge"] + named + ["-o", whole]).code == 0)
    #expect(try Command.run("diff", model, whole).code == 0)
    // The same in words, and of a cut.
    let cut = try Command.run(
      ["partition", model, "--select", "path:a=\(folder.path("h.safetensors"))", "--rest"]
        + [folder.path("r.safetensors")] + sharding)
    let lines = cut.text.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
    #expect(lines.count == 2 && lines.allSatisfy(exists), "\(cut.text)")
    #expect(cut.errors.contains("head in \(folder.path("r.safetensors.index.json"))"))
    #expect(try Command.run(["merge"] + lines + ["-o", whole, "--force"]).code == 0)
    #expect(try Command.run("diff", model, whole).code == 0)
  }

  @Test func shardsOfEveryWriterAreNamed() throws {
    let plain = try folder.save(
      [
        "a": numbers([1, 2, 3, 4] as [Float]), "b": numbers([1, 2, 3, 4] as [Float]),
        "c": numbers([5, 6, 7, 8] as [Float]),
      ], as: "p.refx")
    let parts = try Command.run(
      "partition", plain, "--select", "path:a=\(folder.path("a.refx"))", "--rest", folder.path("b.refx"))
    #expect(parts.code == 0)
    let patch = folder.path("patch.refx")
    #expect(try Command.run("patch", "make", model, plain, "-o", patch).code == 0)
    for (number, command) in [
      ["convert", plain], ["tie", plain, "a", "b", "-o"], ["untie", plain, "a", "-o"],
      ["merge", folder.path("a.refx"), folder.path("b.refx"), "-o"], ["patch", "apply", model, patch, "-o"],
    ].enumerated() {
      let out = folder.path("o\(number).safetensors")
      let done = try Command.run(command + [out, "--max-shard-size", "16", "--json"])
      #expect(try done.json()["file"] == .string(out + ".index.json"), "\(command) \(done.errors)")
      #expect(exists(out + ".index.json") && !exists(out))
      #expect(try Command.run("verify", out + ".index.json").code == 0)
    }
  }

  /// One stream is one thing: the checkpoint or the document.
  @Test func jsonDoesNotGoBesideACheckpoint() throws {
    for command in [
      ["convert", model, "-"], ["tie", model, "embedding", "head", "-o", "-"],
      ["untie", model, "head", "-o", "-"],
      ["patch", "make", model, model, "-o", "-"], ["patch", "apply", model, model, "-o", "-"],
      ["merge", model, "-o", "-"], ["merge", "--base", model, model, model, "-o", "-"],
      ["partition", model, "--select", "path:head=-"],
      ["partition", model, "--select", "path:head=\(folder.path("h.refx"))", "--rest", "-"],
    ] {
      let result = try Command.run(command + ["--json"])
      #expect(result.code == 2, "\(command)")
      #expect(result.errors.contains("--json prints to standard output, where the checkpoint goes as well"))
      #expect(try result.json()["error"]?["code"] == "usage", "\(command)")
    }
    #expect(!exists(folder.path("h.refx")))
    #expect(try Command.run("convert", model, "-", "--dry-run", "--json").json()["dryRun"] == true)
  }

  @Test func noCheckpointGoesToATerminal() throws {
    let terminal = Terminal(in: folder)
    for command in [
      "convert m.refx -", "tie m.refx embedding head -o -", "untie m.refx head -o -",
      "partition m.refx --select path:head=-", "merge m.refx -o -", "patch make m.refx m.refx -o -",
    ] {
      let screen = try terminal.run("\"$REFX\" \(command); echo code $?").plain
      #expect(
        screen
          == "refx: standard output is a terminal, which cannot show a checkpoint; redirect it: > m.refx\n"
          + "code 2\n", "\(command)")
    }
    #expect(try terminal.run("\"$REFX\" convert m.refx - > n.refx; echo code $?").plain == "code 0\n")
    #expect(try Command.run("diff", model, folder.path("n.refx")).code == 0)
  }

  @Test func theInputIsNoPart() throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: model))
    let script = """
      ln -s m.refx link.refx; ln m.refx hard.refx
      for out in m.refx ./m.refx link.refx hard.refx; do
        $REFX partition m.refx --select path:head=$out --force && exit 9
        $REFX partition m.refx --select path:head=h.refx --rest $out --force && exit 8
        $REFX partition $out --select path:head=m.refx --force && exit 7
      done
      mkdir parts; cp m.refx parts/params.refx
      $REFX partition parts/params.refx --by-collection -o parts --force && exit 6
      cmp m.refx parts/params.refx && [ ! -e parts/rest.refx ] && [ ! -e h.refx ]
      """
    #expect(try Command.shell(script, in: folder).code == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == before)
  }

  @Test func whatGoesNowhereIsCounted() throws {
    let out = folder.path("h.refx")
    for quiet in [[], ["--quiet"]] {
      let result = try Command.run(
        ["partition", model, "--select", "path:head=\(out)", "--json", "--force"] + quiet)
      #expect(result.code == 0)
      #expect(try result.json()["dropped"] == 3)
      #expect(
        result.errors.contains("refx: 3 sites match no selector and went nowhere; --rest OUT keeps them\n"))
    }
    let one = try Command.run(
      "partition", model, "--select", "path:*ea*=\(out)", "--select", "path:embedding=\(out)2", "--to",
      "refx",
      "--force", "-q")
    #expect(one.errors == "refx: 1 site matches no selector and went nowhere; --rest OUT keeps it\n")
    let kept = try Command.run(
      "partition", model, "--select", "path:head=\(out)", "--rest", folder.path("r.refx"), "--json", "--force"
    )
    #expect(try kept.json()["dropped"] == 0)
    let all = try Command.run("partition", model, "--by-collection", "-o", folder.path("p"), "--json")
    #expect(try all.json()["dropped"] == 0 && all.errors.isEmpty)
  }

  @Test func selectorsThatChooseNothingAreSaid() throws {
    let out = folder.path("x.refx")
    for (selector, says) in [
      ("path:nothere", true), ("collection:nosuch", true), ("dtype:int8", true), ("collection:-", true),
      ("path:head", false), ("collection:params", false), ("dtype:float64", false),
    ] {
      let result = try Command.run(
        "partition", model, "--select", "\(selector)=\(out)", "--rest", folder.path("r.refx"), "--force")
      #expect(result.code == 0)
      #expect(
        result.errors.contains("refx: --select \(selector)=\(out) chooses nothing\n") == says, "\(selector)")
    }
    // What an earlier one has taken.
    let late = try Command.run(
      "partition", model, "--select", "path:**=\(out)", "--select", "path:head=\(folder.path("y.refx"))",
      "--force")
    #expect(late.errors == "refx: --select path:head=\(folder.path("y.refx")) chooses nothing\n")
  }

  @Test func aFolderThatStaysEmptyIsTakenAway() throws {
    let parts = folder.path("parts")
    for format in ["npy", "gguf"] {
      #expect(try Command.run("partition", model, "--by-collection", "-o", parts, "--to", format).code == 2)
      #expect(!exists(parts))
    }
    // One that was there stays, and so does what is in one.
    try FileManager.default.createDirectory(atPath: parts, withIntermediateDirectories: false)
    #expect(try Command.run("partition", model, "--by-collection", "-o", parts, "--to", "npy").code == 2)
    #expect(exists(parts))
    let large = (0..<6_000_000).map { Float($0 &* 2_654_435_761 % 1_000_003) }
    _ = try folder.save(
      ["a": first(numbers(large), 0, "p"), "b": first(numbers(large), 1, "q")], as: "l.refx")
    let script = """
      for attempt in 1 2 3 4 5; do
        $REFX partition l.refx --by-collection -o new --compression best & job=$!
        until [ -d new ]; do sleep 0.01; done
        kill -TERM $job; wait $job; code=$?
        # On a busy machine it may have come to its end before.
        if [ $code = 0 ]; then rm -r new; continue; fi
        [ $code = 143 ] || exit $code
        [ ! -e new ] || exit 7
        exit 0
      done
      exit 5
      """
    #expect(try Command.shell(script, in: folder).code == 0)
  }

  @Test func unsupportedLeavesAreLeftOutByConvertFirst() throws {
    let foreign = WorkerTests.committed
    let refused = try Command.run("partition", foreign, "--by-collection", "-o", folder.path("p"))
    #expect(refused.code == 2)
    #expect(
      refused.errors.contains("cannot be represented; leave them out first: refx convert --skip-unsupported"))
    #expect(!refused.errors.contains("with --skip-unsupported") && !exists(folder.path("p")))
    let whole = folder.path("whole.refx")
    #expect(try Command.run("convert", "--skip-unsupported", foreign, whole).code == 0)
    #expect(
      try Command.run("partition", whole, "--select", "path:p*=\(folder.path("a.refx"))", "--rest")
        .code == 2)
    let parts = [folder.path("a.refx"), folder.path("b.refx")]
    #expect(
      try Command.run("partition", whole, "--select", "path:p*=\(parts[0])", "--rest", parts[1]).code == 0)
    #expect(try Command.run(["merge"] + parts + ["-o", folder.path("back.refx")]).code == 0)
    #expect(try Command.run("diff", whole, folder.path("back.refx")).code == 0)
  }

  @Test(arguments: ["refx", "h5", "safetensors", "npz"])
  func partsOfEveryFormatMakeTheWhole(suffix: String) throws {
    let parts = folder.path("parts")
    let done = try Command.run("partition", model, "--by-collection", "-o", parts, "--to", suffix, "--json")
    let named = files(try done.json())
    #expect(named == ["batch_stats", "params", "rest"].map { "\(parts)/\($0).\(suffix)" })
    let whole = folder.path("whole.refx")
    #expect(try Command.run(["merge"] + named.reversed() + ["-o", whole]).code == 0)
    #expect(try Command.run("digest", whole).text == Command.run("digest", model).text)
    #expect(
      try Command.run("inspect", named[1], "--json").json()["format"]
        == .string(
          suffix == "h5" ? "hdf5" : suffix))
  }

  @Test func everyFlagDoesSomething() throws {
    let file = try folder.save(
      [
        "a": first(numbers([Float](repeating: 0, count: 5000)), 0, "p"),
        "b": numbers([Float](repeating: 1, count: 5000)), "c": again(0, "p"),
      ], as: "zeros.refx")
    func run(_ out: String, _ more: String...) throws -> Command.Result {
      try Command.run(
        ["partition", file, "--select", "path:a=\(folder.path(out))", "--rest", folder.path("rest.refx")]
          + ["--force"] + more)
    }
    let plain = try run("a.refx")
    #expect(plain.text.contains("a.refx  1 site\n") && plain.text.contains("rest.refx  2 sites\n"))
    #expect(plain.errors.hasPrefix("refx: a shared value was cut, merge ties it again: a in "))
    let quiet = try run("a.refx", "--quiet")
    #expect(quiet.text.isEmpty && quiet.errors.isEmpty)
    let json = try run("a.refx", "--json").json()
    #expect(json.names == ["parts", "cuts", "dropped"] && json["cuts"]?[0]?["sites"]?.count == 2)
    #expect(
      json["parts"]?[0] == [
        "file": .string(folder.path("a.refx")), "name": .string(folder.path("a.refx")), "sites": 1,
      ])
    let bar = try run("a.refx", "--progress", "always")
    #expect(bar.errors.contains("writing") && bar.errors.contains("100"))
    #expect(!(try run("a.refx", "--progress", "never")).errors.contains("writing"))
    #expect(try run("none.refx", "--compression", "none").code == 0)
    #expect(try run("best.refx", "--compression", "best").code == 0)
    #expect(try size(folder.path("none.refx")) > 20_000 && size(folder.path("best.refx")) < 5000)
    #expect(try run("a.refx", "--from", "refx").code == 0)
    #expect(try run("a.refx", "--from", "h5").code == 2)
    #expect(try run("a.refx", "--max-nodes", "2").errors.contains("more nodes"))
    #expect(try run("a.refx", "--max-nodes", "100").code == 0)
    #expect(try run("odd.name", "--to", "h5").code == 0)
    #expect(try Command.run("inspect", folder.path("odd.name"), "--json").json()["format"] == "hdf5")
    #expect(try run("a.refx", "--max-shard-size", "1KB").errors.contains("refx"))
  }
}
