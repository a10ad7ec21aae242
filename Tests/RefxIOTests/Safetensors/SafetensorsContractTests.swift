import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite("safetensors and trees of its own types")
struct SafetensorsContractTests {
  @Test("random trees whose types the format has", arguments: 0..<8)
  func randomTrees(seed: UInt64) throws {
    for seed in (40 * seed)..<(40 * seed + 40) {
      var random = RandomTree(seed: seed)
      let tree = withTypesOfTheFormat(random.make(nodes: 40))
      let metadata: JSONObject =
        seed.isMultiple(of: 2) ? [:] : ["seed": .integer(Int64(seed)), "format": "pt"]
      let opened = try open(inMemory(try written(tree, metadata: metadata)))
      let difference = try firstDifference(tree, opened.contents.tree)
      #expect(difference == nil, "seed \(seed)")
      #expect(opened.contents.metadata == metadata)
      #expect(try opened.contents.tree.digest() == tree.digest())
    }
  }

  /// The same bytes as numbers.
  private func withTypesOfTheFormat(_ tree: Tree<Leaf>) -> Tree<Leaf> {
    tree.map { leaf in
      switch leaf.dtype {
      case .complex128: Leaf(dtype: .float64, shape: leaf.shape + [2], source: leaf.source)
      case .int4, .uint4: Leaf(dtype: .int8, shape: leaf.shape, source: leaf.source)
      case .string: Leaf(dtype: .uint8, shape: [leaf.byteCount], source: leaf.source)
      default: leaf
      }
    }
  }
}
