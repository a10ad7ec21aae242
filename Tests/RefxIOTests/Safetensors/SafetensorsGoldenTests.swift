import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// The description of a tree in a safetensors file, as released versions wrote it, is read for ever.
@Suite struct SafetensorsGoldenTests {
  private static let path = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures/golden/safetensors/v1/tree.safetensors").path

  /// Every kind of node, every dtype that the format has, sharing of each kind, metadata that is no text.
  private static let contents: CheckpointContents = {
    let ramp = Leaf(Tensor((0..<24).map { Float($0) }, shape: [4, 6]))
    let dtypes: [(Key, Tree<Leaf>)] = DType.ofFirstGoldens.compactMap { dtype in
      guard let size = dtype.itemSize, dtype != .complex128 else { return nil }
      let bytes = (0..<(size * 3)).map { dtype == .bool ? UInt8($0 % 2) : UInt8($0) }
      return (Key(dtype.name), .leaf(Leaf(dtype: dtype, shape: [3], bytes: bytes)))
    }
    let tree: Tree<Leaf> = [
      "a": .value(Value(.leaf(ramp), index: 0, collection: "params")),
      "b": .index(Index(0, collection: "params")),
      "c": .value(
        Value(
          [
            "inside": .value(Value(.leaf(Leaf(Int16(-2))), index: 2, collection: 3)),
            "self": .index(Index(1)),
          ],
          index: 1)),
      "d": [
        .index(Index(2, collection: 3)), .value(Value(.index(Index(0, collection: "params")), index: 3)),
      ],
      "dtypes": .dictionary(dtypes),
      "nodes": .tuple([
        .none, .nothing, .hole, .static("relu"), .static(12), .static(0.5), .static(.float(.infinity)),
        .static(true),
      ]), "": .leaf(Leaf(Int32(-1))), "ä": .leaf(Leaf(Tensor([Float](), shape: [0, 2]))),
    ]
    return CheckpointContents(tree: tree, metadata: ["run": 7, "note": "golden"])
  }()

  private static let made: Void = {
    guard ProcessInfo.processInfo.environment["REFX_WRITE_GOLDEN"] == "1",
      !FileManager.default.fileExists(atPath: path)
    else { return }
    do { try Checkpoint.save(contents: contents, to: path) } catch { Issue.record("\(error)") }
  }()

  @Test func isRead() throws {
    SafetensorsGoldenTests.made
    let opened = try Checkpoint.open(SafetensorsGoldenTests.path)
    #expect(try firstDifference(SafetensorsGoldenTests.contents.tree, opened.contents.tree) == nil)
    #expect(opened.contents.metadata == SafetensorsGoldenTests.contents.metadata)
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.isEmpty)
  }

  @Test func isWrittenTheSame() throws {
    SafetensorsGoldenTests.made
    let file = try InputFile(path: SafetensorsGoldenTests.path)
    #expect(
      try Checkpoint.encode(contents: SafetensorsGoldenTests.contents, as: .safetensors)
        == file.bytes(at: 0, count: file.byteCount))
  }
}
