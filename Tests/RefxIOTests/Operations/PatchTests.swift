import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

/// A patch leads from one checkpoint to the other, whatever these are, and from no other.
@Suite struct PatchTests {
  private func check(_ old: Tree<Leaf>, _ new: Tree<Leaf>, _ what: @autoclosure () -> String = "") throws {
    var after = CheckpointContents(tree: new, metadata: ["step": 3])
    after.attributes[.root] = [Attribute("unit", .one(.string("m")))]
    let before = CheckpointContents(tree: old, metadata: ["step": 2])
    // Through a file, as it is used.
    let target = MemoryTarget()
    let made = try before.patch(to: after)
    try RefxFormat.write(made.contents, to: target, options: WriteOptions())
    let patch = try RefxFormat.open(
      InputFile(MemoryBytes(sharing: target.bytes), name: "p.refx"), options: OpenOptions()
    ).contents
    let result = try before.applying(patch, named: "p.refx")
    if let difference = try firstDifference(new, result.tree) { Issue.record("\(what()): \(difference)") }
    #expect(result.metadata == after.metadata && result.attributes == after.attributes)
    let arrays = new.leaves().count
    #expect(made.changed + made.unchanged == arrays, "\(what())")
    if try firstDifference(old, new) == nil { #expect(made.changed == 0, "\(what())") }
  }

  /// Every small tree from every other.
  @Test func smallTrees() throws {
    let trees = (1...3).flatMap { SmallTrees.all(nodes: $0) }
    for (i, old) in trees.enumerated() {
      for (j, new) in trees.enumerated() where trees.count < 120 || (i + 3 * j) % 7 == 0 {
        try check(old, new, "\(i) to \(j)")
      }
    }
    #expect(trees.count > 20)
  }

  @Test func randomTrees() throws {
    for seed in 0..<60 as Range<UInt64> {
      var maker = RandomTree(seed: seed)
      let old = maker.make(nodes: 25)
      try check(old, maker.make(nodes: 25), "seed \(seed)")
      try check(old, old, "seed \(seed)")
    }
  }

  /// Each kind of change alone, beside an array that stays.
  @Test func everyKindOfChangeIsInIt() throws {
    let old: Tree<Leaf> = [
      "a": one(1), "b": seen(one(2), 0, "p"), "c": again(0, "p"), "n": .nothing, "s": .static("relu"),
    ]
    func changed(_ key: Key, to node: Tree<Leaf>?) -> Tree<Leaf> {
      guard case .dictionary(let branches) = old else { return old }
      var members = zip(branches.keys, branches.members).filter { $0.0 != key }.map { ($0, $1) }
      if let node { members.append((key, node)) }
      return .dictionary(members)
    }
    for (number, new) in [
      changed("s", to: .static("gelu")), changed("s", to: .static(3)), changed("s", to: nil),
      changed("s", to: .nothing), changed("n", to: Tree<Leaf>.none), changed("n", to: [:]),
      changed("a", to: one(3)),
      changed("a", to: nil), changed("a", to: seen(one(1), 1)), changed("c", to: seen(one(2), 1, "p")),
      changed("z", to: one(1)), changed("z", to: .static(true)),
    ].enumerated() {
      try check(old, new, "change \(number)")
      try check(new, old, "change \(number) back")
    }
  }

  @Test func onlyWhatChangedIsInIt() throws {
    let large = Leaf(Tensor([Float](repeating: 1, count: 5000)))
    let old: Tree<Leaf> = ["a": .leaf(large), "b": seen(one(1), 0), "c": again(0)]
    let new: Tree<Leaf> = ["a": .leaf(large), "b": seen(one(2), 0), "c": again(0), "d": .hole]
    let patch = try CheckpointContents(tree: old).patch(to: CheckpointContents(tree: new))
    #expect(patch.changed == 1 && patch.unchanged == 1)
    let expected: Tree<Leaf> = ["a": .hole, "b": seen(one(2), 0), "c": again(0), "d": .hole]
    #expect(try firstDifference(patch.contents.tree, expected) == nil)
  }

  /// What neither file has a hash of is read once on each side, and what was changed in no dtype or shape alone.
  @Test func payloadIsReadOnce() throws {
    func side(_ changed: UInt8) -> (tree: Tree<Leaf>, sources: [WatchedSource]) {
      let sources = [0, 7, changed].map { WatchedSource(byte: $0) }
      func leaf(_ place: Int, _ shape: [Int]) -> Tree<Leaf> {
        .leaf(Leaf(dtype: .uint8, shape: shape, source: sources[place]))
      }
      let other = [changed == 1 ? 3000 : 1000, changed == 1 ? 1 : 3]
      return (
        ["a": leaf(0, [3000]), "b": leaf(1, other), "c": seen(leaf(2, [3000]), 0), "d": again(0)], sources
      )
    }
    let (old, new) = (side(1), side(2))
    let patch = try CheckpointContents(tree: old.tree).patch(to: CheckpointContents(tree: new.tree))
    #expect(patch.changed == 2 && patch.unchanged == 1 && patch.changedBytes == 6000)
    #expect(old.sources.map(\.bytesRead) == [3000, 3000, 3000])
    #expect(new.sources.map(\.bytesRead) == [3000, 0, 3000])
    #expect(
      try firstDifference(
        new.tree,
        CheckpointContents(tree: old.tree).applying(patch.contents, named: "p").tree) == nil)
  }

