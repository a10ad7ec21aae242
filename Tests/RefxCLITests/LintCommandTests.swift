import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// `lint` as a shell sees it.
@Suite struct LintCommandTests {
  private let folder: Scratch

  init() throws { folder = try Scratch() }

  @Test(arguments: ["refx", "h5", "safetensors", "npz"])
  func aCleanFileIsCleanAndALostTieIsFound(suffix: String) throws {
    let clean = try folder.save(smallModel(), as: "clean.\(suffix)")
    let none = try Command.run("lint", clean)
    #expect(none.code == 0 && none.text == "\(clean): nothing found\n" && none.errors.isEmpty)
    #expect(try Command.run("lint", clean, "--quiet").output.isEmpty)
    let file = try folder.save(smallModel(tied: false), as: "m.\(suffix)")
    let found = try Command.run("lint", file)
    #expect(found.code == 1 && found.errors.isEmpty)
    #expect(
      found.text == """
        equal-not-shared: 1 finding
          embedding, head: 2 arrays of float32 [4, 2] hold the same bytes and are not shared
            if they are one value: refx tie -o tied.\(suffix) \(file) embedding head

        """, "\(found.text)")
    // The command that it names, typed into a shell.
    let json = try Command.run("lint", file, "--json")
    #expect(json.code == 1)
    guard case .string(let command)? = try json.json()["findings"]?[0]?["command"] else {
      Issue.record("no command")
      return
    }
    #expect(try Command.shell("refx() { $REFX \"$@\"; }; \(command)", in: folder).code == 0)
    #expect(try Command.run("diff", clean, folder.path("tied.\(suffix)")).code == 0)
  }

  @Test func theDocumentHasItsFields() throws {
    let file = try folder.save(smallModel(tied: false), as: "m.refx")
    let json = try Command.run("lint", file, "--json").json()
    #expect(json.names == ["file", "findings", "counts", "constantGroups"])
    #expect(json["findings"]?[0]?.names == ["code", "paths", "what", "advice", "command"])
    #expect(json["findings"]?[0]?["paths"] == [["embedding"], ["head"]])
    #expect(json["counts"]?.names == LintCode.allCases.filter { $0 != .equalConstants }.map(\.rawValue))
    #expect(json["counts"]?["equal-not-shared"] == 1)
  }

  @Test func codesAreChosen() throws {
    let file = try folder.save(
      [
        "a": numbers([0, 0] as [Float]), "b": numbers([0, 0] as [Float]),
        "n": numbers([.nan, 1] as [Double]),
        "r": first(numbers([1] as [Float]), 0), "t": first(numbers([.infinity] as [Float]), 1, "x"),
      ], as: "m.refx")
    func found(_ arguments: String...) throws -> [String] {
      let result = try Command.run(["lint", file, "--json"] + arguments)
      let json = try result.json()
      let codes = (0..<(json["findings"]?.count ?? 0)).compactMap { place -> String? in
        if case .string(let code)? = json["findings"]?[place]?["code"] { code } else { nil }
      }
      #expect(result.code == (codes.isEmpty ? 0 : 1))
      return codes
    }
    #expect(try found() == ["nan", "infinite", "untagged-ref"])
    #expect(try found("--constants") == ["equal-constants", "nan", "infinite", "untagged-ref"])
    #expect(try found("--only", "nan,infinite") == ["nan", "infinite"])
    #expect(try found("--only", "nan", "--only", "untagged-ref", "--ignore", "nan") == ["untagged-ref"])
    #expect(try found("--only", "equal-constants") == ["equal-constants"])
    #expect(try found("--ignore", "nan,infinite,untagged-ref").isEmpty)
    let words = try Command.run("lint", file)
    #expect(
      words.errors
        == "refx: \(file): 1 group of equal constant arrays is passed over; --constants lists them\n")
    #expect(
      words.text.contains("n: 1 of 2 float64 elements is NaN\n    see how far it goes: refx inspect --stats ")
    )
    let bad = try Command.run("lint", file, "--only", "nans")
    #expect(
      bad.code == 2 && bad.errors.contains("--only cannot take 'nans': expected codes of findings: equal-not")
    )
  }

  @Test func damageIsAFindingWhereTheCatalogueIsWhole() throws {
    let file = try folder.save(smallModel(), as: "m.refx")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    bytes[70] ^= 1
    let result = try Command.run(
      "lint", try folder.write(bytes, as: "bad.refx"), "--only", "unreadable", "--json")
    #expect(result.code == 1)
    #expect(try result.json()["findings"]?[0]?["code"] == "unreadable")
    for broken in [try folder.write(Array(bytes.dropLast(9)), as: "cut.refx"), folder.path("missing.refx")] {
      let result = try Command.run("lint", broken)
      #expect(result.code == 2 && result.output.isEmpty && result.errors.hasPrefix("refx: \(broken): "))
    }
  }

  @Test func metadataOfSafetensorsIsHeldAgainstTheValues() throws {
    let header =
      "{\"__metadata__\":{\"b\":\"a\",\"c\":\"a\",\"format\":\"pt\"},"
      + "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
      + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}"
    let padded = Array(header.utf8) + Array(repeating: 0x20, count: (8 - header.utf8.count % 8) % 8)
    let count = withUnsafeBytes(of: UInt64(padded.count).littleEndian) { Array($0) }
    let values: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 128, 63, 0, 0, 64, 64]
    let file = try folder.write(count + padded + values, as: "m.safetensors")
    let result = try Command.run("lint", file)
    #expect(result.code == 1)
    #expect(result.text.contains("b, a: the metadata says that 'b' is 'a', and they hold different values"))
    #expect(result.text.contains("refx tie --take=a -o tied.safetensors \(file) b a"), "\(result.text)")
  }

  /// Names that would drive a terminal, end a word of the shell or look like options are still tied by the command.
  @Test func commandsSurviveOddNames() throws {
    let names = [
      "\u{1B}[31m'x", "a b", "it's", "$(touch hacked)", "-o", "é\u{202E}", "--", "`ls`", "\\", "*", "\n",
    ]
    let leaf = numbers([1, 2, 3] as [Float])
    let file = try folder.save(.dictionary(names.map { (Key($0), leaf) }), as: "odd name.refx")
    let result = try Command.run("lint", file)
    #expect(result.code == 1 && !result.text.contains("\u{1B}") && !result.text.contains("\u{202E}"))
    let json = try Command.run("lint", file, "--json").json()
    guard case .string(let command)? = json["findings"]?[0]?["command"] else {
      Issue.record("no command")
      return
    }
    #expect(result.text.contains(command))
    #expect(try Command.shell("refx() { $REFX \"$@\"; }; \(command)", in: folder).code == 0, "\(command)")
    #expect(
      try Command.run("inspect", folder.path("tied.refx"), "--shared", "--json").json()["leaves"]?.count
        == names.count)
    #expect(!FileManager.default.fileExists(atPath: folder.path("hacked")))
    let nan = try folder.save(["a*b\\": numbers([.nan, 1] as [Float])], as: "nan.refx")
    guard case .string(let look)? = try Command.run("lint", nan, "--json").json()["findings"]?[0]?["command"]
    else {
      Issue.record("no command")
      return
    }
    #expect(try Command.shell("refx() { $REFX \"$@\"; }; \(look)", in: folder).text.contains("a*b\\"))
  }

  @Test func whatNobodyElseKnowsIsNoCommand() throws {
    let file = try folder.save(
      ["a*": first(numbers([1] as [Float]), 0), "t": first(numbers([2] as [Float]), 1, "x")], as: "m.refx")
    let found = try Command.run("lint", file, "--json").json()["findings"]
    #expect(found?.count == 1 && found?[0]?["code"] == "untagged-ref" && found?[0]?["command"] == .null)
    #expect(
      found?[0]?["advice"] == .string(#"give them a collection with convert, as --tag 'a\*=COLLECTION'"#))
    // As it is said, it helps.
    let out = folder.path("o.refx")
    #expect(try Command.run("convert", file, out, "--tag", #"a\*=COLLECTION"#).errors.isEmpty)
    #expect(try Command.run("lint", out).code == 0)
    // Standard input cannot be read again.
    let bytes = try Data(
      contentsOf: URL(fileURLWithPath: try folder.save(smallModel(tied: false), as: "u.refx")))
    let piped = try Command.run("lint", "-", "--json", input: bytes)
    #expect(piped.code == 1)
    #expect(try piped.json()["findings"]?[0]?["command"] == .null)
    #expect(try !Command.run("lint", "-", input: bytes).text.contains("refx tie"))
  }

  @Test func everyFlagDoesSomething() throws {
    let file = try folder.save(smallModel(tied: false), as: "m.refx")
    #expect(try Command.run("lint", file, "--from", "refx").code == 1)
    #expect(try Command.run("lint", file, "--from", "h5").code == 2)
    #expect(try Command.run("lint", file, "--color", "always").text.contains("\u{1B}["))
    #expect(try !Command.run("lint", file, "--color", "never").text.contains("\u{1B}"))
    #expect(try Command.run("lint", file, "--progress", "always").errors.contains("reading"))
    #expect(try Command.run("lint", file, "--progress", "never").errors.isEmpty)
    let limited = try Command.run("lint", file, "--max-nodes", "2")
    #expect(limited.code == 2 && limited.errors.contains("more nodes"))
    #expect(try Command.run("lint", file, "--max-nodes", "50").code == 1)
  }
}
