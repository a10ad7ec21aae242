import RefxDistributed
import RefxIO
import RefxTestSupport

/// The model that is saved and loaded: some 6 MB, the same on every rank.
enum RankedModel {
  /// An embedding that is tied to the head, moments of an optimizer, statistics, uneven shapes, arrays of fewer rows than
  /// ranks, empty ones, single numbers and text.
  static let tree: Tree<Leaf> = {
    var maker = RandomTree(seed: 42)
    func number(_ dtype: DType, _ shape: [Int]) -> Tree<Leaf> { .leaf(maker.leaf(dtype, shape: shape)) }
    func shared(_ index: Int, _ collection: String, _ value: Tree<Leaf>) -> Tree<Leaf> {
      .value(Value(value, index: index, collection: .name(Key(collection))))
    }
    var members: [(Key, Tree<Leaf>)] = []
    members.append(("embedding", shared(0, "params", number(.float32, [1531, 256]))))
    members.append(("head", .index(Index(0, collection: .name("params")))))
    var layers: [Tree<Leaf>] = []
    for layer in 0..<3 {
      let bias = shared(1 + 3 * layer, "params", number(.float32, [512]))
      let mean = shared(2 + 3 * layer, "batch_stats", number(.float32, [3]))
      let weight = shared(3 + 3 * layer, "params", number(.bfloat16, [257, 511]))
      layers.append(.dictionary([(Key("bias"), bias), (Key("mean"), mean), (Key("weight"), weight)]))
    }
    members.append(("layers", .list(layers)))
    let first = number(.float32, [611, 512])
    let second = number(.float64, [7, 33, 501])
    members.append(("moments", .dictionary([(Key("first"), first), (Key("second"), second)])))
    let odd = [number(.int8, [1, 1]), number(.float16, [0, 5]), number(.int64, []), number(.bool, [2, 9])]
    members.append(("odd", .tuple(odd)))
    members.append(("step", .leaf(Leaf(dtype: .int64, shape: [], bytes: [7, 0, 0, 0, 0, 0, 0, 0]))))
    members.append(("tokens", .leaf(Leaf.text(["<s>", "", "\u{E9}t\u{E9}"], shape: [3]))))
    return .dictionary(members)
  }()

  /// Pieces that do not make up a model.
  static func badPlan(_ kind: String, rank: Int, size: Int) -> Tree<PiecedLeaf> {
    var maker = RandomTree(seed: 1)
    let last = rank == size - 1
    let dtype: DType = kind == "dtype" && last ? .float16 : .float32
    let rows = 4
    let from = rank * rows + (kind == "overlap" && last ? -1 : 0) + (kind == "gap" && last ? 1 : 0)
    let whole = size * rows + (kind == "shape" && last ? 1 : 0) + (kind == "gap" ? 1 : 0)
    let leaf = maker.leaf(dtype, shape: [rows, 3])
    let piece = Tree<PiecedLeaf>.leaf(PiecedLeaf(leaf, from: from, of: whole))
    let collection: CollectionTag = .name(kind == "collection" && last ? "other" : "params")
    let first = Tree<PiecedLeaf>.value(Value(piece, index: 0, collection: collection))
    let second: Tree<PiecedLeaf> =
      kind == "topology" && last
      ? .value(Value(piece, index: 1, collection: collection)) : .index(Index(0, collection: collection))
    return .dictionary([(Key("w"), first), (Key("x"), second)])
  }
}
