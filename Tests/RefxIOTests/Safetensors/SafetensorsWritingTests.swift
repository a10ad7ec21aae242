import Refx
import RefxStore
import Synchronization
import Testing

@testable import RefxIO

@Suite("Writing safetensors")
struct SafetensorsWritingTests {
  private static func leaf(_ number: Float) -> Tree<Leaf> { .leaf(Leaf(Tensor([number, number + 1]))) }

  static let trees: [(String, Tree<Leaf>)] = [
    ("nothing at all", [:]),
    ("a lone leaf", leaf(1)),
    ("a lone Ref", .value(Value(leaf(1), index: 0, collection: "params"))),
    ("a lone static value", .static(3)),
    ("a plain dictionary", ["a": leaf(1), "b.c": leaf(2), "": leaf(3)]),
    ("nested", ["layers": [["w": leaf(1)], ["w": leaf(2)]], "t": .tuple([leaf(3), .none])]),
    (
      "nothings, holes, static values",
      [
        "n": .nothing, "h": .hole, "none": .none, "s": .static("gelu"), "i": .static(12), "f": .static(1.5),
        "inf": .static(.float(.infinity)), "t": .static(true), "w": leaf(1),
      ]
    ),
    (
      "tied",
      [
        "embed": .value(Value(leaf(1), index: 0, collection: "params")),
        "head": .index(Index(0, collection: "params")),
        "steps": .value(Value(.leaf(Leaf(7 as Int64)), index: 1, collection: 3)),
        "untagged": .value(Value(leaf(2), index: 2)),
      ]
    ),
    (
      "a shared subtree, Refs inside it",
      [
        "a": .value(
          Value(["w": .value(Value(leaf(1), index: 1, collection: "params")), "b": leaf(2)], index: 0)),
        "z": .index(Index(0)), "zz": .index(Index(1, collection: "params")),
      ]
    ),
    ("a cycle", ["node": .value(Value(["next": .index(Index(0)), "w": leaf(1)], index: 0))]),
    ("a Ref in a Ref", ["r": .value(Value(.value(Value(leaf(1), index: 1, collection: "x")), index: 0))]),
    (
      "odd keys",
      ["a/b": leaf(1), "refx": leaf(2), "e\u{301}": leaf(3), "\u{E9}": leaf(4), "\"\\\n": ["\0": leaf(5)]]
    ),
    (
      "every dtype",
      .dictionary(
        DType.allCases.compactMap { dtype in
          guard let size = dtype.itemSize, dtype.safetensorsName != nil else { return nil }
          let bytes = MemoryBytes(count: 6 * size) { buffer in
            for place in buffer.indices {
              buffer[place] = dtype == .bool ? UInt8(place & 1) : UInt8(truncatingIfNeeded: 37 * place)
            }
          }
          return (Key(dtype.name), .leaf(Leaf(Tensor(dtype: dtype, shape: [2, 3], bytes: bytes))))
        })
    ),
    ("a name that the format keeps for itself", ["__metadata__": leaf(1), "a": leaf(2)]),
    ("zero elements", ["z": .leaf(Leaf(Tensor([] as [Float], shape: [0, 3]))), "y": [leaf(1)]]),
  ]

  @Test("every tree comes back as it was", arguments: trees)
  func roundTrip(name: String, tree: Tree<Leaf>) throws {
    let bytes = try written(tree)
    let opened = try open(inMemory(bytes))
    #expect(try loaded(opened.contents.tree) == loaded(tree))
    #expect(try opened.contents.tree.digest() == tree.digest())
    #expect(opened.contents.metadata == [:])
    #expect(opened.warnings.isEmpty)
    #expect(try written(opened.contents.tree) == bytes)
    #expect(headerText(bytes).utf8.count % 8 == 0)
  }

