import Refx
import RefxIO
import RefxStore
import Testing

/// What a format refuses is refused in the same words before anything is written.
@Suite struct WriteCheckTests {
  private static let leaf = Tree<Leaf>.leaf(Leaf(Tensor([1, 2] as [Float])))

  private static let trees: [(name: String, tree: Tree<Leaf>)] = [
    ("a leaf", leaf),
    ("a dictionary", ["a": leaf, "b": leaf]),
    ("tied", ["a": .value(Value(leaf, index: 0)), "b": .index(Index(0))]),
    ("names that collide", ["a": ["b": leaf], "a.b": leaf]),
    ("an index without its value", ["a": .index(Index(0))]),
    ("what cannot be represented", ["a": .leaf(.unsupported("odd", "it is odd")), "b": leaf]),
    ("text", ["a": .leaf(.text(["x"], shape: [1]))]),
    ("text that ends in NUL", .leaf(.text(["x\0"], shape: [1]))),
    ("bfloat16", .leaf(Leaf(dtype: .bfloat16, shape: [1], bytes: [0, 0]))),
    ("40 dimensions", .leaf(Leaf(Tensor([1] as [Float], shape: [Int](repeating: 1, count: 40))))),
    ("70 dimensions", .leaf(Leaf(Tensor([1] as [Float], shape: [Int](repeating: 1, count: 70))))),
  ]

  @Test(arguments: [SharedPolicy.keep, .duplicate, .error])
  func everyFormat(_ policy: SharedPolicy) throws {
    var refused = 0
    for store in Formats.all.stores {
      for (name, tree) in Self.trees {
        let contents = CheckpointContents(tree: tree)
        var options = WriteOptions()
        options.shared = policy
        func refusal(_ body: () throws -> Void) -> String? {
          do { try body() } catch { return "\(error)" }
          return nil
        }
        let checked = refusal { try store.check(contents, options: options) }
        let written = refusal { try store.write(contents, to: MemoryTarget(), options: options) }
        #expect(checked == written, "\(store.format.name): \(name)")
        refused += checked == nil ? 0 : 1
      }
    }
    #expect(refused > 15)
  }
}
