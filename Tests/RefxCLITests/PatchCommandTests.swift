import Foundation
import Refx
import RefxIO
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
}
