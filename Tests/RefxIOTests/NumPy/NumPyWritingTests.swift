import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

@Suite("Writing NumPy's formats")
struct NumPyWritingTests {
  private static func leaf(_ number: Float) -> Tree<Leaf> { .leaf(Leaf(Tensor([number, number + 1]))) }

  private static func npz(
    _ tree: Tree<Leaf>, metadata: JSONObject = [:], _ options: WriteOptions = WriteOptions()
  ) throws -> [UInt8] {
    try Checkpoint.encode(
      contents: CheckpointContents(tree: tree, metadata: metadata), as: .npz, options: options)
  }

  private static func opened(_ bytes: [UInt8]) throws -> CheckpointContents {
    try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: "a.npz"), format: .npz).contents
  }

  /// The members' names in the order of the directory.
  private static func names(_ bytes: [UInt8]) throws -> [String] {
    let file = InputFile(MemoryBytes(sharing: bytes), name: "a.npz")
    return try ZipArchive(of: file, Budget(Limits())).members.map(\.name)
  }

  // MARK: Archives

  @Test("names alone are enough for a plain dictionary")
  func plain() throws {
    let tree: Tree<Leaf> = [
      "b.c": Self.leaf(1), "a": .leaf(.text(["x", "é"], shape: [2])), "": Self.leaf(2),
    ]
    let bytes = try Self.npz(tree)
    #expect(try Self.names(bytes) == [".npy", "a.npy", "b.c.npy"])
    #expect(try firstDifference(Self.opened(bytes).tree, tree) == nil)
    #expect(try Self.names(Self.npz(tree, metadata: ["a": "text"])).last == "__refx__.npy")
  }

  @Test("a value is there once, or once for each site, or refused")
  func sharing() throws {
    let tree: Tree<Leaf> = [
      "embed": ["w": .value(Value(Self.leaf(1), index: 0, collection: "params"))],
      "head": ["w": .index(Index(0, collection: "params"))],
    ]
    let kept = try Self.npz(tree)
    #expect(try Self.names(kept) == ["embed.w.npy", "__refx__.npy"])
    #expect(try firstDifference(Self.opened(kept).tree, tree) == nil)
    let twice = try Self.npz(tree, WriteOptions(shared: .duplicate, flattenSeparator: "/"))
    #expect(try Self.names(twice) == ["embed/w.npy", "head/w.npy", "__refx__.npy"])
    let error = try #require(throws: RefxError.self) { _ = try Self.npz(tree, WriteOptions(shared: .error)) }
    #expect(error.path == ["head", "w"])
    let clash: Tree<Leaf> = ["a": ["b": Self.leaf(1)], "a.b": Self.leaf(2)]
    #expect(try #require(throws: RefxError.self) { _ = try Self.npz(clash) }.path == ["a.b"])
  }

  @Test("names that would lead elsewhere, or to another array, are others")
  func names() throws {
    let names = [
      "../up", "/root", "a/../b", "./here", "..", "a/..", "a\\b", "nul\0", "line\n", "%00", "nul%00", "x",
      "x.npy", "y.npy", "__refx__", "__refx___", "é", "a/b", String(repeating: "n", count: 70_000),
      String(repeating: "n", count: 70_001),
    ]
    let tree = Tree<Leaf>.dictionary(
      names.enumerated().map { (Key($1), .leaf(Leaf(Int64($0)))) })
    let bytes = try Self.npz(tree)
    let members = try Self.names(bytes)
    #expect(members.count == names.count + 1)
    for member in members {
      let parts = member.split(separator: "/", omittingEmptySubsequences: false)
      #expect(!parts.contains("..") && !parts.contains(".") && parts.first != "", "\(member.prefix(80))")
      let hasOddBytes = member.utf8.contains { $0 < 0x20 || $0 == 0x5C }
      #expect(!hasOddBytes && member.utf8.count < 65_536)
    }
    for name in ["é.npy", "a/b.npy", "x.npy", "y.npy.npy", "x%2Enpy.npy", "nul%00_.npy", "__refx____.npy"] {
      #expect(members.contains(name), "\(name)")
    }
    #expect(try firstDifference(Self.opened(bytes).tree, tree) == nil)
  }

  @Test("what NumPy has no type for comes back as it was")
  func typesBeyondNumPy() throws {
    let dtypes = [DType.bfloat16, .float8E4M3FN, .float8E5M2, .int4, .uint4]
    var random = RandomTree(seed: 4)
    var members = dtypes.map { (Key($0.name), Tree<Leaf>.leaf(random.leaf($0, shape: [2, 3]))) }
    // NumPy would take the zeros at the end for filling; and one long text would make a thousand long.
    members.append(("zeros", .leaf(.text(["a\0", "b"], shape: [2, 1]))))
    members.append(
      (
        "long",
        .leaf(
          .text(
            [String(repeating: "x", count: 100_000)] + Array(repeating: "", count: 999),
            shape: [1000]))
      ))
    let tree = Tree<Leaf>.dictionary(members)
    let bytes = try Self.npz(tree)
    #expect(bytes.count < 200_000)
    let back = try Self.opened(bytes).tree
    #expect(try firstDifference(back, tree) == nil)
    #expect(try back.digest() == tree.digest())
  }

  @Test("long texts, of characters of every length, come back in any pieces")
  func longTexts() throws {
    let text = String(repeating: "aé\u{20AC}\u{1F600}", count: 200_000)
    let tree: Tree<Leaf> = ["t": .leaf(.text([text, "é", ""], shape: [3]))]
    let bytes = try Self.npz(tree, WriteOptions(threads: 2))
    #expect(try firstDifference(Self.opened(bytes).tree, tree) == nil)
    #expect(bytes.count > 9_600_000)
  }

  @Test("the elements of every member begin at a multiple of 64, and no time is in the file")
  func alignment() throws {
    var random = RandomTree(seed: 8)
    let bytes = try Self.npz(
      .dictionary(
        (0..<40).map { (Key(String(repeating: "k", count: $0)), .leaf(random.leaf(.int8, shape: [$0]))) }))
    let file = InputFile(MemoryBytes(sharing: bytes), name: "a.npz")
    for member in try ZipArchive(of: file, Budget(Limits())).members {
      #expect(member.stored.lowerBound % 64 == 0)
    }
    #expect(bytes[10..<14].elementsEqual([0, 0, 0x21, 0]))
  }

  @Test("only the compression best deflates, by pieces that any inflater reads")
  func compression() throws {
    let zeros = Leaf(Tensor([Float](repeating: 1.5, count: 900_000)))
    let tree: Tree<Leaf> = ["z": .leaf(zeros), "e": .leaf(Leaf(Tensor([Float](), shape: [0])))]
    for (compression, limit) in [(Compression.none, 0), (.fast, 0), (.best, 50_000)] {
      let bytes = try Self.npz(tree, WriteOptions(compression: compression))
      #expect(limit == 0 ? bytes.count > 3_600_000 : bytes.count < limit)
      #expect(try firstDifference(Self.opened(bytes).tree, tree) == nil)
    }
  }

  @Test("what goes to a pipe is the same")
  func pipe() throws {
    final class Pipe: WriteTarget {
      var bytes: [UInt8] = []
      var position: Int { bytes.count }
      var temporaryPath: String? { nil }
      func append(_ more: UnsafeRawBufferPointer) { bytes += more }
    }
    let tree: Tree<Leaf> = ["a": .leaf(Leaf(Tensor((0..<700_000).map { Float($0) }))), "b": [Self.leaf(1)]]
    for compression in Compression.allCases {
      let pipe = Pipe()
      let options = WriteOptions(compression: compression)
      try NumPyArchiveStore.write(CheckpointContents(tree: tree), to: pipe, options: options)
      #expect(try pipe.bytes == Self.npz(tree, options))
    }
  }

  // MARK: Descriptions that do not fit

  @Test("an array __refx__ that is no description of the others is an error")
  func foreignDescription() throws {
    let array = NumPyFiles.array("'|u1'", "(1,)", [1])
    func text(_ text: String) -> [UInt8] {
      let scalars = text.unicodeScalars.map(\.value)
      return NumPyFiles.array("'<U\(scalars.count)'", "()", NumPyFiles.bytes(scalars))
    }
    let sound = #"{"version":1,"separator":".","metadata":[],"tree":["w"]}"#
    #expect(
      try firstDifference(
        NumPyFiles.open(NumPyFiles.archive([("w.npy", array), ("__refx__.npy", text(sound))])),
        [.leaf(Leaf(Tensor([1] as [UInt8])))]) == nil)
    let wrong = [
      array, text("hello"), text("{}"), text(sound.replacing("[\"w\"]", with: "[\"v\"]")),
      text(sound.replacing("[\"w\"]", with: "[]")), text(sound.replacing("[\"w\"]", with: "[\"w\",\"w\"]")),
      text(sound.replacing(":1,", with: ":2,")),
      text(sound.replacing("\"tree\"", with: #""types":{"w":"bfloat16"},"tree""#)),
      text(sound.replacing("\"tree\"", with: #""types":{"w":"complex"},"tree""#)),
      text(sound.replacing("\"tree\"", with: #""types":{"w":{"string":[1]}},"tree""#)),
      text(sound.replacing("\"tree\"", with: #""types":{"v":"float8_e5m2"},"tree""#)),
      text(sound.replacing("\"tree\"", with: #""types":[],"tree""#)),
      text(sound.replacing("\"tree\"", with: #""digest":"00","tree""#)),
      NumPyFiles.array("'<U4'", "(1,)", [UInt8](repeating: 0, count: 16)),
    ]
    for bytes in wrong {
      let error = try #require(throws: RefxError.self) {
        _ = try NumPyFiles.open(NumPyFiles.archive([("w.npy", array), ("__refx__.npy", bytes)]))
      }
      #expect(error.file == "a.npz" && !error.summary.isEmpty)
    }
  }

  @Test("a description that claims to be huge is refused before memory is taken")
  func hugeDescription() throws {
    var archive = NumPyFiles.archive([
      ("__refx__.npy", NumPyFiles.array("'<U200000000'", "()", [UInt8](repeating: 0, count: 64)))
    ])
    #expect(throws: RefxError.self) { try NumPyFiles.open(archive) }
    var limits = Limits()
    limits.metadataBytes = 1 << 16
    archive = try Self.npz(
      ["w": [Self.leaf(1)]], metadata: ["x": .string(String(repeating: "x", count: 1 << 19))])
    let error = try #require(throws: RefxError.self) {
      _ = try NumPyFiles.open(archive, options: OpenOptions(limits: limits))
    }
    #expect(error.code == .limit)
  }

  // MARK: One array

  @Test("a .npy file holds one array, and says what it cannot hold")
  func oneArray() throws {
    for tree in [
      Self.leaf(1), .leaf(.text(["é", "long"], shape: [2, 1])), .leaf(Leaf(Tensor([true, false]))),
    ] {
      let bytes = try Checkpoint.encode(contents: CheckpointContents(tree: tree), as: .npy)
      #expect(try firstDifference(NumPyFiles.open(bytes), tree) == nil)
    }
    for tree in [["a": Self.leaf(1)], .value(Value(Self.leaf(1), index: 0)), [Self.leaf(1)], .none]
      as [Tree<Leaf>]
    {
      let error = try #require(throws: RefxError.self) {
        _ = try Checkpoint.encode(contents: CheckpointContents(tree: tree), as: .npy)
      }
      #expect(error.summary.contains(".npz") && error.summary.contains("refx get"))
    }
    var random = RandomTree(seed: 1)
    for dtype in [DType.bfloat16, .float8E4M3FN, .float8E5M2, .int4, .uint4] {
      let leaf = random.leaf(dtype, shape: [3])
      let error = try #require(throws: RefxError.self) {
        _ = try Checkpoint.encode(contents: CheckpointContents(tree: .leaf(leaf)), as: .npy)
      }
      #expect(error.summary.contains("--dtype \(dtype.name)=float32"))
      // One leaf that is asked for is given as the bytes that it is.
      let target = MemoryTarget()
      try NumPyStore.write(leaf, to: target)
      #expect(target.bytes.suffix(leaf.byteCount).elementsEqual(try leaf.allBytes()))
    }
    #expect(throws: RefxError.self) {
      try Checkpoint.encode(contents: CheckpointContents(tree: .leaf(.text(["a\0"], shape: [1]))), as: .npy)
    }
    #expect(NumPyStore.leftOut(of: CheckpointContents(tree: Self.leaf(1))).isEmpty)
    #expect(
      NumPyStore.leftOut(of: CheckpointContents(tree: Self.leaf(1), metadata: ["k": 1])).first?.contains(
        "\"k\"")
        == true)
    var described = CheckpointContents(tree: Self.leaf(1))
    described.attributes[.root] = [Attribute("unit", .one(.string("m")))]
    #expect(NumPyStore.leftOut(of: described) == ["a .npy file has no place for attributes: \"unit\""])
    let deep = Leaf(Tensor([1] as [Float], shape: [Int](repeating: 1, count: 65)))
    #expect(throws: RefxError.self) {
      try Checkpoint.encode(contents: CheckpointContents(tree: .leaf(deep)), as: .npy)
    }
  }
}
