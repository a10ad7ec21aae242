import Foundation
import Refx
import RefxStore
import Testing

@Suite struct VerifyCommandTests {
  private static func fixture(_ name: String) -> String {
    Repository.folder.appending(path: "Fixtures/foreign/\(name)").path
  }

  /// What is said of a sound file tells how much of it has checksums.
  @Test func howMuchWasVouchedForIsSaid() throws {
    let scratch = try Scratch()
    let tree: Tree<Leaf> = [
      "a": first(numbers([1] as [Float]), 0), "b": again(0), "c": numbers([2] as [Float]),
    ]
    let one: Tree<Leaf> = ["a": numbers([1] as [Float])]
    let files: [(file: String, words: String, counts: [JSON])] = [
      (try scratch.save(tree, as: "m.refx"), "sound, 2 arrays checked", [2, 0, 0]),
      (try scratch.save(tree, as: "m.h5"), "sound, 2 arrays checked", [2, 0, 0]),
      (try scratch.save(tree, as: "m.npz"), "sound, 2 arrays checked", [2, 0, 0]),
      (
        try scratch.save(tree, as: "m.safetensors"), "sound, but none of its 2 arrays has a checksum",
        [2, 2, 0]
      ),
      (try scratch.save(one, as: "o.safetensors"), "sound, but its array has no checksum", [1, 1, 0]),
      (try scratch.save(one, as: "o.refx"), "sound, 1 array checked", [1, 0, 0]),
      (try scratch.save(["x": .static(1)], as: "s.refx"), "sound, it has no arrays", [0, 0, 0]),
      (Self.fixture("chunk-listings.h5"), "sound, but 10 of its 14 arrays have no checksum", [14, 10, 0]),
      (Self.fixture("keras/model.keras"), "sound, 8 arrays checked", [8, 0, 0]),
      (Self.fixture("keras/model.weights.h5"), "sound, but none of its 8 arrays has a checksum", [8, 8, 0]),
      (
        WorkerTests.committed,
        "sound, but 5 of its 6 arrays have no checksum; 1 leaf that cannot be decoded was not looked at",
        [6, 5, 1]
      ),
    ]
    for (file, words, counts) in files {
      #expect(try Command.run("verify", file).text == "\(file): \(words)\n")
      #expect(try Command.run("verify", "--quiet", file).output.isEmpty)
      let verdict = try Command.run("verify", "--json", file).json()[0]
      #expect(verdict?.names == ["file", "sound", "problems", "arrays", "unchecked", "unsupported"])
      #expect([verdict?["arrays"], verdict?["unchecked"], verdict?["unsupported"]] == counts, "\(file)")
    }
  }

  /// An array that says it is checked is: a changed byte of its values is found.
  @Test(arguments: ["m.refx", "m.h5", "m.npz"]) func whatIsCheckedIsChecked(name: String) throws {
    let scratch = try Scratch()
    let values = (0..<64).map { Float($0) * 1.25 }
    let file = try scratch.save(["a": numbers(values)], as: name)
    #expect(try Command.run("verify", file).text.hasSuffix("1 array checked\n"))
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    let wanted = values[10..<14].flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } }
    let place = bytes.indices.dropLast(16).first { bytes[$0..<($0 + 16)].elementsEqual(wanted) }
    // Where it is compressed there is no such row of bytes.
    bytes[try #require(place) + 5] ^= 1
    let damaged = try scratch.write(bytes, as: "bad-" + name)
    #expect(try Command.run("verify", damaged).code == 1)
  }

  @Test func mistakesAreNotTheFilesFault() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    let wrong = try Command.run("verify", file, "--from", "nope")
    #expect(wrong.code == 2 && wrong.output.isEmpty && wrong.errors.contains("the format 'nope'"))
    #expect(try Command.run("verify", file, "--from", "nope", "--json").json().names == ["error"])
    let missing = scratch.path("missing.refx")
    let text = try Command.run("verify", file, missing)
    #expect(text.code == 2 && text.text.split(separator: "\n").count == 1 && text.text.contains("sound"))
    #expect(text.errors == "refx: \(missing): cannot open the file: No such file or directory\n")
    let document = try Command.run("verify", missing, "--json").json()[0]
    #expect(document?["problems"]?[0]?["what"] == "cannot open the file: No such file or directory")
    #expect(document?["arrays"] == .null)
    // A damaged file is named once, on standard output.
    let cut = try scratch.write(
      Array(try Data(contentsOf: URL(fileURLWithPath: file)).dropLast(5)), as: "cut.refx")
    let damaged = try Command.run("verify", cut)
    #expect(damaged.code == 1 && damaged.errors.isEmpty && damaged.text.hasPrefix("\(cut): the file "))
    #expect(damaged.text.components(separatedBy: "cut.refx").count == 2)
  }

  @Test func eachOptionDoesWhatItSays() throws {
    let scratch = try Scratch()
    let file = try scratch.save(smallModel(), as: "m.refx")
    func verify(_ arguments: String...) throws -> Command.Result {
      try Command.run(["verify", file] + arguments)
    }
    let plain = try verify()
    #expect(plain.code == 0 && plain.text == "\(file): sound, 3 arrays checked\n" && plain.errors.isEmpty)
    #expect(try verify("--from", "refx").output == plain.output)
    #expect(try verify("--from", "npz").code == 1)
    #expect(try verify("-q").output.isEmpty && verify("-q").code == 0)
    #expect(try verify("--color", "always").output == plain.output)
    #expect(try verify("--progress", "always").errors.contains("verifying"))
    #expect(try verify("--max-depth", "0").errors.contains("more levels than it may"))
    #expect(try verify("--max-depth", "0").code == 2)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    #expect(try Command.run(["verify", "-"], input: bytes).text == "-: sound, 3 arrays checked\n")
    #expect(try Command.run(["verify", "-"], input: bytes.dropLast(3)).code == 1)
  }
}
