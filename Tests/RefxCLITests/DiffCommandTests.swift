import Foundation
import Refx
import RefxStore
import Testing

/// `diff`, as a process: what each flag does.
@Suite struct DiffCommandTests {
  /// Two files that differ in every kind, and in values by little, by much, and by NaN.
  private static func pair(in scratch: Scratch) throws -> (a: String, b: String) {
    func tree(_ isNew: Bool) -> Tree<Leaf> {
      let payload = Double(bitPattern: Double.nan.bitPattern | (isNew ? 5 : 3))
      let tied: Tree<Leaf> = isNew ? first(numbers([1, 2] as [Float]), 1, "p") : again(0, "p")
      return [
        "a": first(numbers([1, 2] as [Float]), 0, isNew ? "q" : "p"), "b": tied,
        isNew ? "moved" : "m": numbers([9, 8, 7] as [Int32]),
        "nan": numbers([payload]), "near": numbers([1, isNew ? 2.001 : 2]),
        "t": isNew ? numbers([1] as [Double]) : numbers([1] as [Float]),
      ]
    }
    return (try scratch.save(tree(false), as: "a.refx"), try scratch.save(tree(true), as: "b.h5"))
  }

  private static func counts(_ options: String..., in scratch: Scratch) throws -> [JSON?] {
    let (a, b) = (scratch.path("a.refx"), scratch.path("b.h5"))
    let json = try Command.run(["diff", a, b, "--json"] + options).json()
    return TreeDiff.Kind.allCases.map { json["counts"]?[$0.rawValue] }
  }