  @Test func aWrongBaseIsRefusedByItsDigest() throws {
    let old: Tree<Leaf> = ["a": seen(one(1), 0), "b": again(0)]
    let patch = try CheckpointContents(tree: old).patch(to: CheckpointContents(tree: ["a": one(2)]))
    for (tree, digest) in [
      (["a": one(1)] as Tree<Leaf>, "structure"), (["a": one(1), "b": one(1)], "topology"),
      (["a": seen(one(3), 0), "b": again(0)], "values"),
    ] {
      let words = refusalText { _ = try CheckpointContents(tree: tree).applying(patch.contents, named: "p") }
      #expect(words.contains("p was made from another checkpoint: its digest of \(digest)"), "\(words)")
    }
  }

  @Test func damagedPatchesAreRefused() throws {
    let old = CheckpointContents(tree: ["a": one(1), "b": one(2)])
    let sound = try old.patch(to: CheckpointContents(tree: ["a": one(1), "b": one(3)])).contents
    var none = sound
    none.metadata = [:]
    #expect(refusalText { _ = try old.applying(none, named: "p") }.contains("this is no patch"))
    func changed(_ change: (inout JSONObject) -> Void) -> CheckpointContents {
      var contents = sound
      guard case .object(var record)? = sound.metadata[PatchRecord.key] else { return contents }
      change(&record)
      contents.metadata[PatchRecord.key] = .object(record)
      return contents
    }
    var otherTree = sound
    otherTree.tree = ["a": .hole, "b": .hole, "c": .hole]
    let later = changed { $0["version"] = 2 }
    let ofTheFuture = #expect(throws: RefxError.self) { try old.applying(later, named: "p") }
    #expect(ofTheFuture?.code == .version)
    let damaged = [
      changed { $0["version"] = "1" }, changed { $0["base"] = [:] },
      changed { $0["result"] = ["structure": "00", "topology": "00"] }, changed { $0["holes"] = [["x"]] },
      changed { $0["holes"] = [["a"]] }, changed { $0["holes"] = [3] }, changed { $0["metadata"] = 1 },
      otherTree,
    ]
    for (number, patch) in damaged.enumerated() {
      let error = #expect(throws: RefxError.self, "\(number)") { try old.applying(patch, named: "p") }
      #expect(error?.code == .merge, "\(number)")
    }
  }
}

/// 3000 bytes of one value, and how many of them were asked for.
private final class WatchedSource: LeafSource {
  let byteCount = 3000
  private let byte: UInt8
  private let count = Atomic(0)

  var bytesRead: Int { count.load(ordering: .relaxed) }

  init(byte: UInt8) { self.byte = byte }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    count.add(buffer.count, ordering: .relaxed)
    buffer.initializeMemory(as: UInt8.self, repeating: byte)
  }
}