  @Test("names alone are enough for a plain dictionary, which other programs then see as they would write it")
  func plain() throws {
    let text = headerText(
      try written(["b": Self.leaf(1), "a": .leaf(Leaf(1 as UInt8))], metadata: ["format": "pt"]))
    #expect(
      text.hasPrefix(
        #"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
          + #""a":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}"#))
    #expect(!text.contains("refx"))
  }

  @Test("a value is there once, and its other names are said as Hugging Face's writer says them")
  func aliases() throws {
    let bytes = try written([
      "embed": ["w": .value(Value(Self.leaf(1), index: 0))], "head": ["w": .index(Index(0))],
      "sub": .value(Value(["x": Self.leaf(5)], index: 1)), "tub": .index(Index(1)),
    ])
    let text = headerText(bytes)
    #expect(text.contains(#""head.w":"embed.w""#))
    #expect(text.contains(#""tub.x":"sub.x""#))
    #expect(bytes.count == 8 + text.utf8.count + 16)
  }

  @Test("metadata comes back in order, whatever its kind")
  func metadata() throws {
    let metadata: JSONObject = [
      "z": "text", "format": "pt", "step": 3, "refx": "a user's own",
      "nested": ["a": [1, .number(2.5), .null]],
      "e": "",
    ]
    for tree in [["w": Self.leaf(1)], ["w": [Self.leaf(1)]]] as [Tree<Leaf>] {
      let bytes = try written(tree, metadata: metadata)
      #expect(headerText(bytes).contains(#""z":"text","format":"pt""#))
      #expect(try open(inMemory(bytes)).contents.metadata == metadata)
    }
    let texts: JSONObject = ["z": "1", "a": "2"]
    #expect(try open(inMemory(written(["w": Self.leaf(1)], metadata: texts))).contents.metadata == texts)
  }

  @Test(
    "--shared duplicate writes every site's bytes; what comes back is not tied, and keeps its collections")
  func duplicate() throws {
    let tree: Tree<Leaf> = [
      "a": .value(Value(Self.leaf(1), index: 0, collection: "params")),
      "b": .index(Index(0, collection: "params")),
      "s": .value(Value(["x": Self.leaf(5)], index: 1)), "t": .index(Index(1)),
    ]
    let bytes = try written(tree, WriteOptions(shared: .duplicate))
    #expect(bytes.count == 8 + headerText(bytes).utf8.count + 32)
    let back = try open(inMemory(bytes)).contents.tree
    #expect(
      try loaded(back)
        == loaded([
          "a": .value(Value(Self.leaf(1), index: 0, collection: "params")),
          "b": .value(Value(Self.leaf(1), index: 1, collection: "params")),
          "s": .value(Value(["x": Self.leaf(5)], index: 2)),
          "t": .value(Value(["x": Self.leaf(5)], index: 3)),
        ]))
    let cycle: Tree<Leaf> = .value(Value(["again": .index(Index(0))], index: 0))
    let error = try #require(throws: RefxError.self) {
      _ = try written(cycle, WriteOptions(shared: .duplicate))
    }
    #expect(error.summary.contains("contains itself"))
  }

  @Test("--shared duplicate refuses copies of copies without end")
  func bomb() throws {
    // Each level holds the one below twice: 2^60 leaves.
    var tree = Self.leaf(1)
    for level in 0..<60 {
      tree = .list([.value(Value(tree, index: 59 - level)), .index(Index(59 - level))])
    }
    let bomb = tree
    let error = try #require(throws: RefxError.self) { _ = try bomb.copiedAtEverySite(nodeLimit: 10_000) }
    #expect(error.code == .limit)
  }

  @Test("--shared error names two of the sites")
  func refusal() throws {
    let tied: Tree<Leaf> = ["a": .value(Value(Self.leaf(1), index: 0)), "b": ["c": .index(Index(0))]]
    let error = try #require(throws: RefxError.self) { _ = try written(tied, WriteOptions(shared: .error)) }
    #expect(error.path == ["b", "c"] && error.summary.contains("the one of a"))
    let untied: Tree<Leaf> = ["a": .value(Value(Self.leaf(1), index: 0, collection: "params"))]
    #expect(
      try loaded(open(inMemory(written(untied, WriteOptions(shared: .error)))).contents.tree)
        == loaded(untied))
  }

  @Test("two leaves on one name are an error that names both; another separator helps")
  func collisions() throws {
    let tree: Tree<Leaf> = ["a": ["b": Self.leaf(1)], "a.b": Self.leaf(2)]
    let error = try #require(throws: RefxError.self) { _ = try written(tree) }
    #expect(error.path == ["a.b"] && error.summary.contains("a/b"))
    let bytes = try written(tree, WriteOptions(flattenSeparator: "/"))
    #expect(headerText(bytes).contains(#""a/b":{"#))
    #expect(try loaded(open(inMemory(bytes)).contents.tree) == loaded(tree))
    // A further site has a name too.
    let shared: Tree<Leaf> = [
      "a": ["b": .value(Value(Self.leaf(1), index: 0))], "x": ["y": .index(Index(0))], "x.y": Self.leaf(2),
    ]
    #expect(throws: RefxError.self) { try written(shared) }
  }

  @Test("what the format cannot hold is refused by path")
  func cannotHold() throws {
    let complex = Leaf(Tensor([Complex<Double>(1, 2)]))
    let error = try #require(throws: RefxError.self) { _ = try written(["a": ["c": .leaf(complex)]]) }
    #expect(error.path == ["a", "c"] && error.code == .unsupported)
  }

  @Test(
    "a description that does not fit the tensors is an error",
    arguments: [
      ("embed", "embod"), (#"\"head\""#, #"\"hood\""#), (#"\"params\""#, #"\"porams\""#),
      (#"\"dict\""#, #"\"tuple\""#),
      (#"\"version\":1"#, #"\"version\":2"#), (#"{\"ref\":0}"#, #"{\"ref\":1}"#),
      (#"\"tree\""#, #"\"twig\""#),
      ("[2]", "[1]"), (#""F32""#, #""U32""#), (#"\"digest\":\""#, #"\"digest\":\"0"#),
      (#"{\"ref\":0}"#, #"\"embed\""#), (#"\"separator\""#, #"\"sep\""#),
    ])
  func manipulated(from old: String, to new: String) throws {
    let bytes = try written([
      "embed": .value(Value(Self.leaf(1), index: 0, collection: "params")),
      "head": .index(Index(0, collection: "params")),
    ])
    let text = headerText(bytes)
    #expect(text.contains(old))
    var pieces = [Substring](text.split(separator: old, omittingEmptySubsequences: false))
    // The last place alone: within the description, or the tensor's own entry.
    let tail = pieces.removeLast()
    let changed = pieces.joined(separator: old) + new + tail
    let file = safetensors(changed, data: Array(bytes.suffix(8)))
    #expect(throws: RefxError.self) { try open(file) }
  }

  @Test("what another program adds to the metadata is kept, and what it takes out is gone")
  func otherPrograms() throws {
    let bytes = try written(["w": [Self.leaf(1)]], metadata: ["a": "1", "b": "2"])
    let changed = headerText(bytes).replacing(#""a":"1""#, with: #""c":"3""#)
    let opened = try open(safetensors(changed, data: Array(bytes.suffix(8))))
    #expect(opened.contents.metadata == ["b": "2", "c": "3"])
  }

  @Test("large leaves go through in pieces, and progress ends at the end")
  func pieces() throws {
    let big = Tensor((0..<700_000).map { Float($0) })
    let progress = ProgressLog()
    var options = WriteOptions()
    options.progress = { progress.add($0, of: $1) }
    let bytes = try written(["w": .leaf(Leaf(big))], options)
    #expect(progress.last == [2_800_000, 2_800_000])
    #expect(progress.count > 2)
    #expect(try loaded(open(inMemory(bytes)).contents.tree) == ["w": .leaf(big)])
  }
}

private final class ProgressLog: Sendable {
  private let calls = Mutex<[[Int]]>([])
  func add(_ done: Int, of total: Int) { calls.withLock { $0.append([done, total]) } }
  var last: [Int]? { calls.withLock { $0.last } }
  var count: Int { calls.withLock { $0.count } }
}
