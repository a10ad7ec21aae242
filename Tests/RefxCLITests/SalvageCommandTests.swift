import Foundation
import Refx
import RefxStore
import Testing

/// `refx convert --salvage`: the rest is saved, what is lost is listed, and no script takes it for a clean copy.
@Suite struct SalvageCommandTests {
  private let tree: Tree<Leaf> = [
    "a": numbers([1, 2, 3] as [Float]),
    "b": first(numbers([0x1122_3344_5566_7788, 5] as [Int64]), 0, "params"),
    "c": again(0, "params"), "list": [numbers([9] as [UInt8]), .static("kept")],
  ]

  private let rest: Tree<Leaf> = [
    "a": numbers([1, 2, 3] as [Float]), "list": [numbers([9] as [UInt8]), .static("kept")],
  ]

  /// The file with a bit turned in `b`.
  private func damaged(_ name: String, in scratch: Scratch) throws -> String {
    let file = try scratch.save(tree, as: "sound-\(name)")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    let payload: [UInt8] = [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: payload) })
    bytes[place + 3] ^= 1
    return try scratch.write(bytes, as: name)
  }

  @Test(arguments: ["refx", "h5"], ["refx", "h5", "safetensors"])
  func theRestIsSavedAndWhatIsLostIsListed(from: String, to: String) throws {
    let scratch = try Scratch()
    let file = try damaged("m.\(from)", in: scratch)
    let out = scratch.path("out.\(to)")
    let plain = try Command.run("convert", file, out)
    #expect(plain.code == 2 && !FileManager.default.fileExists(atPath: out))

    let result = try Command.run("convert", "--salvage", file, out)
    #expect(result.code == 1 && result.output.isEmpty)
    let lines = result.errors.split(separator: "\n")
    #expect(lines.count == 1, "\(result.errors)")
    #expect(result.errors.hasPrefix("refx: \(file): b (also at c): lost: "), "\(result.errors)")
    #expect(try Command.run("verify", out).code == 0)
    let expected = try scratch.save(rest, as: "expected.refx")
    #expect(try Command.run("diff", expected, out).code == 0)

    // Quiet or not, what is lost is said.
    #expect(try Command.run("convert", "--salvage", "-q", "--force", file, out).errors == result.errors)
    let json = try Command.run("convert", "--salvage", "--json", "--force", file, out)
    #expect(json.code == 1)
    let document = try json.json()
    #expect(document.names == ["file", "format", "leaves", "lost"])
    #expect(document["lost"]?.count == 1)
    #expect(document["lost"]?[0]?.names == ["path", "sites", "moreSites", "reason"])
    #expect(document["lost"]?[0]?["path"] == ["b"])
    #expect(document["lost"]?[0]?["sites"] == [["b"], ["c"]])
  }

  @Test func aSoundFileIsConvertedAsEver() throws {
    let scratch = try Scratch()
    let file = try scratch.save(tree, as: "m.refx")
    let result = try Command.run("convert", "--salvage", "--json", file, scratch.path("out.refx"))
    #expect(result.code == 0 && result.errors.isEmpty)
    #expect(try result.json()["lost"] == [])
    #expect(try Command.run("convert", file, scratch.path("plain.refx")).code == 0)
    #expect(try Command.shell("cmp out.refx plain.refx", in: scratch).code == 0)
  }

  @Test func aDamagedCatalogueIsRefusedAndNothingIsWritten() throws {
    let scratch = try Scratch()
    let file = try scratch.save(tree, as: "m.refx")
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    for place in [9, bytes.count - 10, bytes.count - 90, bytes.count - 300] {
      var damaged = bytes
      damaged[place] ^= 1
      let bad = try scratch.write(damaged, as: "bad.refx")
      let out = scratch.path("out.refx")
      let result = try Command.run("convert", "--salvage", bad, out)
      #expect(result.code == 2 && result.errors.hasPrefix("refx: "), "byte \(place)")
      #expect(!FileManager.default.fileExists(atPath: out))
    }
  }

  @Test func aDryRunAndAStreamAnswerAlike() throws {
    let scratch = try Scratch()
    let file = try damaged("m.refx", in: scratch)
    let dry = try Command.run("convert", "--salvage", "--dry-run", "--json", file, scratch.path("out.refx"))
    #expect(dry.code == 1 && !FileManager.default.fileExists(atPath: scratch.path("out.refx")))
    #expect(try dry.json()["lost"]?[0]?["path"] == ["b"])
    let streamed = try Command.run("convert", "--salvage", file, "-")
    #expect(streamed.code == 1 && streamed.errors.contains("lost: "))
    let saved = try scratch.write([UInt8](streamed.output), as: "streamed.refx")
    #expect(try Command.run("diff", try scratch.save(rest, as: "expected.refx"), saved).code == 0)
  }

  @Test func whatHasNoChecksumsIsSaidToHaveNone() throws {
    let scratch = try Scratch()
    let flat: Tree<Leaf> = ["flags": numbers([true, false]), "n": numbers([1, 2] as [Float])]
    let file = try scratch.save(flat, as: "m.safetensors")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    bytes[bytes.count - 1] = 7
    let bad = try scratch.write(bytes, as: "bad.safetensors")
    let result = try Command.run("convert", "--salvage", bad, scratch.path("out.refx"))
    #expect(result.code == 1)
    #expect(result.errors.contains("keep no checksums") && result.errors.contains("flags: lost: "))
    let quiet = try Command.run("convert", "--salvage", "-q", "--force", bad, scratch.path("out.refx"))
    #expect(quiet.errors.split(separator: "\n").count == 1)
  }

  @Test func memoryStaysBoundedWhateverTheSizeOfTheLeaves() throws {
    let scratch = try Scratch()
    let count = 96 << 20
    let zeros = MemoryBytes(count: count) { buffer in
      for place in stride(from: 0, to: buffer.count, by: 8) {
        buffer.storeBytes(
          of: UInt64(place) &* 0x9E37_79B9_7F4A_7C15, toByteOffset: place, as: UInt64.self)
      }
    }
    let tree: Tree<Leaf> = [
      "large": .leaf(Leaf(dtype: .uint8, shape: [count], source: zeros)), "small": numbers([1] as [Double]),
    ]
    let file = try scratch.save(tree, as: "m.refx")
    // The 60th MiB of it.
    _ = try Command.shell("printf '\\x00\\x01' | dd of=m.refx bs=1 seek=62000000 conv=notrunc", in: scratch)
    let result = try Command.shell(
      "ulimit -v 900000; $REFX convert --salvage m.refx out.refx; echo $?; stat -c %s out.refx", in: scratch)
    #expect(result.text.hasPrefix("1\n"), "\(result.text)")
    let size = Int(result.text.split(separator: "\n").last ?? "") ?? .max
    #expect(size < 4096, "the large leaf is lost: \(result.text)")
    #expect(try Command.run("get", scratch.path("out.refx"), "small").text == "1.0\n")
    _ = file
  }
}
