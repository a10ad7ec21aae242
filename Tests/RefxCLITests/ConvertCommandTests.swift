import Foundation
import Refx
import RefxStore
import Testing

/// The options of `convert`, each by what it does.
@Suite struct ConvertCommandTests {
  private let folder: Scratch
  private let model: String
  private let out: String

  init() throws {
    folder = try Scratch()
    model = try folder.save(smallModel(), as: "m.refx")
    out = folder.path("o.refx")
  }

  private func leaves(_ file: String) throws -> [(path: JSON?, collection: JSON?)] {
    let json = try Command.run("inspect", file, "--json").json()
    return (0..<(json["leaves"]?.count ?? 0)).map { place in
      (json["leaves"]?[place]?["path"], json["leaves"]?[place]?["collection"])
    }
  }

  @Test func tagsAreGivenByGlobAndByExpression() throws {
    for (pattern, more) in [("*e", []), ("(nam|n.th).*|.*e", ["--regex"])] as [(String, [String])] {
      // "step", "mean" and others do not end in e, and "name" and "none" are no arrays.
      let tagged = try Command.run(["convert", model, out, "--force", "--tag", "\(pattern)=x"] + more)
      #expect(tagged.code == 0 && tagged.errors == "refx: --tag \(pattern)=x gives nothing a collection\n")
    }
    let tagged = try Command.run("convert", model, out, "--force", "--tag", "st.p|mea[a-z]=x", "--regex")
    #expect(tagged.code == 0 && tagged.errors.isEmpty)
    #expect(try leaves(out).filter { $0.collection == "x" }.map(\.path) == [["mean"], ["step"]])
    #expect(
      try Command.run("convert", model, out, "--force", "--tag", "st.p|mea[a-z]=x").errors.contains("nothing")
    )
  }

  @Test func whatFitsNothingIsSaid() throws {
    let result = try Command.run(
      "convert", model, out, "--tag", "zzz=params", "--tag", "step=s", "--tag", "**=t", "--tag", "head=u",
      "--dtype", "int8=float32", "--dtype", "float64=float32")
    #expect(result.code == 0)
    #expect(
      result.errors == """
        refx: --tag zzz=params gives nothing a collection
        refx: --tag head=u gives nothing a collection
        refx: --dtype casts nothing: no array is of int8

        """)
    #expect(try Command.run("convert", model, out, "--tag", "zzz=p", "--force", "--quiet").errors.isEmpty)
    let twice = try Command.run(
      "convert", model, out, "--dtype", "float32=float16", "--dtype", "float32=bfloat16", "--force")
    #expect(twice.code == 2)
    #expect(
      twice.errors
        == "refx: --dtype cannot take 'float32=bfloat16': expected one dtype for float32, which is to be "
        + "float16 already\n")
    #expect(
      try Command.run(
        "convert", model, out, "--dtype", "float32=float16", "--dtype", "float32=float16", "--force"
      ).code == 0)
  }

  @Test func namesAreNestedAndFlattened() throws {
    let flat = try folder.save(
      ["a.b": numbers([1] as [Float]), "a.c": numbers([2] as [Float])], as: "f.refx")
    #expect(try Command.run("convert", flat, out, "--nest", ".").code == 0)
    #expect(try leaves(out).map(\.path) == [["a", "b"], ["a", "c"]])
    let back = folder.path("b.refx")
    #expect(try Command.run("convert", out, back, "--flatten", ":").code == 0)
    #expect(try leaves(back).map(\.path) == [["a:b"], ["a:c"]])
    let names = folder.path("n.safetensors")
    #expect(try Command.run("convert", out, names, "--flatten", "/").code == 0)
    let header = String(decoding: try Data(contentsOf: URL(fileURLWithPath: names)), as: UTF8.self)
    #expect(header.contains("\"a/b\"") && !header.contains("\"a.b\""))
    #expect(try Command.run("diff", out, names).code == 0)
    #expect(try Command.run("convert", flat, out, "--nest", ".", "--flatten", ".").code == 2)
  }

  @Test func skippedLeavesAreNamedEvenQuietly() throws {
    let foreign = WorkerTests.committed
    let refused = try Command.run("convert", foreign, out)
    #expect(refused.code == 2 && refused.errors.contains("leave them out with --skip-unsupported"))
    for quiet in [[], ["--quiet"]] {
      let done = try Command.run(
        ["convert", foreign, out, "--skip-unsupported", "--json", "--force"] + quiet)
      #expect(done.code == 0)
      #expect(
        done.errors.contains("refx: \(foreign): group/away: skipped: external: it is a link to another file"))
      let skipped = try done.json()["skipped"]
      #expect(skipped?.count == 1 && skipped?[0]?.names == ["file", "path", "type", "reason"])
      #expect(skipped?[0]?["path"] == ["group", "away"] && skipped?[0]?["type"] == "external")
    }
    #expect(try leaves(out).count == 8)
    #expect(
      try Command.run("convert", foreign, out, "--skip-unsupported", "--dry-run", "--json", "--force").json()[
        "skipped"]?.count == 1)
    #expect(try Command.run("convert", model, out, "--json", "--force").json()["skipped"] == nil)
    #expect(
      try Command.run("convert", model, out, "--skip-unsupported", "--json", "--force").json()["skipped"]
        == [])
  }

  @Test func overflowIsSaidEvenQuietly() throws {
    let large = try folder.save(
      ["a": numbers([1e300, 1] as [Double]), "b": numbers([2] as [Double])], as: "l.refx")
    let done = try Command.run("convert", large, out, "--dtype", "float64=float32", "--quiet", "--json")
    #expect(done.code == 0)
    #expect(
      done.errors
        == "refx: \(large): a: a value is too large for the new dtype and became infinite or NaN\n")
    #expect(try done.json()["overflowed"] == [["a"]])
    #expect(try Command.run("get", out, "a").text == "inf\n1.0\n")
    #expect(try Command.run("convert", large, out, "--dtype", "float64=int8", "--force").code == 2)
    #expect(try Command.run("get", out, "b").text == "2.0\n")
  }

  /// Each policy by what other readers find.
  @Test(arguments: ["safetensors", "npz"]) func sharingIsKeptOrDuplicated(suffix: String) throws {
    var found: [String: [String]] = [:]
    for policy in ["keep", "duplicate"] {
      let file = folder.path("\(policy).\(suffix)")
      #expect(try Command.run("convert", model, file, "--shared", policy).code == 0)
      let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)), as: UTF8.self)
      found[policy] = ["embedding", "head"].filter {
        text.contains(suffix == "npz" ? "\($0).npy" : "\"\($0)\":{\"dtype\"")
      }
    }
    #expect(found == ["keep": ["embedding"], "duplicate": ["embedding", "head"]])
    let digest = try Command.run("digest", model).text
    #expect(try Command.run("digest", folder.path("keep.\(suffix)")).text == digest)
    #expect(
      try Command.run("diff", model, folder.path("duplicate.\(suffix)"), "--only", "value").code == 0)
    let refused = try Command.run("convert", model, folder.path("e.\(suffix)"), "--shared", "error")
    #expect(refused.code == 2 && refused.errors.contains("head"))
  }

  @Test func aFormatIsForced() throws {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: model)))
    let nameless = try folder.write(bytes, as: "checkpoint")
    #expect(try Command.run("convert", nameless, out, "--from", "refx").code == 0)
    let wrong = try Command.run("convert", nameless, folder.path("x.refx"), "--from", "safetensors")
    #expect(wrong.code == 2 && wrong.errors.hasPrefix("refx: \(nameless): "))
    #expect(
      try Command.run("convert", model, out, "--max-nodes", "2", "--force").errors.contains("more nodes"))
  }

  @Test func theDryRunRefusesWhatTheRunWould() throws {
    let plain = folder.path("there.refx")
    #expect(try Command.run("convert", model, plain).code == 0)
    let sharded = folder.path("s.safetensors")
    #expect(try Command.run("convert", model, sharded, "--max-shard-size", "16").code == 0)
    for arguments in [
      [plain], [folder.path("missing/a.refx")], [folder.url.path, "--force"], [plain + "/a.refx"],
      [sharded, "--max-shard-size", "16"], [sharded, "--max-shard-size", "32"], [sharded + ".index.json"],
      [folder.path("x.gguf")],
    ] {
      let run = try Command.run(["convert", model] + arguments)
      let dry = try Command.run(["convert", model] + arguments + ["--dry-run"])
      #expect(run.code == 2 && dry.code == 2 && dry.output.isEmpty, "\(arguments)")
      #expect(run.errors == dry.errors, "\(arguments)")
    }
    #expect(try Command.run("convert", model, plain, "--dry-run", "--force").code == 0)
    #expect(try Command.run("convert", model, "-", "--dry-run").text.hasPrefix("would write - as refx\n"))
  }
}
