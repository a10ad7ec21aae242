import Refx
@testable import RefxDistributed
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// What ranks find in a checkpoint together is what one process finds.
struct SharedLeavesTests {
  private static func trees(_ count: Int) -> [Tree<Leaf>] {
    (0..<count).map { seed in
      var random = RandomTree(seed: UInt64(seed), mostElements: seed % 5 == 0 ? 40_000 : 300)
      return random.make(nodes: 1 + seed * 7 % 50)
    }
  }

  /// What each of some ranks finds.
  private func found<Value: Sendable>(
    by ranks: Int, _ body: @escaping @Sendable (any LeafSharing) throws -> Value
  ) throws -> [Value] {
    try ThreadCommunicator.run(ranks: ranks) { try body(SharedLeaves($0)) }.map { try $0.get() }
  }

  @Test(arguments: 1...5) func digestsAreThoseOfOneProcess(ranks: Int) throws {
    for tree in SharedLeavesTests.trees(40) {
      let expected = try tree.digest()
      let collections = try tree.digestsByCollection().map(\.digest)
      let all = try found(by: ranks) { sharing in
        let hashes = LeafHashes(sharing: sharing)
        return [try tree.digest(hashes: hashes)]
          + (try tree.digestsByCollection(hashes: hashes).map(\.digest))
      }
      #expect(all == Array(repeating: [expected] + collections, count: ranks))
    }
  }

  @Test(arguments: 1...4) func differencesAreThoseOfOneProcess(ranks: Int) throws {
    let trees = SharedLeavesTests.trees(120)
    var rows = 0
    for (number, tree) in trees.enumerated() {
      let other = number % 2 == 0 ? tree.shaken(UInt64(number)) : trees[(number + 1) % trees.count]
      var options = DiffOptions()
      options.exact = number % 3 == 0
      options.findsRenames = number % 5 == 0
      options.relativeTolerance = number % 7 == 0 ? 0.25 : nil
      let chosen = options
      let expected = try tree.diff(to: other, options: chosen)
      rows += expected.value.count
      for diff in try found(
        by: ranks, { try tree.diff(to: other, options: chosen, sharing: $0, progress: nil) })
      {
        #expect(diff.value == expected.value && diff.structure == expected.structure)
        #expect(diff.topology == expected.topology && diff.unchanged == expected.unchanged)
      }
      let differs = try found(
        by: ranks, { try tree.differs(from: other, options: chosen, sharing: $0, progress: nil) })
      #expect(differs == Array(repeating: !expected.isEmpty, count: ranks))
    }
    #expect(rows > 30, "the trees hardly differ: \(rows) rows")
  }

  /// Flipped bits all over a file: the problems of all ranks are those of one process, in its order.
  @Test(arguments: [FormatName.refx, .hdf5, FormatName(rawValue: "safetensors")])
  func problemsAreThoseOfOneProcess(format: FormatName) throws {
    var random = RandomTree(seed: 3, contents: [.refs], mostElements: 3000)
    let tree = Tree<Leaf>.list((0..<30).map { _ in .leaf(random.leaf(.float32, shape: [500])) })
    var bytes = try Checkpoint.encode(contents: CheckpointContents(tree: tree), as: format)
    let folder = ScratchFolder()
    for place in stride(from: 9000, to: bytes.count - 9000, by: 7001) { bytes[place] ^= 4 }
    try AtomicFile.replace(folder.file("damaged"), durable: false) { try $0.append(bytes) }
    let opened = try Checkpoint.open(folder.file("damaged"), format: format)
    var expected: [Problem] = []
    try opened.verify(nil) { expected.append($0) }
    #expect(format.rawValue == "safetensors" || expected.count > 3)
    for ranks in 1...4 {
      let all = try found(by: ranks) { sharing in
        var problems: [Problem] = []
        try opened.verifiedTogether(by: sharing).verify(nil) { problems.append($0) }
        return problems
      }
      #expect(all == Array(repeating: expected, count: ranks))
    }
  }

