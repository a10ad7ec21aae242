import Foundation
import Refx
import RefxStore
import Testing

@Suite struct CommandLineTests {
  @Test func usageErrorsAreOneLineAndTwo() throws {
    for arguments in [
      ["frob"], ["inspect"], ["inspect", "--nonsense", "x"], ["diff", "x", "y", "--rtol", "-1"],
      ["partition", "x"],
      ["inspect", "x", "--regex", "("], ["convert", "x", "y.refx", "--dtype", "float32"],
      ["convert", "x", "y.refx", "--dtype", "float32=floaty"],
      ["partition", "x", "--select", "colour:red=y.refx"],
    ] {
      let result = try Command.run(arguments)
      #expect(result.code == 2 && result.output.isEmpty, "\(arguments)")
      #expect(
        result.errors.hasPrefix("refx: ") && result.errors.split(separator: "\n").count == 1,
        "\(result.errors)")
    }
    #expect(try Command.run("--version").text.hasPrefix("refx "))
    for shell in ["bash", "zsh", "fish"] {
      #expect(try Command.run("completions", shell).text.contains("refx"))
    }
  }

  @Test func whatIsNoCheckpointIsRefusedInASentence() throws {
    let scratch = try Scratch()
    let whole = try scratch.save(smallModel(), as: "whole.refx")
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
    var other = bytes
    other[8] = 99
    let files = [
      try scratch.write([], as: "empty.refx"), try scratch.write(Array("hello, world".utf8), as: "text.refx"),
      try scratch.write(Array(bytes.dropLast(5)), as: "cut.refx"),
      try scratch.write(other, as: "version.refx"),
      try scratch.write(
        Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), as: "lfs.refx"),
      scratch.path("missing.refx"), scratch.url.path,
    ]
    for file in files {
      for command in ["inspect", "digest"] {
        let result = try Command.run(command, file)
        #expect(result.code == 2 && result.output.isEmpty, "\(file)")
        #expect(result.errors.hasPrefix("refx: \(file): "), "\(result.errors)")
      }
      let error = try Command.run("inspect", file, "--json").json()["error"]
      #expect(
        error?.names.prefix(4) == ["code", "file", "path", "message"] && error?["file"] == .string(file))
    }
    #expect(try Command.run("inspect", files[4]).errors.contains("LFS"))
    let codes = try files.map { try Command.run("verify", $0).code }
    #expect(codes == [1, 1, 1, 1, 1, 2, 2])
    let all = try Command.run(["verify", "--json", whole] + files)
    #expect(all.code == 2)
    let verdicts = try all.json()
    #expect(
      verdicts.count == files.count + 1 && verdicts[0]?["sound"] == true && verdicts[3]?["sound"] == false)
  }

  @Test func aFlippedByteIsFound() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    bytes[70] ^= 1
    let bad = try scratch.write(bytes, as: "bad.refx")
    #expect(try Command.run("verify", file, bad).code == 1)
    #expect(try Command.run("verify", file).code == 0)
  }

  @Test func nothingIsOverwrittenWithoutForce() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let old = try scratch.write([1, 2, 3], as: "old.refx")
    #expect(try Command.run("convert", file, old).code == 2)
    #expect(try Data(contentsOf: URL(fileURLWithPath: old)) == Data([1, 2, 3]))
    #expect(try Command.run("convert", file, old, "--force").code == 0)
    #expect(try Command.run("diff", file, old).code == 0)
    for target in [scratch.url.path, "/dev/null"] {
      let result = try Command.run("convert", file, target, "--to", "refx", "--force")
      #expect(result.code == 2 && result.errors.contains("expected a file"), "\(result.errors)")
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.url.path)
    #expect(names.sorted() == ["m.refx", "old.refx"])
  }

  @Test func pipesWorkBothWays() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(try Command.run("inspect", "-", input: bytes).text.contains("embedding"))
    let streamed = try Command.run("convert", file, "-")
    #expect(streamed.code == 0 && streamed.output == bytes)
    #expect(try Command.run("convert", file, "-", "--to", "h5").code == 2)
    let many = Tree<Leaf>.dictionary((0..<5000).map { (Key("leaf \($0)"), numbers([1] as [Float])) })
    _ = try scratch.save(many, as: "many.refx")
    let closed = try Command.shell("$REFX inspect many.refx | head -n 1; echo ${PIPESTATUS[0]}", in: scratch)
    #expect(closed.text.hasSuffix("\n0\n"))
    let full = try Command.shell("$REFX inspect many.refx > /dev/full; echo $?", in: scratch)
    #expect(full.text == "2\n")
  }

  @Test func closedDescriptorsNeverGetWhatIsMeantForATerminal() throws {
    let scratch = try Scratch()
    let tree: Tree<Leaf> = ["a": numbers(Array(repeating: 1.5, count: 5000) as [Double])]
    _ = try scratch.save(tree, as: "a.refx")
    let whole = try Command.shell("$REFX convert a.refx b.refx && cmp a.refx b.refx", in: scratch)
    #expect(whole.code == 0)
    for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"] {
      let run = "$REFX convert --progress always a.refx c.refx --force \(closed); cmp b.refx c.refx"
      #expect(try Command.shell(run, in: scratch).code == 0, "\(closed)")
    }
    #expect(try Command.shell("$REFX digest a.refx 1>&-", in: scratch).code == 2)
  }

  /// Files with a few flipped bits, on which libhdf5 crashes or does not return.
  @Test(arguments: ["heap-crash-1.h5", "heap-crash-2.h5", "heap-crash-3.h5", "heap-endless.h5"])
  func whatBreaksTheHDF5LibraryIsADamagedFile(name: String) throws {
    let file = Repository.folder.appending(path: "Fixtures/hostile/\(name)").path
    let listing = try Command.run("inspect", "--json", file)
    #expect(listing.signal == nil && listing.code == 2)
    #expect(listing.errors.contains("\(name): the HDF5 library"))
    let verdict = try Command.run("verify", "--json", file)
    #expect(verdict.signal == nil && verdict.code == 1)
    #expect(try verdict.json()[0]?["sound"] == .bool(false))
  }

  @Test func arraysWithoutElementsArePrintedWhateverTheirExtents() throws {
    let scratch = try Scratch()
    let shapes = [[0, 1 << 62, 1 << 62], [1 << 62, 0, 1 << 62], [0, 0], [0, Int.max, 2]]
    var tree: [Key: Tree<Leaf>] = [:]
    for (position, shape) in shapes.enumerated() {
      tree[Key(position)] = .leaf(Leaf(dtype: .float32, shape: shape, source: MemoryBytes(count: 0) { _ in }))
    }
    let file = try scratch.save(.dictionary(tree.map { ($0.key, $0.value) }), as: "empty.refx")
    for position in shapes.indices {
      let printed = try Command.run("get", file, "\(position)")
      #expect(printed.signal == nil && printed.code == 0 && printed.output.isEmpty, "\(shapes[position])")
      let sliced = try Command.run("get", file, "\(position)", "--slice", ":,0:0")
      #expect(sliced.signal == nil && sliced.code == 0, "\(shapes[position])")
    }
    #expect(try Command.run("convert", file, "").code == 2)
  }

  @Test func diffAnswersByItsExitCode() throws {
    let scratch = try Scratch()
    let tied = try scratch.save(smallModel(), as: "tied.refx")
    let untied = try scratch.save(smallModel(tied: false), as: "untied.h5")
    #expect(try Command.run("diff", tied, tied).code == 0)
    let result = try Command.run("diff", tied, untied, "--json")
    #expect(result.code == 1)
    let document = try result.json()
    let kinds = ["structure", "topology", "collection", "type", "value"]
    #expect(document.names == ["equal", "counts"] + kinds + ["unchanged"])
    #expect(document["counts"] == ["structure": 0, "topology": 1, "collection": 0, "type": 0, "value": 0])
    #expect(document["topology"]?[0]?["change"] == "untied")
    #expect(document["topology"]?[0]?["paths"] == [["embedding"], ["head"]])
    #expect(try Command.run("diff", tied, untied, "--ignore", "topology").code == 0)
    #expect(try Command.run("diff", tied, untied, "--only", "value").code == 0)
    #expect(try Command.run("diff", tied, scratch.path("none")).code == 2)
    try Golden("cli/diff-untied.txt").check(try Command.run("diff", tied, untied).text)
  }

  @Test func listingsAreAsTheyWere() throws {
    let scratch = try Scratch()
    _ = try scratch.save(smallModel(), as: "m.refx")
    for (name, command) in [
      ("inspect", "inspect m.refx"), ("inspect-tree", "inspect m.refx --tree"),
      ("inspect-stats", "inspect m.refx --stats --hash --json"), ("digest", "digest m.refx --by-collection"),
    ] {
      try Golden("cli/\(name).txt").check(try Command.shell("$REFX \(command)", in: scratch).text)
    }
  }

  @Test func getWritesNumPyFiles() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let out = scratch.path("w.npy")
    #expect(try Command.run("get", file, "head", "-o", out, "--slice", "1:3,1").code == 0)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: out)))
    #expect(bytes.count == 128 + 8 && bytes.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0]))
    let header = String(decoding: bytes[10..<128], as: UTF8.self)
    #expect(
      header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }") && header.hasSuffix(" \n")
    )
    #expect(Array(bytes.suffix(8)) == [0, 0, 0x80, 0x40, 0, 0, 0xC0, 0x40])
    #expect(try Command.run("get", file, "embedding", "--slice", "0").text == "1.0\n2.0\n")
    #expect(try Command.run("get", file, "embedding", "--slice", "0:9").code == 2)
    #expect(try Command.run("get", file, "embeding").errors.contains("embedding"))
  }

  @Test func shardsAndProposedTies() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx", metadata: ["kept": true])
    let out = scratch.path("m.safetensors")
    let made = try Command.run("convert", file, out, "--max-shard-size", "20", "--json")
    #expect(made.code == 0 && made.errors.contains("shards and"))
    let index = out + ".index.json"
    #expect(try Command.run("digest", index).text == Command.run("digest", file).text)
    #expect(try Command.run("convert", file, out, "--max-shard-size", "1GB").code == 2)
    let again = try Command.run("convert", index, out, "--max-shard-size", "1GB", "--force")
    #expect(again.code == 0 && again.errors.contains("removed \(index)"))
    #expect(try Command.run("digest", out).text == Command.run("digest", file).text)
    #expect(try Command.run("convert", file, out, "--max-shard-size", "1G").code == 2)

    let header = #"{"__metadata__":{"b":"a"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    let dropped = scratch.path("d.safetensors")
    try (length + Data(header.utf8) + Data([1])).write(to: URL(fileURLWithPath: dropped))
    #expect(try Command.run("inspect", dropped).text.contains("proposed ties"))
    #expect(
      try Command.run("inspect", dropped, "--json").json()["proposedTies"]
        == [["dropped": ["b"], "kept": ["a"]]])
    let without = try Command.run("convert", dropped, scratch.path("0.refx"))
    #expect(without.code == 0 && without.errors.contains("--accept-ties"))
    let tied = scratch.path("1.refx")
    #expect(try Command.run("convert", dropped, tied, "--accept-ties").errors == "")
    #expect(try Command.run("inspect", tied, "--shared").text.contains("1 shared"))
  }

  @Test func convertWritesNumPyFiles() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx", metadata: ["kept": true])
    for level in ["none", "best"] {
      let out = scratch.path("\(level).npz")
      #expect(try Command.run("convert", file, out, "--compression", level).code == 0)
      #expect(try Command.run("digest", out).text == Command.run("digest", file).text)
      #expect(try Command.run("inspect", out, "--json").json()["metadata"] == ["kept": true])
    }
    let refused = try Command.run("convert", file, scratch.path("m.npy"))
    #expect(refused.code == 2 && refused.errors.contains("refx get FILE PATH"))
    let one = try scratch.save(
      .leaf(Leaf(Tensor([1, 2] as [Float]))), as: "one.refx", metadata: ["kept": true])
    let written = try Command.run("convert", one, scratch.path("one.npy"))
    #expect(written.code == 0 && written.errors.contains("no place for metadata: \"kept\""))
    #expect(try Command.run("digest", scratch.path("one.npy")).text == Command.run("digest", one).text)
  }

  @Test func partitionAndMergeAreInverse() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx", metadata: ["kept": true])
    for suffix in ["refx", "h5"] {
      let folder = scratch.path("parts-\(suffix)")
      #expect(try Command.run("partition", file, "--by-collection", "-o", folder, "--to", suffix).code == 0)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      #expect(names == ["batch_stats.\(suffix)", "params.\(suffix)", "rest.\(suffix)"])
      let back = scratch.path("back-\(suffix).refx")
      #expect(try Command.run(["merge"] + names.map { folder + "/" + $0 } + ["-o", back]).code == 0)
      #expect(try Command.run("digest", back).text == Command.run("digest", file).text)
      #expect(try Command.run("inspect", back, "--json").json()["metadata"] == ["kept": true])
    }
    let select = try Command.run(
      "partition", file, "--select", "path:head=\(scratch.path("head.refx"))", "--rest",
      scratch.path("others.refx"))
    #expect(select.code == 0 && select.errors.contains("was cut"))
    let missing = try Command.run("merge", scratch.path("head.refx"), "-o", scratch.path("x.refx"))
    #expect(missing.code == 2 && missing.errors.contains("no part fills"))
    #expect(!FileManager.default.fileExists(atPath: scratch.path("x.refx")))
    let both = try Command.run(
      "merge", scratch.path("others.refx"), scratch.path("head.refx"), "-o", scratch.path("x.refx"))
    #expect(both.code == 0)
    #expect(try Command.run("diff", file, scratch.path("x.refx")).code == 0)
  }

  @Test func convertCastsAndTags() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let out = scratch.path("out.safetensors")
    let result = try Command.run("convert", file, out, "--dtype", "float32=bfloat16", "--tag", "step=state")
    #expect(result.code == 0, "\(result.errors)")
    let listing = try Command.run("inspect", out, "--json").json()
    #expect(listing["leaves"]?[0]?["dtype"] == "bfloat16" && listing["totals"]?["shared"] == 1)
    #expect(listing["leaves"]?[5]?["collection"] == "state")
    let dry = try Command.run("convert", file, scratch.path("dry.refx"), "--dry-run")
    #expect(dry.code == 0 && !FileManager.default.fileExists(atPath: scratch.path("dry.refx")))
  }

  /// A dry run says the files that are then written, and refuses what then would be refused.
  @Test func aDryRunIsTrue() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    for size in ["1", "40", "1GB"] {
      let folder = try Scratch()
      let arguments = ["convert", file, folder.path("out.safetensors"), "--max-shard-size", size, "--json"]
      let planned = try Command.run(arguments + ["--dry-run"]).json()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("")).isEmpty)
      let done = try Command.run(arguments).json()
      #expect(planned["files"] == done["files"] && (done["files"] == nil) == (size == "1GB"))
    }
    let out = scratch.path("out.safetensors")
    for arguments in [["--shared", "error"], ["--to", "npy"]] {
      let planned = try Command.run(["convert", file, out, "--dry-run"] + arguments)
      let done = try Command.run(["convert", file, out] + arguments)
      #expect(planned.code == 2 && planned.errors == done.errors, "\(planned.errors)")
    }
  }
}

/// A text that stands in Fixtures; `REFX_UPDATE_FIXTURES=1` writes it anew.
struct Golden {
  private let file: URL

  init(_ name: String) {
    file = Repository.folder.appending(path: "Fixtures").appending(path: name)
  }

  func check(_ text: String) throws {
    if ProcessInfo.processInfo.environment["REFX_UPDATE_FIXTURES"] != nil {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    guard let expected = try? String(contentsOf: file, encoding: .utf8) else {
      Issue.record("there is no \(file.path); REFX_UPDATE_FIXTURES=1 makes it")
      return
    }
    #expect(text == expected, "\(file.lastPathComponent) is another; REFX_UPDATE_FIXTURES=1 makes it anew")
  }
}
