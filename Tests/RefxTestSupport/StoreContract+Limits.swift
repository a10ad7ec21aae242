import Refx
import RefxStore

extension StoreContract {
  /// Each limit lets what is just within pass and refuses what is just beyond, whoever the store is.
  static let limitCases: [Case] = [
    Case("the limit of nodes") { runner in
      try runner.demandLimit(at: 6, of: plain) { $0.nodes = $1 }
      try runner.demandLimit(at: 1, of: .leaf(one)) { $0.nodes = $1 }
      try runner.demandLimit(at: 1, of: .dictionary([])) { $0.nodes = $1 }
      // A Ref is no node of its own, unless it holds another one; a later sight is one.
      try runner.demandLimit(at: 6, of: shared) { $0.nodes = $1 }
      try runner.demandLimit(at: 5, of: nested) { $0.nodes = $1 }
      try runner.demandLimit(at: 10, of: allKinds) { $0.nodes = $1 }
    },
    Case("the limit of levels") { runner in
      try runner.demandLimit(at: 2, of: plain) { $0.depth = $1 }
      try runner.demandLimit(at: 1, of: ["a": .leaf(one)]) { $0.depth = $1 }
      try runner.demandLimit(at: 3, of: nested) { $0.depth = $1 }
      var deep = Tree<Leaf>.leaf(one)
      for _ in 0..<100 { deep = [deep] }
      try runner.demandLimit(at: 100, of: deep) { $0.depth = $1 }
    },
    Case("no level below the limit is needed") { runner in
      var limits = Limits()
      limits.depth = 0
      for tree in [Tree<Leaf>.leaf(one), .none, .dictionary([]), .list([])]
      where runner.room.refusal(of: tree) == nil {
        try runner.demandOpens(runner.write(CheckpointContents(tree: tree)), limits, "\(tree)")
      }
    },
    Case("the limit of dimensions") { runner in
      let leaf = Leaf(Tensor([1, 2, 3, 4] as [Float], shape: [1, 2, 1, 2, 1]))
      try runner.demandLimit(at: 5, of: ["a": .leaf(one), "b": .leaf(leaf)]) { $0.rank = $1 }
      try runner.demandLimit(at: 5, of: .leaf(leaf)) { $0.rank = $1 }
    },
    Case("the limit of a name's bytes") { runner in
      // Short enough that no name of a layout's own is longer.
      let name = String(repeating: "n", count: 300)
      try runner.demandLimit(at: 300, of: ["a": .leaf(one), .init(name): .leaf(one)]) { $0.nameBytes = $1 }
      // Formats that join names make one of several, so theirs are longer.
      let collection = CollectionTag.name(.init(name))
      try runner.demandLimit(
        at: 300, of: ["a": .value(Value(.leaf(one), index: 0, collection: collection))]
      ) { $0.nameBytes = $1 }
    },
    Case("the limit of values' bytes, each shared value once") { runner in
      try runner.demandLimit(at: 24, of: plain) { $0.bytes = $1 }
      try runner.demandLimit(at: 8, of: shared) { $0.bytes = $1 }
      let large = Tree<Leaf>.leaf(pattern(.float32, shape: [1_000_000]))
      try runner.demandLimit(at: 4_000_000, of: ["a": large]) { $0.bytes = $1 }
      try runner.demandLimit(at: 4_000_000, of: large) { $0.bytes = $1 }
    },
    Case("the limit of metadata") { runner in
      guard runner.room.oneArray == nil else { return }
      let metadata: JSONObject = ["note": .string(String(repeating: "m", count: 10_000))]
      let path = try runner.write(CheckpointContents(tree: plain, metadata: metadata))
      var limits = Limits()
      // The format's own words take some too.
      limits.metadataBytes = 20_000
      try runner.demandOpens(path, limits, "metadata within the limit")
      limits.metadataBytes = 9_999
      try runner.demandRefuses(path, limits, "metadata beyond the limit")
    },
    Case("limits of nothing") { runner in
      let tree = runner.room.fitted(plain)
      let path = try runner.write(CheckpointContents(tree: tree, metadata: ["note": "text"]))
      var changes: [(inout Limits) -> Void] = [{ $0.nodes = 0 }, { $0.rank = 0 }, { $0.bytes = 0 }]
      if runner.room.oneArray == nil {
        changes += [{ $0.depth = 0 }, { $0.nameBytes = 0 }, { $0.metadataBytes = 0 }]
      }
      for change in changes {
        var limits = Limits()
        change(&limits)
        try runner.demandRefuses(path, limits, "\(limits)")
      }
    },
  ]

  /// Two levels, six nodes, 24 bytes.
  private static let plain: Tree<Leaf> = [
    "a": .leaf(Leaf(Tensor([1, 2] as [Float]))),
    "b": ["c": .leaf(Leaf(Tensor([1, 2] as [Int64]))), "d": []],
    "e": .none,
  ]

  private static let shared: Tree<Leaf> = [
    "a": .value(Value(.leaf(Leaf(Tensor([1, 2] as [Float]))), index: 0, collection: "params")),
    "b": .index(Index(0, collection: "params")), "c": [.index(Index(0, collection: "params")), .none],
  ]

  /// A Ref in a Ref in a Ref.
  private static let nested: Tree<Leaf> = [
    "a": .value(Value(.value(Value(.value(Value(.leaf(one), index: 2)), index: 1)), index: 0)),
    "b": .index(Index(1)),
  ]

  private static let allKinds: Tree<Leaf> = [
    "a": .none, "b": .nothing, "c": .hole, "d": .tuple([.static("text"), .static(1)]),
    "e": .value(Value(["f": .list([])], index: 0)), "g": .value(Value(.none, index: 1)),
  ]
}

extension ContractRunner {
  /// Demands that the file of `tree` opens with the limit `least`, and not with one less; nothing where the format has
  /// no place for `tree`.
  fileprivate func demandLimit(
    at least: Int, of tree: Tree<Leaf>, _ set: (inout Limits, Int) -> Void
  ) throws {
    guard room.refusal(of: tree) == nil else { return }
    let path = try write(CheckpointContents(tree: tree))
    var limits = Limits()
    set(&limits, least)
    try demandOpens(path, limits, "\(tree), limit \(least)")
    set(&limits, least - 1)
    try demandRefuses(path, limits, "\(tree), limit \(least - 1)")
  }

  fileprivate func demandOpens(_ path: String, _ limits: Limits, _ what: String) throws {
    do {
      _ = try store.open(InputFile(path: path), options: OpenOptions(limits: limits))
    } catch {
      throw ContractViolation("\(what): refused: \(error)")
    }
  }

  fileprivate func demandRefuses(_ path: String, _ limits: Limits, _ what: String) throws {
    do {
      _ = try store.open(InputFile(path: path), options: OpenOptions(limits: limits))
    } catch let error as RefxError {
      try demand(error.code == .limit, "\(what): the error is \(error)")
      return
    }
    throw ContractViolation("\(what): it opened")
  }
}
