import Refx
import RefxStore

extension StoreContract {
  static let loadingCases: [Case] = [
    Case("payload in memory, on any number of threads") { runner in
      let tree = runner.room.fitted(StoreContract.sizes)
      for compression in [Compression.none, .fast] {
        let path = try runner.write(CheckpointContents(tree: tree), compression)
        for threads in [1, 2, 8] {
          let opened = try runner.open(path, OpenOptions(threads: threads))
          let loaded = try opened.contents.tree.loaded(threads: threads)
          try runner.demandSame(tree, loaded, "loaded on \(threads) threads")
          try loaded.forEachLeaf { leaf in
            try runner.demand(leaf.source.bytesInMemory != nil, "a leaf that is not in memory after loading")
          }
        }
      }
    },
    Case("payload mapped, and unverified") { runner in
      let tree = runner.room.fitted(StoreContract.sizes)
      for compression in [Compression.none, .fast] {
        let path = try runner.write(CheckpointContents(tree: tree), compression)
        for verify in [Verification.always, .never] {
          let opened = try runner.open(path, OpenOptions(payload: .map, verify: verify))
          try runner.demandSame(tree, opened.contents.tree, "mapped")
          try runner.demandSame(tree, try opened.contents.tree.loaded(), "mapped and loaded")
        }
      }
    },
    Case("a leaf outlives the tree that it came from") { runner in
      let tree = runner.room.fitted(StoreContract.sizes)
      let path = try runner.write(CheckpointContents(tree: tree), .none)
      var kept: [Leaf] = []
      try runner.open(path, OpenOptions(payload: .map)).contents.tree.loaded().forEachLeaf { kept.append($0) }
      var number = 0
      try tree.forEachLeaf { leaf in
        try runner.demand(
          try kept[number].allBytes() == leaf.allBytes(), "leaf \(number) differs when it is alone")
        number += 1
      }
    },
    Case("a tensor that was loaded is its holder's alone") { runner in
      let path = try runner.write(CheckpointContents(tree: runner.room.fitted(StoreContract.sizes)), .none)
      let opened = try runner.open(path, OpenOptions())
      let loaded = try opened.contents.tree.loaded()
      let before = try runner.floats(of: loaded)
      var changed = before
      for number in changed.indices {
        changed[number].withMutableElements(of: Float.self) { for place in $0.indices { $0[place] = -1 } }
      }
      for (one, other) in zip(before, try runner.floats(of: opened.contents.tree)) {
        try runner.demand(one == other, "writing to one tensor changed another")
      }
    },
    Case("the same bytes for any number of threads") { runner in
      for compression in Compression.allCases {
        var files: [[UInt8]] = []
        for threads in [1, 2, 5] {
          let path = runner.folder.file("threads-\(threads)" + (runner.store.format.suffixes.first ?? ""))
          try AtomicFile.replace(path, durable: false) { target in
            try runner.store.write(
              CheckpointContents(tree: runner.room.fitted(StoreContract.sizes)), to: target,
              options: WriteOptions(compression: compression, threads: threads))
          }
          let file = try InputFile(path: path)
          files.append(try file.bytes(at: 0, count: file.byteCount))
        }
        try runner.demand(
          files.allSatisfy { $0 == files[0] }, "\(compression) gives other bytes with more threads")
      }
    },
  ]

  /// Leaves of every size class: one number, small ones by the hundred, several chunks, an odd end.
  private static let sizes: Tree<Leaf> = {
    var random = RandomTree(seed: 31)
    var members: [(Key, Tree<Leaf>)] = [
      ("a", .leaf(random.leaf(.float32, shape: [2, 700_001]))),
      ("b", .leaf(random.leaf(.bfloat16, shape: [300_000]))),
      ("c", .leaf(random.leaf(.int64, shape: []))),
      ("d", .leaf(random.leaf(.float32, shape: [0, 3]))),
      ("e", .leaf(random.leaf(.uint8, shape: [5_000_001]))),
      ("f", .leaf(random.leaf(.complex128, shape: [257, 3]))),
    ]
    for number in 0..<300 {
      members.append((Key("s\(1000 + number)"), .leaf(random.leaf(.float32, shape: [number % 50]))))
    }
    return .dictionary(members)
  }()
}

extension ContractRunner {
  fileprivate func open(_ path: String, _ options: OpenOptions) throws -> OpenedCheckpoint {
    try store.open(InputFile(path: path), options: options)
  }

  fileprivate func demandSame(_ a: Tree<Leaf>, _ b: Tree<Leaf>, _ how: String) throws {
    if let difference = try firstDifference(a, b) { throw ContractViolation("\(how): \(difference)") }
  }

  fileprivate func floats(of tree: Tree<Leaf>) throws -> [Tensor] {
    var tensors: [Tensor] = []
    try tree.forEachLeaf { if $0.dtype == .float32 { tensors.append(try $0.tensor()) } }
    return tensors
  }
}
