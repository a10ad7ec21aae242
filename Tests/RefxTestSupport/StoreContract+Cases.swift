import Refx
import RefxStore

extension StoreContract {
  /// Every demand.
  public static let cases: [Case] =
    structureCases + sharingCases + leafCases + payloadCases + loadingCases + limitCases + [
      Case("every small tree") { runner in
        for nodes in 1...3 {
          for tree in SmallTrees.all(nodes: nodes) {
            try runner.roundTrip(tree, compressions: [.fast], label: "\(tree)")
          }
        }
      },
      Case("random trees") { runner in
        for seed in 0..<150 as Range<UInt64> {
          var random = RandomTree(seed: seed)
          try runner.roundTrip(
            random.make(), compressions: [Compression.allCases[Int(seed % 3)]], label: "seed \(seed)")
        }
      },
      Case("random trees of larger leaves") { runner in
        for seed in 1000..<1020 as Range<UInt64> {
          var random = RandomTree(seed: seed, mostElements: 20_000)
          try runner.roundTrip(random.make(nodes: 12), compressions: [.fast], label: "seed \(seed)")
        }
      },
    ]

  static let one = Leaf(Float(1))

  private static let structureCases: [Case] = [
    Case("an empty dictionary") { try $0.roundTrip([:]) },
    Case("an empty list") { try $0.roundTrip([]) },
    Case("an empty tuple") { try $0.roundTrip(.tuple([])) },
    Case("a leaf as the root") { try $0.roundTrip(.leaf(one)) },
    Case("none, nothing and a hole, each as the root and side by side") { runner in
      for tree in [Tree<Leaf>.none, .nothing, .hole] { try runner.roundTrip(tree) }
      try runner.roundTrip(["a": .none, "b": .nothing, "c": .hole, "d": [.none, .nothing, .hole]])
    },
    Case("static values of each kind") { runner in
      let values: [StaticValue] = [
        "", "relu", .string("e\u{301}"), .string("é"), .string("a\u{0}b"), .string("line\nline\u{1B}[0m"),
        .string(String(repeating: "x", count: 100_000)), 0, -1, .int(.min), .int(.max), .int(1 << 53 + 1),
        0.1,
        .float(-0.0), .float(.nan), .float(Double(nan: 5, signaling: false)), .float(.infinity),
        .float(-.infinity),
        .float(.leastNonzeroMagnitude), true, false,
      ]
      try runner.roundTrip(.list(values.map { .static($0) }))
      for value in values { try runner.roundTrip(.static(value), compressions: [.none], label: "\(value)") }
    },
    Case("a list of more than ten, in order of numbers") { runner in
      try runner.roundTrip(.list((0..<123).map { .leaf(Leaf(Int32($0))) }))
      try runner.roundTrip(.tuple((0..<12).map { .leaf(Leaf(Int32($0))) }))
    },
    Case("odd keys") { runner in
      let keys = [
        "", ".", "..", "...", "/", "//", "a/b", "/a", "a/", "%", "%%", "%2F", "%2f", "%00", "%2E", "~", "~0",
        "~1", "~2",
        " ", "  ", " a", "a ", "é", "e\u{301}", "\u{0}", "a\u{0}", "a\u{0}b", "\u{1}", "\n", "\u{7F}",
        "\u{202E}", "日本",
        "\u{1F600}", "\u{FFFF}", "\u{10FFFF}", "0", "00", "-1", "10", "9", "A", "a", "refs", "tree",
        "metadata", "refx",
        "__metadata__", String(repeating: "k", count: 255), String(repeating: "k", count: 256),
        String(repeating: "ä", count: 5000), String(repeating: "/", count: 300),
      ]
      try runner.roundTrip(.dictionary(keys.map { (Key($0), .leaf(Leaf(Int64($0.utf8.count)))) }))
      try runner.roundTrip(.dictionary(keys.map { (Key($0), ["x": .leaf(one)]) }), compressions: [.fast])
      for key in keys {
        try runner.roundTrip(
          .dictionary([(Key(key), .leaf(one))]), compressions: [.none], label: "key \(visible(key))")
      }
    },
    Case("a tree of a hundred levels") { runner in
      var tree = Tree<Leaf>.leaf(one)
      for level in 0..<100 { tree = level.isMultiple(of: 2) ? ["k": tree] : [tree] }
      try runner.roundTrip(tree)
    },
    Case("metadata") { runner in
      try runner.roundTrip([:], metadata: ["a": 1])
      try runner.roundTrip(
        ["w": .leaf(one)],
        metadata: [
          "": "", "name": "e\u{301} é \"quoted\" \\ \u{1} \n", "list": [1, 2, [3]], "deep": ["x": ["y": [:]]],
          "null": .null, "yes": true, "large": .integer(.max), "small": .integer(.min), "pi": .number(3.25),
          "long": .string(String(repeating: "m", count: 200_000)),
        ])
    },
    Case("twenty thousand leaves") { runner in
      let groups = (0..<200).map { group in
        (
          Key("group\(group)"),
          Tree<Leaf>.dictionary(
            (0..<100).map { (Key("leaf\($0)"), .leaf(Leaf(Tensor([Float(group), Float($0)])))) })
        )
      }
      try runner.roundTrip(.dictionary(groups), compressions: [.fast])
    },
  ]

