import Refx
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

@testable import RefxIO

@Suite struct LintTests {
  private func lint(
    _ tree: Tree<Leaf>, _ codes: Set<LintCode> = LintCode.usual, metadata: JSONObject = [:]
  ) throws -> LintReport {
    try CheckpointContents(tree: tree, metadata: metadata).lint(codes)
  }

  private func row(_ elements: [Float], shape: [Int]? = nil) -> Tree<Leaf> {
    .leaf(Leaf(Tensor(elements, shape: shape ?? [elements.count])))
  }

  @Test func equalArraysThatShareNothingAreFound() throws {
    let tree: Tree<Leaf> = [
      "a": row([1, 2, 3, 4]), "b": seen(row([1, 2, 3, 4]), 0, "x"), "c": again(0, "x"),
      "d": row([1, 2, 3, 4], shape: [2, 2]), "e": row([1, 2, 3, 5]), "f": seen(row([1, 2, 3, 4]), 1, "y"),
      "g": .leaf(Leaf(Tensor([1, 2, 3, 4] as [Int32], shape: [4]))), "h": one(7), "i": one(7),
      "z": ["0": row([0, 0, 0]), "1": row([0, 0, 0]), "2": row([1, 1, 1]), "3": row([1, 1, 1])],
    ]
    let report = try lint(tree, [.equalNotShared])
    #expect(report.findings.count == 1 && report.constantGroups == 2)
    let found = try #require(report.findings.first)
    #expect(found.paths == [["a"], ["b"], ["f"]] && found.remedy == .tie(take: nil, collection: "x"))
    #expect(
      found.what
        == "3 arrays of float32 [4] hold the same bytes and are not shared; they are of the collections 'x', 'y'"
    )
    // What it says to do does it.
    let tied = try CheckpointContents(tree: tree).tying(found.paths, collection: .given("x"))
    #expect(try tied.contents.lint([.equalNotShared]).findings.isEmpty)
    let constants = try lint(tree, [.equalConstants])
    #expect(constants.findings.map(\.paths) == [[["z", "0"], ["z", "1"]], [["z", "2"], ["z", "3"]]])
    #expect(constants.constantGroups == 0)
  }

  /// Arrays of several pieces, of which the first may be alike and the last one alone another.
  @Test func largeArraysAreComparedToTheirEnds() throws {
    let count = 700_000
    var last = [Float](repeating: 2, count: count)
    last[count - 1] = 3
    let flat = [Float](repeating: 2, count: count)
    var steps = flat
    // Each piece of a MiB is constant.
    for place in (1 << 18)..<count { steps[place] = 5 }
    let report = try lint(
      ["a": row(flat), "b": row(last), "c": row(flat), "d": row(last), "e": row(steps), "f": row(steps)],
      Set(LintCode.allCases))
    #expect(report.findings.map(\.code) == [.equalNotShared, .equalNotShared, .equalConstants])
    #expect(report.findings.map(\.paths) == [[["b"], ["d"]], [["e"], ["f"]], [["a"], ["c"]]])
  }

  @Test func everyKindOfNaNAndInfinityIsCounted() throws {
    for seed in 0..<40 as Range<UInt64> {
      var maker = RandomTree(seed: seed, mostElements: 400)
      for dtype in DType.allCases where dtype != .string && dtype != .unsupported {
        let leaf = maker.leaf(dtype, shape: [97])
        let expected = try #require(try leaf.statistics())
        let found = try LintReader(threads: nil, progress: nil).contents(of: [leaf])[0]
        #expect([found.nan, found.infinite] == [expected.nan, expected.infinite], "\(dtype)")
      }
    }
    let report = try lint([
      "a": row([1, .nan, .infinity, -.infinity]), "b": seen(row([.nan, 2]), 0), "c": again(0),
    ])
    #expect(report.findings.map(\.code) == [.nan, .nan, .infinite])
    #expect(report.findings[0].what == "1 of 4 float32 elements is NaN")
    #expect(report.findings[1].paths == [["b"], ["c"]])
    #expect(report.findings[2].what == "2 of 4 float32 elements are infinite")
  }

  @Test func namesThatContradictEachOther() throws {
    let tree: Tree<Leaf> = [
      "a": row([1, 2]), "b": row([1, 3]), "c": row([1, 2]), "d": row([1, 2, 3]), "e": one(1), "f": one(2),
    ]
    let metadata: JSONObject = ["format": "pt", "b": "a", "c": "a", "d": "a", "e": "f", "x": "a", "a": 3]
    let report = try lint(tree, [.aliasDiffers], metadata: metadata)
    #expect(report.findings.map(\.paths) == [[["b"], ["a"]], [["d"], ["a"]], [["e"], ["f"]]])
    #expect(report.findings[0].what == "the metadata says that 'b' is 'a', and they hold different values")
    #expect(report.findings[1].what.hasSuffix("and one is float32 [3], the other float32 [2]"))
    #expect(report.findings[0].remedy == .tie(take: ["a"], collection: nil))
  }

  @Test func danglingUnsupportedAndUntagged() throws {
    let tree: Tree<Leaf> = [
      "a": again(4), "b": .leaf(.unsupported("link", "it leads nowhere")),
      "c": .leaf(.unsupported("opaque", "it is opaque")), "d": seen(one(1), 0), "e": seen(one(2), 1, "x"),
      "f": seen(["w": seen(one(3), 3)], 2),
    ]
    let report = try lint(tree)
    #expect(report.findings.map(\.code) == [.danglingIndex, .danglingLink, .unsupported, .untaggedRef])
    #expect(report.findings.map(\.paths) == [[["a"]], [["b"]], [["c"]], [["d"], ["f"], ["f", "w"]]])
    #expect(report.findings[3].what == "3 Refs have no collection, and 1 has one")
    #expect(try lint(["d": seen(one(1), 0)]).findings.isEmpty)
    #expect(try lint(tree, [.untaggedRef]).findings.count == 1)
  }

  /// A source that counts what is read of it, and may fail.
  private final class Watched: LeafSource {
    let bytes: [UInt8]
    let fails: Bool
    let contentHash: ContentHash?
    let read = Mutex(0)
    var byteCount: Int { bytes.count }

    init(_ bytes: [UInt8], fails: Bool = false, hash: ContentHash? = nil) {
      self.bytes = bytes
      self.fails = fails
      contentHash = hash
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
      read.withLock { $0 += buffer.count }
      if fails { throw RefxError(.damaged, "it is damaged", file: "f", advice: "weep") }
      bytes[offset..<(offset + buffer.count)].withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
  }

  @Test func onlyWhatMustBeReadIsRead() throws {
    func leaf(_ source: Watched, _ dtype: DType) -> Tree<Leaf> {
      .leaf(Leaf(dtype: dtype, shape: [source.bytes.count / (dtype.itemSize ?? 1)], source: source))
    }
    let lone = Watched([1, 2, 3])
    let twins = [Watched([1, 2, 3, 4]), Watched([1, 2, 3, 4])]
    let hashed = [1, 2, 3].map { Watched([5, 6, 7, 8, 9], hash: ContentHash(low: $0 / 3, high: 0)) }
    let floats = Watched([0, 0, 0xC0, 0x7F])
    let bad = Watched([1, 2, 3, 4, 5, 6, 7, 8], fails: true)
    let report = try lint([
      "a": leaf(lone, .uint8), "b": leaf(twins[0], .uint8), "c": leaf(twins[1], .uint8),
      "d": leaf(hashed[0], .uint8), "e": leaf(hashed[1], .uint8), "f": leaf(hashed[2], .uint8),
      "g": leaf(floats, .float32), "h": leaf(bad, .float32),
    ])
    #expect(report.findings.map(\.code) == [.equalNotShared, .equalNotShared, .unreadable, .nan])
    #expect(report.findings[1].paths == [["d"], ["e"]] && report.findings[2].what == "it is damaged")
    #expect([lone, twins[0], twins[1], floats].map { $0.read.withLock { $0 } } == [0, 4, 4, 4])
    // One of the two that are equal by their hashes, to see whether it is constant.
    #expect(hashed.map { $0.read.withLock { $0 } } == [5, 0, 0])
    #expect(try lint(["h": leaf(bad, .uint8)]).findings.isEmpty)
    #expect(try lint(["h": leaf(bad, .uint8)], [.unreadable]).findings.count == 1)
  }

  /// Whatever a tree is, lint says the same of it as a comparison of all with all.
  @Test(arguments: 0..<60) func randomTrees(seed: UInt64) throws {
    var maker = RandomTree(seed: seed, mostElements: 4)
    let tree = maker.make(nodes: 120)
    var values: [[UInt8]: [Path]] = [:]
    try tree.forEachSite { site in
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true, leaf.count > 1,
        leaf.byteCount > 0
      else { return }
      let key = Array("\(leaf.dtype) \(leaf.shape) ".utf8) + (try leaf.allBytes())
      values[key, default: []].append(site.path)
    }
    let report = try lint(tree, [.equalNotShared, .equalConstants])
    #expect(Set(report.findings.map(\.paths)) == Set(values.values.filter { $0.count > 1 }))
  }
}
