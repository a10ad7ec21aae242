import Foundation
import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

@Suite("NumPy reads what is written here")
struct NumPyInteropTests {
  private static let script = """
    import sys, json, hashlib, zipfile, numpy
    path = sys.argv[1]
    assert zipfile.ZipFile(path).testzip() is None
    facts = {}
    with numpy.load(path, allow_pickle=False) as archive:
      for name in archive.files:
        array = archive[name]
        assert array.flags.c_contiguous
        text = array.tolist() if array.dtype.kind == "U" and name != "__refx__" else None
        facts[name.encode().hex()] = [array.dtype.str, list(array.shape), hashlib.sha256(array.tobytes()).hexdigest(), text]
      whole = str(archive["__refx__"]) if "__refx__" in archive.files else "null"
    json.loads(whole)
    print(json.dumps(facts))
    """

  private static func contents() -> CheckpointContents {
    var random = RandomTree(seed: 77)
    let dtypes = DType.allCases.filter { $0.itemSize != nil }
    var members: [(Key, Tree<Leaf>)] = dtypes.map { dtype in
      (Key(dtype.name), .leaf(random.leaf(dtype, shape: [3, 2])))
    }
    members += [
      ("scalar", .leaf(Leaf(Float(2)))), ("empty", .leaf(Leaf(Tensor([Int16](), shape: [2, 0])))),
      ("text", .leaf(.text(["é", "", "\u{1F600}x"], shape: [3]))), ("x.npy", .leaf(Leaf(Int8(1)))),
      ("large", .leaf(Leaf(Tensor((0..<700_001).map { Float($0 % 1000) })))),
      ("deep", ["ä": [.value(Value(.leaf(Leaf(Int8(5))), index: 0)), .index(Index(0))]]),
      ("odd\n", .leaf(Leaf(Int8(2)))), ("..", ["/": .leaf(Leaf(Int8(3)))]),
    ]
    return CheckpointContents(tree: .dictionary(members), metadata: ["a": 1])
  }

  @Test(
    "every array under its name, stored and deflated",
    .enabled(if: ReferencePython.has("numpy"), ReferencePython.absent("numpy")))
  func archives() throws {
    let scratch = ScratchFolder()
    let contents = Self.contents()
    for compression in [Compression.fast, .best] {
      let path = scratch.file("\(compression).npz")
      try Checkpoint.save(
        contents: contents, to: path, options: WriteOptions(compression: compression), durability: .none)
      let facts = try #require(try ReferencePython.json(Self.script, [path]) as? [String: [Any]])
      var seen = 0
      try contents.tree.forEachSite { site in
        guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true else { return }
        let joined = site.path.keys.map(\.string).joined(separator: ".")
        let names = ["odd\n": "odd%0A", ".../": ".../"]
        let fact = try #require(facts[hexadecimal((names[joined] ?? joined).utf8)], "\(joined)")
        #expect(fact[1] as? [Int] == leaf.shape, "\(joined)")
        seen += 1
        if leaf.dtype == .string {
          #expect(fact[3] as? [String] == ["é", "", "\u{1F600}x"])
          return
        }
        #expect(fact[2] as? String == hexadecimal(try LeafHashes().sha256(of: leaf, at: site.path)))
      }
      #expect(facts.count == seen + 1)
      #expect(facts[hexadecimal("complex128".utf8)]?[0] as? String == "<c16")
      #expect(facts[hexadecimal("bfloat16".utf8)]?[0] as? String == "|V2")
      #expect(try firstDifference(Checkpoint.open(path).contents.tree, contents.tree) == nil)
    }
  }