  private static let sharingCases: [Case] = [
    Case("a Ref with one site, in each kind of collection") { runner in
      let tags: [CollectionTag?] = [
        nil, "params", "", "3", "-", "é", "e\u{301}", "a\u{0}b", 3, 0, -1, .number(.min), .number(.max),
        .name(String(repeating: "c", count: 3000)),
      ]
      for tag in tags {
        try runner.roundTrip(
          ["w": .value(Value(.leaf(one), index: 0, collection: tag))], compressions: [.fast],
          label: "collection \(tag.map { "\($0)" } ?? "none")")
      }
      try runner.roundTrip(
        .list(tags.enumerated().map { .value(Value(.leaf(one), index: $0, collection: $1)) }))
    },
    Case("a Ref at the root") { try $0.roundTrip(.value(Value(.leaf(one), index: 0, collection: "params"))) },
    Case("a value at two sites, stored once") { runner in
      let leaf = Leaf(Tensor((0..<50_000).map { Float($0).squareRoot() }))
      let shared: Tree<Leaf> = [
        "a": .value(Value(.leaf(leaf), index: 0, collection: "params")),
        "b": .index(Index(0, collection: "params")),
      ]
      try runner.roundTrip(shared)
      let size = try InputFile(
        path: runner.write(CheckpointContents(tree: runner.room.fitted(shared)), .none, name: "shared")
      )
      .byteCount
      try runner.demand(size < 250_000, "a value at two sites takes \(size) bytes")
    },
    Case("equal values that are not shared stay two") { runner in
      try runner.roundTrip([
        "a": .value(Value(.leaf(one), index: 0)), "b": .value(Value(.leaf(one), index: 1)), "c": .leaf(one),
        "d": .leaf(one),
      ])
    },
    Case("a value at a thousand sites") { runner in
      let first = Tree<Leaf>.value(Value(.leaf(one), index: 0, collection: 7))
      let others = [Tree<Leaf>](repeating: .index(Index(0, collection: 7)), count: 999)
      try runner.roundTrip(.list([first] + others))
    },
    Case("several Refs, met in turn") { runner in
      let sites: [Tree<Leaf>] = [
        .value(Value(.leaf(one), index: 0, collection: "x")), .value(Value(.leaf(Leaf(Int8(3))), index: 1)),
        .index(Index(0, collection: "x")), .value(Value(.leaf(Leaf(UInt16(3))), index: 2, collection: 5)),
        .index(Index(1)), .index(Index(2, collection: 5)), .index(Index(0, collection: "x")),
      ]
      try runner.roundTrip(.list(sites))
      try runner.roundTrip(.dictionary(sites.enumerated().map { (Key("k\($0)"), $1) }))
      try runner.roundTrip(["p": .list(Array(sites[..<4])), "q": .tuple(Array(sites[4...]))])
    },
    Case("numbers of Refs need not count from 0 to be written") { runner in
      try runner.roundTrip([
        "a": .value(Value(.leaf(one), index: 41)), "b": .value(Value(.leaf(one), index: 7, collection: "c")),
        "c": .index(Index(41)), "d": .index(Index(7, collection: "c")),
      ])
    },
    Case("a Ref of a Ref, to four levels") { runner in
      var tree = Tree<Leaf>.leaf(one)
      for index in [3, 2, 1, 0] {
        tree = .value(Value(tree, index: index, collection: index.isMultiple(of: 2) ? "even" : nil))
      }
      try runner.roundTrip(tree)
      try runner.roundTrip(["a": tree, "b": .index(Index(2, collection: "even")), "c": .index(Index(3))])
    },
    Case("a Ref of a Ref met before") { runner in
      try runner.roundTrip([
        "a": .value(Value(.leaf(one), index: 0)),
        "b": .value(Value(.index(Index(0)), index: 1, collection: "o")),
        "c": .index(Index(1, collection: "o")),
      ])
    },
    Case("Refs of subtrees, with Refs inside") { runner in
      let inner = Tree<Leaf>.value(Value(.leaf(one), index: 1, collection: "params"))
      let subtree = Tree<Leaf>.dictionary([("w", inner), ("x", .leaf(one)), ("y", [.none, .static("s")])])
      try runner.roundTrip([
        "a": .value(Value(subtree, index: 0, collection: "block")),
        "b": .index(Index(0, collection: "block")),
        "c": .index(Index(1, collection: "params")),
      ])
    },
    Case("Refs of none, nothing, a hole, a static value, empty containers") { runner in
      let contents: [Tree<Leaf>] = [.none, .nothing, .hole, .static("s"), .static(3), [:], [], .tuple([])]
      for content in contents {
        try runner.roundTrip(
          ["a": .value(Value(content, index: 0, collection: "c")), "b": .index(Index(0, collection: "c"))],
          compressions: [.fast], label: "\(content)")
      }
    },
    Case("cycles") { runner in
      try runner.roundTrip(.value(Value(["self": .index(Index(0))], index: 0)))
      try runner.roundTrip(.value(Value(.index(Index(0)), index: 0)))
      try runner.roundTrip([
        "a": .value(
          Value(
            ["next": .value(Value(["back": .index(Index(0, collection: "n"))], index: 1)), "w": .leaf(one)],
            index: 0,
            collection: "n")),
        "b": .index(Index(1)),
      ])
    },
    Case("no index without a value, no value twice") { runner in
      let wrong: [Tree<Leaf>] = [
        [.index(Index(0))], [.index(Index(0)), .value(Value(.leaf(one), index: 0))],
        [.value(Value(.leaf(one), index: 0)), .value(Value(.leaf(one), index: 0))],
      ]
      for tree in wrong {
        do {
          _ = try runner.write(CheckpointContents(tree: tree))
        } catch is RefxError {
          continue
        }
        throw ContractViolation("\(tree) was written")
      }
    },
  ]
}
