import Refx

/// Trees from which seeds are made.
enum FuzzTrees {
  static func all(withText: Bool) -> [Tree<Leaf>] {
    let one = Leaf(Float(1.5))
    let row = Leaf(Tensor((0..<40).map { Int16($0) }, shape: [5, 8]))
    let zeros = Leaf(Tensor([Float](repeating: 0, count: 1200)))
    var trees: [Tree<Leaf>] = [
      .leaf(one), ["w": .leaf(row), "b": .leaf(one)],
      ["z": .leaf(zeros), "list": [.leaf(one), .none, .hole, .nothing], "t": .tuple([.leaf(row)])],
      [
        "a": .value(Value(.leaf(row), index: 0, collection: "params")),
        "b": .index(Index(0, collection: "params")),
        "c": .value(
          Value(["self": .index(Index(1, collection: 7)), "x": .leaf(one)], index: 1, collection: 7)),
        "s": [.static("relu"), .static(-3), .static(0.5), .static(true), .static(.float(.nan))],
      ],
      ["é": .leaf(one), "e\u{301}": .leaf(one), "": [:], "a/b": [], ".": .tuple([])],
      [
        "empty": .leaf(Leaf(Tensor([Double](), shape: [0, 3]))),
        "r": .value(Value(.value(Value(.leaf(one), index: 1)), index: 0)),
      ],
    ]
    if withText { trees.append(["text": .leaf(text(["", "one", "zwei ä"]))]) }
    return trees
  }

  /// A leaf of text.
  static func text(_ strings: [String]) -> Leaf {
    var bytes: [UInt8] = []
    for string in strings { bytes += littleEndian(UInt64(string.utf8.count)) + Array(string.utf8) }
    return Leaf(dtype: .string, shape: [strings.count], source: MemoryBytes(sharing: bytes))
  }
}
