import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite("npz and any tree")
struct NumPyContractTests {
  @Test("random trees come back with their metadata", arguments: 0..<4)
  func randomTrees(seed: UInt64) throws {
    for seed in (40 * seed)..<(40 * seed + 40) {
      var random = RandomTree(seed: seed)
      let tree = random.make(nodes: 40)
      let metadata: JSONObject =
        seed.isMultiple(of: 2) ? [:] : ["seed": .integer(Int64(seed)), "refx": "mine"]
      let contents = CheckpointContents(tree: tree, metadata: metadata)
      let bytes = try Checkpoint.encode(contents: contents, as: .npz)
      let opened = try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: "a.npz"), format: .npz)
      #expect(try firstDifference(tree, opened.contents.tree) == nil, "seed \(seed)")
      #expect(opened.contents.metadata == metadata)
      #expect(try opened.contents.tree.digest() == tree.digest())
    }
  }
}
