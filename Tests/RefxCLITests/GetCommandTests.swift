import Foundation
import Refx
import RefxStore
import RefxTestSupport
import Testing

@Suite struct GetCommandTests {
  private static let words = ["a\u{1B}b", "a\\u{1B}b", "\u{202E}é\u{85}", "x", "", "\"z\""]

  private static let tree: Tree<Leaf> = [
    "bool": numbers([true, false]), "byte": numbers([3, 255] as [UInt8]),
    "complex": numbers([Complex<Float>(1, -2), Complex<Float>(.nan, .infinity)]),
    "count": .static(7), "empty": numbers([] as [Float], shape: [0, 5]),
    "matrix": numbers([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]), "name": .static("relu"),
    "none": numbers([1] as [Int8]), "odd": numbers([.nan, -.infinity, .infinity, -0.0, 1e30] as [Double]),
    "text": .leaf(.text(words, shape: [2, 3])), "wide": numbers([UInt64.max, 0] as [UInt64]),
  ]

  private let scratch: Scratch
  private let file: String

  init() throws {
    scratch = try Scratch()
    file = try scratch.save(GetCommandTests.tree, as: "m.refx")
  }

  @Test(arguments: [
    ("bool", #""bool","shape":[2],"values":[true,false]"#),
    ("byte", #""uint8","shape":[2],"values":[3,255]"#),
    ("complex", #""complex64","shape":[2],"values":[[1.0,-2.0],["nan","inf"]]"#),
    ("count", #""int64","shape":[],"values":[7]"#), ("empty", #""float32","shape":[0,5],"values":[]"#),
    ("matrix", #""float32","shape":[2,3],"values":[1.0,2.0,3.0,4.0,5.0,6.0]"#),
    ("name", #""string","shape":[],"values":["relu"]"#),
    ("odd", #""float64","shape":[5],"values":["nan","-inf","inf",-0.0,1e+30]"#),
    ("wide", #""uint64","shape":[2],"values":[18446744073709551615,0]"#),
  ])
  func theDocumentHasTheValues(path: String, rest: String) throws {
    let result = try Command.run("get", file, path, "--json")
    #expect(result.code == 0 && result.errors == "")
    #expect(result.text == #"{"file":"\#(file)","path":["\#(path)"],"dtype":\#(rest)}"# + "\n")
    #expect(try result.json().names == ["file", "path", "dtype", "shape", "values"])
  }

  /// More than is kept back in memory, so that it is written while it is read.
  @Test func largeArraysAreWrittenInPieces() throws {
    let values = (0..<300_000).map { Double($0) / 7 }
    let texts = (0..<40_000).map { "string number \($0), which is not short" }
    let large = try scratch.save(
      ["a": numbers(values), "t": .leaf(.text(texts, shape: [40_000]))], as: "large.refx")
    let document = try Command.run("get", large, "a", "--json").json()
    #expect(document["values"]?.count == values.count)
    for position in [0, 131_071, 131_072, 299_999] {
      guard case .number(let value)? = document["values"]?[position] else {
        Issue.record("\(position) is no number")
        continue
      }
      #expect(value == values[position])
    }
    let read = try Command.run("get", large, "t", "--json").json()
    #expect(read["values"]?.count == texts.count && read["values"]?[39_999] == .string(texts[39_999]))
    // Damage far behind what is read first still leaves one document, which is the error.
    var random = SeededRandom(seed: 1)
    let noise = (0..<300_000).map { _ in Double(random.below(1 << 50)) }
    var bytes = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: try scratch.save(["a": numbers(noise)], as: "noise.refx"))))
    bytes[bytes.count * 9 / 10] ^= 0xFF
    let damaged = try scratch.write(bytes, as: "damaged.refx")
    let failed = try Command.run("get", damaged, "a", "--json")
    #expect(failed.code == 2 && failed.output.count < 1000)
    #expect(try failed.json().names == ["error"])
  }

  @Test func whatWasWrittenIsSaid() throws {
    let out = scratch.path("m.npy")
    let made = try Command.run(
      "get", file, "matrix", "-o", out, "--json", "--slice", "1", "--dtype", "float64")
    let document = try made.json()
    #expect(document.names == ["file", "path", "dtype", "shape", "bytes", "output"])
    #expect(document["dtype"] == "float64" && document["shape"] == [3] && document["bytes"] == 24)
    #expect(document["output"] == .string(out))
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)).count == 128 + 24)
  }

  @Test func textIsWrittenSoThatNoTwoLookAlike() throws {
    let text = try Command.run("get", file, "text").text
    #expect(
      text == #""a\u001bb" "a\\u{1B}b" "\u202eé\u0085""# + "\n" + #""x" "" "\"z\"""# + "\n")
    let document = try Command.run("get", file, "text", "--json")
    #expect(try document.json()["values"] == .array(GetCommandTests.words.map { .string($0) }))
    #expect(document.text.unicodeScalars.allSatisfy { $0 != "\u{1B}" && $0 != "\u{202E}" && $0 != "\u{85}" })
  }

  @Test func textIsSliced() throws {
    #expect(try Command.run("get", file, "text", "--slice", "1,::2").text == "\"x\"\n\"\\\"z\\\"\"\n")
    #expect(
      try Command.run("get", file, "text", "--slice=:,-2", "--json").json()["values"] == ["a\\u{1B}b", ""])
    let refused = try Command.run("get", file, "text", "--slice", "2")
    #expect(
      refused.code == 2 && refused.errors.contains("text: the slice '2' cannot be taken: 2 is out of range"))
    #expect(try Command.run("get", file, "text", "--slice", "0", "-o", scratch.path("t.npy")).code == 0)
  }