  @Test func whatOneRankCannotReadAllHearOf() throws {
    let results = ThreadCommunicator.run(ranks: 3) { ranks in
      let broken = Leaf(dtype: .uint8, shape: [4], source: Unreadable(isBroken: ranks.rank == 2))
      let tree = Tree<Leaf>.list(Array(repeating: 0, count: 3).map { _ in .leaf(broken.twin()) })
      return try tree.digest(hashes: LeafHashes(sharing: SharedLeaves(ranks)))
    }
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.message.hasPrefix("on rank 2: ") == true && error?.path != nil)
    }
  }

  @Test func whatAllSayAlikeIsOfNoRank() throws {
    let results = ThreadCommunicator.run(ranks: 3) { ranks in
      try ranks.gathering { throw RefxError(.system, "it is not there", file: "x") }
    }
    for result in results {
      let error = #expect(throws: RefxError.self) { try result.get() }
      #expect(error?.summary == "x: it is not there")
    }
  }

  @Test func sharesAreFair() {
    var random = SeededRandom(seed: 5)
    for _ in 0..<300 {
      let ranks = 1 + random.below(7)
      let costs = (0..<random.below(80)).map { _ in
        random.oneIn(9) ? random.below(1 << 30) : random.below(9000)
      }
      let owners = LeafShares.owners(of: costs, ranks: ranks)
      #expect(owners.count == costs.count && owners.allSatisfy { 0..<ranks ~= $0 })
      var loads = [Int](repeating: 0, count: ranks)
      for (owner, cost) in zip(owners, costs) { loads[owner] += cost + 256 }
      let fair = loads.reduce(0, +) / ranks
      // The last rank takes what rounding leaves.
      #expect(loads.max()! <= fair + (costs.max() ?? 0) + 256 + ranks)
    }
  }

  @Test func findingsComeThroughTheWire() throws {
    for findings in [[], [[]], [[1, 2], [], [3]], [[UInt8](repeating: 7, count: 70_000)]] as [[[UInt8]]] {
      let bytes = FindingsOnTheWire.bytes(of: findings)
      #expect(try FindingsOnTheWire.findings(in: bytes) == findings)
      for cut in [0, 4, 8, bytes.count - 1] where cut < bytes.count && !findings.isEmpty {
        #expect(throws: RefxError.self) { try FindingsOnTheWire.findings(in: Array(bytes.prefix(cut))) }
      }
    }
  }
}

/// Four bytes that can be read, or not.
private final class Unreadable: LeafSource {
  private let isBroken: Bool
  init(isBroken: Bool) { self.isBroken = isBroken }
  var byteCount: Int { 4 }

  func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
    if isBroken { throw RefxError(.system, "cannot read") }
    for place in target.indices { target[place] = UInt8(offset + place) }
  }

  var twin: Unreadable { Unreadable(isBroken: isBroken) }
}

extension Leaf {
  /// The same array from another source.
  fileprivate func twin() -> Leaf {
    guard let source = source as? Unreadable else { return self }
    return Leaf(dtype: dtype, shape: shape, source: source.twin)
  }
}

extension Tree where Element == Leaf {
  /// The same tree with some numbers changed.
  fileprivate func shaken(_ seed: UInt64) -> Tree<Leaf> {
    var random = SeededRandom(seed: seed)
    return map { leaf in
      guard leaf.dtype != .string, leaf.dtype != .bool, leaf.byteCount > 0, !random.oneIn(3),
        let bytes = leaf.source.bytesInMemory
      else { return leaf }
      let place = random.below(leaf.byteCount)
      let changed = MemoryBytes(count: leaf.byteCount) { target in
        bytes.withBytes { target.copyMemory(from: $0) }
        target[place] ^= 1
      }
      return Leaf(dtype: leaf.dtype, shape: leaf.shape, source: changed)
    }
  }
}
