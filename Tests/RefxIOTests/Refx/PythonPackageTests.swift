import Foundation
import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// The Python package reads random trees that are saved here, and what it saves of them is read here.
@Suite struct PythonPackageTests {
  private static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static let python: String? = {
    let python = ProcessInfo.processInfo.environment["REFX_PYTHON"] ?? ""
    if python.isEmpty { print("skipped: REFX_PYTHON names no Python") }
    return python.isEmpty ? nil : python
  }()

  private static func contents(seed: UInt64) -> CheckpointContents {
    var random = RandomTree(seed: seed, mostElements: seed.isMultiple(of: 5) ? 3000 : 64)
    return CheckpointContents(
      tree: random.make(nodes: 5 + Int(seed % 60)),
      metadata: ["seed": .integer(Int64(seed)), "é\u{7F}\n": .null])
  }

  @Test(arguments: ["refx", "h5"]) func randomTreesGoToPythonAndBack(suffix: String) throws {
    guard let python = PythonPackageTests.python else { return }
    let folder = ScratchFolder()
    let seeds = 0..<(suffix == "refx" ? 400 : 150) as Range<UInt64>
    for seed in seeds {
      try Checkpoint.save(
        contents: PythonPackageTests.contents(seed: seed), to: folder.file("\(seed).\(suffix)"),
        options: WriteOptions(compression: Compression.allCases[Int(seed % 3)]), durability: .none)
    }
    let output = try PythonReader.run(
      python, PythonPackageTests.root.path, ["Tools/python/tests/copy_files.py", folder.path])
    #expect(output.status == 0, "\(output.errors)")
    let digests = try JSON.parse(output.bytes)
    guard case .object(let object) = digests else {
      Issue.record("no digests: \(digests)")
      return
    }
    for seed in seeds {
      let contents = PythonPackageTests.contents(seed: seed)
      let digest = try contents.tree.digest()
      let expected: JSON = [
        "structure": .string(hexadecimal(digest.structure)),
        "topology": .string(hexadecimal(digest.topology)),
        "values": .string(hexadecimal(digest.values)),
      ]
      #expect(object[Key("\(seed).\(suffix)")] == expected, "seed \(seed)")
      let copy = try Checkpoint.open(folder.file("copy-\(seed).\(suffix)"))
      #expect(try firstDifference(contents.tree, copy.contents.tree) == nil, "seed \(seed)")
      #expect(copy.contents.metadata == contents.metadata, "seed \(seed)")
      if suffix == "refx", seed % 3 == 0 {
        // Without compression the format fixes every byte.
        let target = MemoryTarget()
        try RefxFormat.write(contents, to: target, options: WriteOptions(compression: .none))
        let found = try InputFile(path: folder.file("copy-\(seed).refx"))
        #expect(try found.bytes(at: 0, count: found.byteCount) == target.bytes, "seed \(seed)")
      }
    }
  }
}
