import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// Golden files of every released version are read for ever, by the command too.
@Suite struct GoldenFileTests {
  private static let folder = Repository.folder.appending(path: "Fixtures/golden")

  /// Every golden checkpoint, by its path below the folder.
  private static func files() throws -> [String] {
    let all = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    return all.filter { name in [".refx", ".h5", ".safetensors"].contains { name.hasSuffix($0) } }.sorted()
  }

  /// The parts are made where they are not there yet and it is asked for.
  private static let made: Void = {
    let whole = folder.appending(path: "parts/v1/whole.refx").path
    guard ProcessInfo.processInfo.environment["REFX_WRITE_GOLDEN"] == "1",
      !FileManager.default.fileExists(atPath: whole)
    else { return }
    do {
      var tree = smallModel()
      if case .dictionary(let branches) = tree {
        var members = zip(branches.keys, branches.members).map { ($0, $1) }
        members.append(("numbered", first(["deep": numbers([1, 2, 3] as [Int32])], 2, 7)))
        members.append(("origin's hole", .hole))
        tree = .dictionary(members)
      }
      try Checkpoint.save(tree: tree, to: whole, metadata: ["run": "golden"])
      for suffix in ["refx", "h5"] {
        let made = try Command.run(
          "partition", whole, "--by-collection", "-o", folder.appending(path: "parts/v1/\(suffix)").path,
          "--to",
          suffix)
        if made.code != 0 { Issue.record("\(made.errors)") }
      }
    } catch {
      Issue.record("\(error)")
    }
  }()

  /// Sound, and of the digests that were written down when the file was new.
  @Test func everyGoldenFileIsSoundAndSaysWhatItSaid() throws {
    GoldenFileTests.made
    let files = try GoldenFileTests.files()
    #expect(files.count >= 18)
    var text = ""
    for file in files {
      let path = GoldenFileTests.folder.appending(path: file).path
      #expect(try Command.run("verify", path).code == 0, "\(file)")
      let digest = try Command.run("digest", path, "--json")
      #expect(digest.code == 0, "\(file): \(digest.errors)")
      text += "\(file) \(digest.text.trimmingCharacters(in: .whitespacesAndNewlines))\n"
    }
    try Golden("cli/golden-digests.txt").check(text)
  }

  // MARK: They never change

  private static let sums = folder.appending(path: "SHA256SUMS")

  /// Everything below the folder but the sums themselves.
  private static func fixtures() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { name in
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: folder.appending(path: name).path, isDirectory: &isFolder)
      return !isFolder.boolValue && name != sums.lastPathComponent
    }.sorted()
  }

  /// The sums are those that `sha256sum` writes. `REFX_WRITE_GOLDEN=1` adds lines for new files; it changes none.
  @Test func noGoldenFileHasChanged() throws {
    GoldenFileTests.made
    let names = try GoldenFileTests.fixtures()
    var lines = try String(contentsOf: GoldenFileTests.sums, encoding: .utf8)
      .split(separator: "\n").map(String.init)
    func sum(_ name: String) throws -> String {
      let bytes = try Data(contentsOf: GoldenFileTests.folder.appending(path: name))
      return hexadecimal(SHA256.of([UInt8](bytes))) + "  " + name
    }
    if ProcessInfo.processInfo.environment["REFX_WRITE_GOLDEN"] == "1" {
      let listed = Set(lines.map { $0.dropFirst(66) })
      lines += try names.filter { !listed.contains($0[...]) }.map(sum)
      lines.sort { $0.dropFirst(66) < $1.dropFirst(66) }
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: GoldenFileTests.sums)
    }
    #expect(
      lines.map { String($0.dropFirst(66)) } == names, "a golden file has gone, or is not in SHA256SUMS")
    for (line, name) in zip(lines, names) {
      #expect(try line == sum(name), "\(name) is not what was released")
    }
  }

  /// A file lies in the folder of its version; there are some of every version, the one that is written among them.
  @Test func eachLiesInTheFolderOfItsVersion() throws {
    GoldenFileTests.made
    let scratch = try Scratch()
    for (folder, suffix) in [("refx", ".refx"), ("hdf5", ".h5")] {
      var seen: Set<Int> = []
      for file in try GoldenFileTests.files() where file.hasPrefix(folder + "/") {
        let opened = try Checkpoint.open(GoldenFileTests.folder.appending(path: file).path)
        let version = try #require(opened.version)
        #expect(file.hasPrefix("\(folder)/v\(version)/"), "\(file) is of version \(version)")
        seen.insert(version)
      }
      let written = try Checkpoint.open(scratch.save(["x": .none], as: "new" + suffix)).version
      #expect(seen == Set(1...(seen.max() ?? 1)) && seen.contains(written ?? 0), "\(folder)")
    }
  }

  /// What was taken apart by this release or an earlier one is put together again.
  @Test(arguments: ["refx", "h5"]) func goldenPartsAreMerged(suffix: String) throws {
    GoldenFileTests.made
    let folder = GoldenFileTests.folder.appending(path: "parts/v1").path
    let scratch = try Scratch()
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(suffix)").sorted()
    #expect(names.count == 4)
    let back = scratch.path("back.refx")
    let merged = try Command.run(["merge"] + names.map { "\(folder)/\(suffix)/\($0)" } + ["-o", back])
    #expect(merged.code == 0 && merged.errors.isEmpty, "\(merged.errors)")
    #expect(try Command.run("digest", back).text == Command.run("digest", "\(folder)/whole.refx").text)
    #expect(try Command.run("inspect", back, "--json").json()["metadata"] == ["run": "golden"])
  }
}