  @Test func eachFlagHasItsEffect() throws {
    let scratch = try Scratch()
    let (a, b) = try DiffCommandTests.pair(in: scratch)
    for (options, expected) in [
      ([], [2, 1, 1, 1, 2]), (["--renames"], [1, 1, 1, 1, 2]), (["--equal-nan"], [2, 1, 1, 1, 1]),
      (["--atol", "0.01"], [2, 1, 1, 1, 1]), (["--rtol", "0.01"], [2, 1, 1, 1, 1]),
      (["--rtol", "0.0001"], [2, 1, 1, 1, 2]), (["--only", "type,value"], [0, 0, 0, 1, 2]),
      (["--ignore", "type,value"], [2, 1, 1, 0, 0]), (["--exact"], [2, 1, 1, 1, 2]),
      (["--only", "value", "--equal-nan", "--atol", "0.01"], [0, 0, 0, 0, 0]),
    ] as [([String], [Int64])] {
      let json = try Command.run(["diff", a, b, "--json"] + options)
      let found = try json.json()
      #expect(
        TreeDiff.Kind.allCases.map { found["counts"]?[$0.rawValue] } == expected.map { .integer($0) },
        "\(options) \(json.text)")
      let code: Int32 = expected.allSatisfy { $0 == 0 } ? 0 : 1
      let text = try Command.run(["diff", a, b, "--all"] + options)
      let quiet = try Command.run(["diff", a, b, "--quiet"] + options)
      #expect(json.code == code && text.code == code && quiet.code == code, "\(options)")
      #expect(quiet.output.isEmpty && quiet.errors.isEmpty, "\(options) \(quiet.text) \(quiet.errors)")
      #expect(text.text.contains("> m → moved") == options.contains("--renames"), "\(text.text)")
    }
    let json = try Command.run("diff", a, b, "--json", "--quiet").json()
    #expect(json["unchanged"] == 1 && json["equal"] == false)
    #expect(try Command.run("diff", a, b, "--ignore", "value", "--json").json()["unchanged"] == .null)
    #expect(try Command.run("diff", a, b).text.hasSuffix("\n1 of 5 arrays is equal\n"))
  }

  @Test func theExampleOfTheHelpIsTrue() throws {
    let scratch = try Scratch()
    _ = try DiffCommandTests.pair(in: scratch)
    for (other, answer) in [("b.h5", "they differ\n"), ("a.refx", "")] {
      let shell = try Command.shell("$REFX diff --quiet a.refx \(other) || echo \"they differ\"", in: scratch)
      #expect(shell.text == answer)
    }
    // Trouble is no answer, and is told.
    let missing = try Command.run("diff", "--quiet", scratch.path("a.refx"), scratch.path("none"))
    #expect(missing.code == 2 && missing.output.isEmpty && missing.errors.contains("none"))
  }

  @Test func textShowsTheLargestChangesFirstAndJSONTheOrderOfPaths() throws {
    let scratch = try Scratch()
    func tree(_ step: Float) -> Tree<Leaf> {
      .dictionary((0..<40).map { (Key("w\($0 + 10)"), numbers([0, Float($0 % 39) * step])) })
    }
    let a = try scratch.save(tree(0), as: "a.refx")
    let b = try scratch.save(tree(1), as: "b.refx")
    let text = try Command.run("diff", a, b).text
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.first == "value: 38, the largest 12")
    let header = try #require(lines.dropFirst().first)
    #expect(header == "  path  changed  max abs  max rel    rms", "\(text)")
    #expect(lines.dropFirst(2).first == "  w48    1 of 2       38      inf  26.87", "\(text)")
    #expect(lines.dropFirst(2).prefix(12).map { $0.prefix(5) } == (0..<12).map { "  w\(48 - $0)" })
    #expect(lines.suffix(2) == ["  … and 26 more (--all)", "2 of 40 arrays are equal"])
    let all = try Command.run("diff", a, b, "--all").text.split(separator: "\n")
    #expect(all.count == 2 + 38 + 1 && all[0] == "value: 38" && all[2].hasPrefix("  w11 "))
    let rows = try Command.run("diff", a, b, "--json").json()["value"]
    #expect(rows?[0]?["path"] == ["w11"] && rows?.count == 38)
  }

  @Test func rowsOfTiesShowTheirGroups() throws {
    let scratch = try Scratch()
    let leaf = numbers([1] as [Float])
    func save(_ groups: [Int], as name: String) throws -> String {
      var seen: Set<Int> = []
      return try scratch.save(
        .dictionary(
          groups.enumerated().map { place, group in
            (Key("k\(place)"), seen.insert(group).inserted ? first(leaf, group) : again(group))
          }), as: name)
    }
    let three = try save([0, 0, 0], as: "three.refx")
    let apart = try save([0, 0, 1], as: "apart.refx")
    let text = try Command.run("diff", three, apart).text
    #expect(text == "topology: 1\n  untied  {k0 k1 k2} → {k0 k1} {k2}\n1 of 1 array is equal\n")
    let many = try save([0, 0, 0, 0, 0, 0], as: "many.refx")
    let halves = try save([0, 0, 0, 1, 1, 1], as: "halves.refx")
    #expect(
      try Command.run("diff", many, halves).text.contains(
        "  untied  {k0 k1 k2 k3 …} → {k0 k1 k2} {k3 …}  6 paths in all\n"))
    // One row for a value: the site farthest off, and that there are more.
    let one = try scratch.save(
      ["a": first(numbers([3, 3] as [Float]), 0), "b": first(numbers([1, 5] as [Float]), 1)], as: "1.refx")
    let tied = try scratch.save(["a": first(numbers([1, 2] as [Float]), 0), "b": again(0)], as: "2.refx")
    let row = try Command.run("diff", tied, one, "--only", "value")
    #expect(row.text.contains("  a      1 of 2        3    1.500  2.121  at b, 1 more\n"), "\(row.text)")
    let json = try Command.run("diff", tied, one, "--json").json()["value"]?[0]
    #expect(json?["path"] == ["a"] && json?["other"] == ["b"] && json?["more"] == 1)
  }

  @Test func standardInputIsGivenOnce() throws {
    let scratch = try Scratch()
    let (a, b) = try DiffCommandTests.pair(in: scratch)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: a))
    #expect(try Command.run("diff", "-", a, input: bytes).text == "equal\n")
    #expect(try Command.run("diff", a, "-", input: bytes).code == 0)
    #expect(try Command.run("diff", "-", b, input: bytes).code == 1)
    let twice = try Command.run("diff", "-", "-", input: bytes)
    #expect(twice.code == 2 && twice.errors.contains("standard input can be given once"), "\(twice.errors)")
  }

  @Test func storedHashesDecideUnlessBytesAreAskedFor() throws {
    let scratch = try Scratch()
    let file = try scratch.save(["w": numbers((0..<4096).map { Float($0) })], as: "w.refx")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    bytes[bytes.count / 3] ^= 0x10
    let damaged = try scratch.write(bytes, as: "d.refx")
    #expect(try Command.run("verify", damaged).code == 1)
    #expect(try Command.run("diff", file, damaged).text == "equal\n")
    for options in [["--exact"], ["--exact", "--quiet"], ["--exact", "--json"]] {
      let exact = try Command.run(["diff", file, damaged] + options)
      #expect(exact.code == 2 && exact.errors.contains("d.refx"), "\(exact.errors)")
    }
  }

  @Test func optionsOfInputAndOutputHaveTheirEffect() throws {
    let scratch = try Scratch()
    let (a, b) = try DiffCommandTests.pair(in: scratch)
    #expect(try Command.run("diff", a, a, "--from", "refx").text == "equal\n")
    #expect(try Command.run("diff", a, a, "--from", "npz").code == 2)
    let odd = WorkerTests.committed
    let refused = try Command.run("diff", odd, odd)
    #expect(refused.code == 2 && refused.output.isEmpty)
    let skipped = try Command.run("diff", odd, odd, "--skip-unsupported")
    #expect(skipped.code == 0 && skipped.text == "equal\n" && skipped.errors.contains("skipped"))
    let hushed = try Command.run("diff", odd, odd, "--skip-unsupported", "-q")
    // What is left out is said all the same.
    #expect(hushed.code == 0 && hushed.output.isEmpty && hushed.errors.contains("skipped"))
    #expect(try !Command.run("diff", a, b).text.contains("\u{1B}["))
    #expect(try Command.run("diff", a, b, "--color", "always").text.contains("\u{1B}["))
    #expect(try !Command.run("diff", a, b, "--color", "always", "--json").text.contains("\u{1B}"))
    for options in [[], ["--json"], ["--quiet", "--only", "value", "--atol", "100", "--equal-nan"]] {
      let bar = try Command.run(["diff", a, b, "--progress", "always"] + options)
      #expect(bar.errors.contains("comparing"), "\(options) \(bar.errors)")
      #expect(try Command.run(["diff", a, b] + options).errors.isEmpty)
    }
    let limited = try Command.run("diff", a, b, "--max-nodes", "2")
    #expect(limited.code == 2 && limited.errors.contains("a.refx"), "\(limited.errors)")
    #expect(try Command.run("diff", a, b, "--max-bytes", "1M").code == 1)
    for wrong in [["--only", "values"], ["--ignore", ""], ["--rtol", "-1"], ["--atol", "nan"]] {
      #expect(try Command.run(["diff", a, b] + wrong).code == 2, "\(wrong)")
    }
  }
}