  /// Each with what the sentence must say.
  @Test(arguments: [
    (["matrix", "--slice", "5"], ": matrix: the slice '5' cannot be taken: 5 is out of range on axis 0"),
    (
      ["matrix", "--slice", "0,0,0"],
      ": matrix: the slice '0,0,0' cannot be taken: it names 3 axes, and the array has 2"
    ),
    (["bool", "--slice", "0,0"], "it names 2 axes, and the array has 1"),
    (["matrix", "--slice", "a"], "'a' is no number; write it as 0:10,:,3"),
    (
      ["matrix", "--slice", "-1"], "--slice needs a value, and '-1' reads as another option; write --slice=-1"
    ),
    (["matrix", "-o", "-x"], "--output needs a value, and '-x' reads as another option; write --output=-x"),
    (["matrix", "--slice", "--json"], "--slice needs a value: RANGES; see refx get --help"),
    (["name", "--slice", "0"], ": name: a static value is no array, so there is nothing for --slice to do"),
    (
      ["count", "--dtype", "float32"],
      ": count: a static value is no array, so there is nothing for --dtype to do"
    ),
    (["name", "-o", "x.npy"], "print it with -o -"),
    (["nome"], ": nome: nothing stands there; the nearest names are 'name', 'none'"),
    (["wid"], "the nearest names are 'wide', 'odd'"),
    ([""], "name one of its members: 'bool', 'byte', "),
  ])
  func mistakesAreSaidInASentence(arguments: [String], sentence: String) throws {
    let result = try Command.run(["get", file] + arguments)
    #expect(result.code == 2 && (result.output.isEmpty || arguments.contains("--json")))
    #expect(result.errors.contains(sentence), "\(result.errors)")
  }

  @Test func errorsOfSlicesNameTheirPath() throws {
    let error = try Command.run("get", file, "matrix", "--slice", "5", "--json").json()["error"]
    #expect(error?["path"] == ["matrix"] && error?["file"] == .string(file))
    let unsupported = try Command.run("get", WorkerTests.committed, try GetCommandTests.unsupported())
    #expect(unsupported.code == 2 && !unsupported.errors.contains("--skip-unsupported"))
    #expect(unsupported.errors.contains("cannot be represented"), "\(unsupported.errors)")
  }

  private static func unsupported() throws -> String {
    let leaves = try Command.run("inspect", WorkerTests.committed, "--json").json()["leaves"]
    let rows = (0..<(leaves?.count ?? 0)).compactMap { leaves?[$0] }
    let row = try #require(rows.first { $0["kind"] == "unsupported" })
    guard case .array(let keys)? = row["path"] else { return "" }
    return keys.compactMap { if case .string(let key) = $0 { key } else { nil } }.joined(separator: "/")
  }

  @Test func eachOptionDoesWhatItSays() throws {
    func get(_ arguments: String...) throws -> Command.Result {
      try Command.run(["get", file, "matrix"] + arguments)
    }
    let plain = "1.0 2.0 3.0\n4.0 5.0 6.0\n"
    #expect(try get().text == plain && get("-o", "-").text == plain)
    #expect(try get("--dtype", "int8").text == "1 2 3\n4 5 6\n")
    #expect(try get("--from", "refx").text == plain && get("--from", "npz").code == 2)
    #expect(try get("--color", "always").text == plain)
    #expect(try get("--max-bytes", "1").errors.contains("more bytes of values than it may"))
    #expect(try get("--progress", "always").errors.contains("reading") && get().errors.isEmpty)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(try Command.run(["get", "-", "matrix"], input: bytes).text == plain)
    #expect(try Command.run(["get", "-", "matrix", "--json"], input: bytes).json()["file"] == "-")

    let out = scratch.path("o.npy")
    let written = try get("-o", out, "--progress", "always")
    #expect(written.code == 0 && written.output.isEmpty && written.errors.contains("100%"))
    let first = try Data(contentsOf: URL(fileURLWithPath: out))
    let refused = try get("-o", out, "--slice", "0")
    #expect(refused.code == 2 && refused.errors.contains("--force"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == first)
    #expect(try get("-o", out, "--slice", "0", "--force").code == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: out)).count == 128 + 12)
  }

  @Test func quietSilencesNotes() throws {
    let loud = try Command.run("get", WorkerTests.committed, "plain", "--json")
    let quiet = try Command.run("get", WorkerTests.committed, "plain", "--json", "-q")
    #expect(loud.code == 0 && loud.errors.contains("is a committed type") && quiet.errors.isEmpty)
    #expect(quiet.output == loud.output)
  }

  @Test func whatIsReadIsNeverReplaced() throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: file))
    let other = try scratch.save(smallModel(), as: "other.refx")
    try FileManager.default.createSymbolicLink(atPath: scratch.path("soft"), withDestinationPath: file)
    try FileManager.default.linkItem(atPath: file, toPath: scratch.path("hard"))
    for name in ["m.refx", "soft", "hard"] {
      for arguments in [
        ["get", file, "matrix"], ["graph", file], ["report", file], ["report", other, file],
      ] {
        let result = try Command.run(arguments + ["-o", scratch.path(name), "--force"])
        #expect(result.code == 2 && result.errors.contains("it would be lost"), "\(arguments)")
      }
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
  }

  @Test func aFIFOIsToBePipedIn() throws {
    let fifo = scratch.path("fifo")
    #expect(mkfifo(fifo, 0o600) == 0)
    let result = try Command.run("get", fifo, "a")
    #expect(result.code == 2 && result.errors.contains("found a FIFO; pass - and pipe it in"))
  }
}