  @Test(
    "texts that NumPy wrote in Fortran order",
    .enabled(if: ReferencePython.has("numpy"), ReferencePython.absent("numpy")))
  func textsInFortranOrder() throws {
    let scratch = ScratchFolder()
    let path = scratch.file("texts.npz")
    let facts = try ReferencePython.json(
      """
      import sys, json, numpy
      words = numpy.array([["a", "\u{E9}\u{1F600}", ""], ["four", "f", "\u{416}" * 30]])
      cube = numpy.array([str(n) * (n % 4) for n in range(24)]).reshape(4, 3, 2)
      arrays = {"u": words, "big": words.astype(">U30"), "s": numpy.char.encode(words, "utf-8"),
        "cube": cube, "turned": cube.transpose(1, 2, 0), "part": cube[::2, ::-1]}
      arrays = {name: numpy.asfortranarray(array) for name, array in arrays.items()}
      assert not any(array.flags.c_contiguous for array in arrays.values())
      numpy.savez(sys.argv[1], **arrays)
      numpy.save(sys.argv[1] + ".npy", arrays["cube"])
      print(json.dumps({name: [list(array.shape), [t.decode() if isinstance(t, bytes) else t
        for t in array.flatten("C").tolist()]] for name, array in arrays.items()}))
      """, [path])
    let arrays = try #require(facts as? [String: [Any]])
    #expect(arrays.count == 6)
    let tree = try Checkpoint.open(path).contents.tree
    let alone = try Checkpoint.open(path + ".npy").contents.tree
    for (name, fact) in arrays {
      let expected = Tree<Leaf>.leaf(
        .text(try #require(fact[1] as? [String]), shape: try #require(fact[0] as? [Int])))
      #expect(try firstDifference(#require(tree.member(Key(name))), expected) == nil, "\(name)")
      if name == "cube" { #expect(try firstDifference(alone, expected) == nil) }
    }
  }

  @Test(
    "more members than the short form counts",
    .enabled(if: ReferencePython.has("numpy"), ReferencePython.absent("numpy")))
  func manyMembers() throws {
    let scratch = ScratchFolder()
    let path = scratch.file("many.npz")
    let tree = Tree<Leaf>.dictionary((0..<66_000).map { (Key("\($0)"), .leaf(Leaf(Int32($0)))) })
    try Checkpoint.save(tree: tree, to: path, durability: .none)
    #expect(try firstDifference(Checkpoint.open(path).contents.tree, tree) == nil)
    let sum = try ReferencePython.json(
      "import sys, numpy; a = numpy.load(sys.argv[1]); print(len(a.files) + int(a['65999']))", [path])
    #expect(sum as? Int == 66_000 + 65_999)
  }

  @Test(
    "members beyond four gigabytes",
    .enabled(if: ReferencePython.has("numpy"), ReferencePython.absent("numpy")))
  func longMembers() throws {
    let scratch = ScratchFolder()
    let path = scratch.file("long.npz")
    let zeros = Leaf(dtype: .uint8, shape: [4 << 30], source: Zeros(byteCount: 4 << 30))
    let target = try SparseFile(path)
    let contents = CheckpointContents(tree: ["a": .leaf(zeros), "b": .leaf(Leaf(Int32(7)))])
    try NumPyArchiveStore.write(contents, to: target, options: WriteOptions())
    target.close()
    let opened = try Checkpoint.open(path).contents.tree
    guard case .leaf(let long)? = opened[["a"]], case .leaf(let short)? = opened[["b"]] else {
      Issue.record("\(opened)")
      return
    }
    #expect(long.byteCount == 4 << 30)
    #expect(try short.allBytes() == [7, 0, 0, 0])
    let facts = try ReferencePython.json(
      """
      import sys, zipfile, numpy
      archive = zipfile.ZipFile(sys.argv[1])
      info = archive.getinfo("a.npy")
      start = archive.open("a.npy").read(128)
      assert start[:6] == b"\\x93NUMPY" and b"(4294967296,)" in start
      print([info.file_size, int(numpy.load(sys.argv[1])["b"])])
      """, [path])
    #expect(facts as? [Int] == [4 << 30 + 128, 7])
  }

  private final class Zeros: LeafSource {
    let byteCount: Int
    init(byteCount: Int) { self.byteCount = byteCount }
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) {
      buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  /// A file that takes no room for zeros.
  private final class SparseFile: RewritableTarget {
    private let descriptor: Int32
    private(set) var position = 0
    var temporaryPath: String? { nil }

    init(_ path: String) throws {
      descriptor = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
      try #require(descriptor >= 0)
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
      if bytes.count < 1 << 16 || bytes[0] != 0 {
        try #require(pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(position)) == bytes.count)
      }
      position += bytes.count
    }

    func replace(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
      try #require(pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) == bytes.count)
    }

    func close() { _ = Foundation.close(descriptor) }
  }

  @Test(
    "one array, of every type that NumPy has",
    .enabled(if: ReferencePython.has("numpy"), ReferencePython.absent("numpy")))
  func arrays() throws {
    let scratch = ScratchFolder()
    var random = RandomTree(seed: 3)
    for dtype in DType.allCases where dtype.itemSize != nil && dtype.hasNumPyType {
      let leaf = random.leaf(dtype, shape: [2, 3, 1])
      let path = scratch.file("\(dtype.name).npy")
      try Checkpoint.save(tree: .leaf(leaf), to: path, durability: .none)
      let fact = try ReferencePython.json(
        """
        import sys, json, hashlib, numpy
        array = numpy.load(sys.argv[1], allow_pickle=False)
        print(json.dumps([array.dtype.name, list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]))
        """, [path])
      let expected: [any Hashable & Sendable] = [
        dtype.name, leaf.shape, hexadecimal(try LeafHashes().sha256(of: leaf, at: .root)),
      ]
      let found = try #require(fact as? [Any])
      #expect(found[0] as? String == expected[0] as? String)
      #expect(found[1] as? [Int] == leaf.shape && found[2] as? String == expected[2] as? String)
    }
  }
}
