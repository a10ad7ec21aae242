import Foundation
import Refx
import RefxHDF5
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// h5py reads what the store writes, and the store reads what h5py writes.
@Suite(.enabled(if: HDF5Python.isThere)) struct HDF5InteropTests {
  let folder = ScratchFolder()

  // MARK: h5py reads

  @Test(arguments: Compression.allCases)
  func h5pyReadsEveryValueAndSeesTheSharing(_ compression: Compression) throws {
    let path = folder.file("written.h5")
    try AtomicFile.replace(path, durable: false) { target in
      try HDF5Store.write(
        CheckpointContents(tree: Self.written, metadata: ["run": 7]), to: target,
        options: WriteOptions(compression: compression))
    }
    let (status, output) = try HDF5Python.run(["check", path])
    #expect(status == 0, "\(output)")
  }

  /// The chunks that h5py wrote are sound streams; that they are not those of the checksum must come out.
  @Test(arguments: [Compression.none, .fast], [300_000, 1_000_000, 3_000_000])
  func whatSomebodyEditedIsFound(_ compression: Compression, count: Int) throws {
    let path = folder.file("edited.h5")
    let leaf = Leaf((0..<count).map { Float($0 % 1000) })
    try Checkpoint.save(tree: ["w": .leaf(leaf)], to: path, compression: compression, durability: .none)
    #expect(try problems(of: path).isEmpty)
    let (status, output) = try HDF5Python.run(["edit", path, "w"])
    try #require(status == 0, "\(output)")
    #expect(try problems(of: path) == [["w"]])
    for threads in [1, 2, 5] {
      let tree = try Checkpoint.open(path, options: OpenOptions(threads: threads)).contents.tree
      #expect(throws: RefxError.self) { try tree.loaded(threads: threads) }
      #expect(throws: RefxError.self) { try tree.digest() }
      for target in ["out.refx", "out.h5"] {
        #expect(throws: RefxError.self) {
          try Checkpoint.save(
            contents: CheckpointContents(tree: tree), to: folder.file(target),
            options: WriteOptions(compression: compression, threads: threads), durability: .none)
        }
      }
    }
    let unchecked = try Checkpoint.open(path, options: OpenOptions(verify: .never)).contents.tree
    #expect(throws: Never.self) { try unchecked.loaded() }
  }

  private func problems(of path: String) throws -> [Path?] {
    var problems: [Path?] = []
    try Checkpoint.open(path).verify(nil) { problems.append($0.path) }
    return problems
  }

  /// What `check_hdf5.py check` expects.
  private static let written: Tree<Leaf> = {
    let shape = [2, 3]
    let ramp = (0..<6).map { Float($0) }
    let a = Tree<Leaf>.leaf(Leaf(Tensor(ramp, shape: shape)))
    let numbers: [(Key, Tree<Leaf>)] = [
      ("int8", Tensor((0..<6).map { Int8($0) }, shape: shape)),
      ("int16", Tensor((0..<6).map { Int16($0) }, shape: shape)),
      ("int32", Tensor((0..<6).map { Int32($0) }, shape: shape)),
      ("int64", Tensor((0..<6).map { Int64($0) }, shape: shape)),
      ("uint8", Tensor((0..<6).map { UInt8($0) }, shape: shape)),
      ("uint16", Tensor((0..<6).map { UInt16($0) }, shape: shape)),
      ("uint32", Tensor((0..<6).map { UInt32($0) }, shape: shape)),
      ("uint64", Tensor((0..<6).map { UInt64($0) }, shape: shape)),
      ("float32", Tensor(ramp, shape: shape)),
      ("float64", Tensor((0..<6).map { Double($0) }, shape: shape)),
      ("complex64", Tensor(ramp.map { Complex($0, 0) }, shape: shape)),
      ("complex128", Tensor(ramp.map { Complex(Double($0), 0) }, shape: shape)),
      ("bool", Tensor((0..<6).map { $0 % 2 == 1 }, shape: shape)),
    ].map { ($0, .leaf(Leaf($1))) }
    // 0, 1, 2, 3, 4, 5 in the narrow floats.
    let narrow: [(Key, Tree<Leaf>)] = [
      ("float16", narrowLeaf(.float16, [0, 0x3C00, 0x4000, 0x4200, 0x4400, 0x4500])),
      ("bfloat16", narrowLeaf(.bfloat16, [0, 0x3F80, 0x4000, 0x4040, 0x4080, 0x40A0])),
      ("float8_e5m2", Leaf(dtype: .float8E5M2, shape: shape, bytes: [0, 0x3C, 0x40, 0x42, 0x44, 0x45])),
      ("float8_e4m3fn", Leaf(dtype: .float8E4M3FN, shape: shape, bytes: [0, 0x38, 0x40, 0x44, 0x48, 0x4A])),
      ("int4", Leaf(Tensor([-8, -1, 0, 1, 5, 7] as [Int4], shape: shape))),
      ("uint4", Leaf(Tensor([0, 1, 7, 8, 9, 15] as [UInt4], shape: shape))),
    ].map { ($0, .leaf($1)) }
    return [
      "a": .value(Value(a, index: 0, collection: "params")),
      "again": .value(
        Value(["x": .leaf(Leaf(Int64(5)))], index: 1, collection: 7)),
      "b": .index(Index(0, collection: "params")),
      "nested": .value(Value(.value(Value(a, index: 3)), index: 2)),
      "shared": .index(Index(1, collection: 7)),
      "numbers": .dictionary(numbers + narrow),
      "large": .leaf(Leaf(Tensor((0..<3_000_000).map { Float($0) }, shape: [3000, 1000]))),
      "scalar": .leaf(Leaf(Float(2.5))),
      "empty": .leaf(Leaf(Tensor([Float](), shape: [0, 3]))),
      "list": [.leaf(Leaf(Int32(1)))], "tuple": .tuple([]), "none": .none, "nothing": .nothing, "hole": .hole,
      "activation": .static("relu"),
      "text": .leaf(.text(["one", "", "zwei ä"], shape: [3])),
      "a/b": .none, "": .none, ".": .none, "%": .none,
    ]
  }()

  private static func narrowLeaf(_ dtype: DType, _ bits: [UInt16]) -> Leaf {
    Leaf(dtype: dtype, shape: [2, 3], bytes: bits.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
  }

  // MARK: h5py writes

  private func made(_ name: String) throws -> OpenedCheckpoint {
    let (status, output) = try HDF5Python.run(["make", folder.path])
    try #require(status == 0, "\(output)")
    return try HDF5Store.open(InputFile(path: folder.file(name)), options: OpenOptions())
  }

  @Test(arguments: ["foreign-earliest.h5", "foreign-latest.h5"])
  func numbersOfBothByteOrdersAreRead(_ name: String) throws {
    let tree = try made(name).contents.tree
    for order in ["le", "be"] {
      func number(_ kind: String) throws -> Tensor { try tree.tensor("numbers", Key("\(order)-\(kind)")) }
      #expect(try number("i2").elements() == (0..<6).map { Int16($0) })
      #expect(try number("i4").elements() == (0..<6).map { Int32($0) })
      #expect(try number("i8").elements() == (0..<6).map { Int64($0) })
      #expect(try number("u2").elements() == (0..<6).map { UInt16($0) })
      #expect(try number("u4").elements() == (0..<6).map { UInt32($0) })
      #expect(try number("u8").elements() == (0..<6).map { UInt64($0) })
      #expect(try number("f4").elements() == (0..<6).map { Float($0) })
      #expect(try number("f8").elements() == (0..<6).map { Double($0) })
      #expect(try number("c8").elements() == (0..<6).map { Complex(Float($0), 0) })
      #expect(try number("c16").elements() == (0..<6).map { Complex(Double($0), 0) })
      #expect(try number("f2").bytes.read() == [0, 0, 0, 0x3C, 0, 0x40, 0, 0x42, 0, 0x44, 0, 0x45])
    }
    #expect(try tree.tensor("numbers", "bool").elements() == [false, true, false, true, false, true])
    let bfloat16 = try tree.tensor("bfloat16")
    #expect(bfloat16.dtype == .bfloat16)
    #expect(bfloat16.bytes.read() == [0, 0, 0x80, 0x3F, 0, 0x40, 0x40, 0x40, 0x80, 0x40, 0xA0, 0x40])
    #expect(try tree.tensor("compact").elements() == (0..<6).map { Int32($0) })
    #expect(try tree.tensor("scalar").elements() == [Float(2.5)])
    #expect(try tree.tensor("zero").shape == [0, 4])
    guard case .nothing? = tree[["null"]] else { return #expect(Bool(false), "a null dataspace is nothing") }
  }

  @Test(arguments: ["foreign-earliest.h5", "foreign-latest.h5"])
  func chunksAndFillValuesAreRead(_ name: String) throws {
    let tree = try made(name).contents.tree
    let big = (0..<21_000).map { Double($0) }
    for packed in ["gzip-shuffle-fletcher", "plain", "gzip"] {
      let leaf = try tree.leaf("packed", Key(packed))
      #expect(leaf.shape == [300, 70])
      #expect(try leaf.tensor().elements() == big, "\(packed)")
      for (start, count) in [(0, 1), (69, 3), (70, 70), (71, 6930), (12_345, 2000), (20_999, 1)] {
        let part = try MemoryBytes(count: count * 8) { try leaf.source.read(at: start * 8, into: $0) }
        #expect(
          Tensor(dtype: .float64, shape: [count], bytes: part).elements()
            == Array(big[start..<(start + count)]))
      }
      // A range that cuts elements.
      let cut = try MemoryBytes(count: 13) { try leaf.source.read(at: 8 * 75 + 3, into: $0) }
      let whole = try leaf.tensor().bytes.read()
      #expect(cut.read() == Array(whole[(8 * 75 + 3)..<(8 * 75 + 16)]))
    }
    #expect(try tree.tensor("packed", "fletcher-odd").elements() == (0..<13).map { UInt8($0) })
    #expect(try tree.tensor("packed", "3d").elements() == (0..<693).map { Int32($0) })
    #expect(try tree.tensor("packed", "growing").elements() == (0..<10).map { Int16($0) })
    #expect(try tree.tensor("packed", "partial").elements() == [7, 7, 7, 7, 1, 1, 1, 1, 7, 7] as [Float])
    #expect(try tree.tensor("packed", "never").elements() == [Int32](repeating: -2, count: 5))
  }

  @Test(arguments: ["foreign-earliest.h5", "foreign-latest.h5"])
  func textIsRead(_ name: String) throws {
    let tree = try made(name).contents.tree
    func text(_ key: Key) throws -> [UInt8] { try tree.leaf("text", key).allBytes() }
    #expect(tree[["text", "scalar"]] == .static("zwei ä"))
    #expect(tree[["text", "fixed-scalar"]] == .static("relu"))
    #expect(tree[["text", "empty"]] == .static(""))
    #expect(try text("variable") == Leaf.text(["one", "", "zwei ä"], shape: [3]).allBytes())
    #expect(try text("fixed") == Leaf.text(["a", "bc", ""], shape: [3]).allBytes())
    #expect(try text("fixed-utf8") == Leaf.text(["ä", "b"], shape: [2]).allBytes())
    #expect(try text("space-padded") == Leaf.text(["a", " b"], shape: [2]).allBytes())
    #expect(
      try text("packed")
        == Leaf.text((0..<50).map { String(repeating: "x", count: $0) }, shape: [50]).allBytes())
    #expect(try tree.leaf("text", "not-utf8").source.unsupported?.typeName == "string")
  }

  @Test(arguments: ["foreign-earliest.h5", "foreign-latest.h5"])
  func whatCannotBeRepresentedIsListedByItsName(_ name: String) throws {
    let tree = try made(name).contents.tree
    let names: [(Key, String)] = [
      ("array", "array"), ("bitfield", "bitfield"), ("compound", "compound"),
      ("compound-complex-halves", "compound"), ("enum", "enum"), ("vlen", "variable-length"),
      ("opaque", "opaque"),
      ("reference", "reference"), ("longdouble", "float128"), ("int24", "int24"), ("virtual", "virtual"),
      ("external", "external"), ("link-out", "external"), ("through-link-out", "external"),
      ("dangling", "link"),
      ("round", "link"),
    ]
    for (key, typeName) in names {
      let leaf = try tree.leaf("other", key)
      #expect(leaf.dtype == .unsupported)
      #expect(leaf.source.unsupported?.typeName == typeName, "\(key)")
      #expect(leaf.source.unsupported?.reason.isEmpty == false)
    }
    #expect(try tree.leaf("packed", "lzf").source.unsupported?.reason.contains("lzf, 32000") == true)
  }

  @Test(arguments: ["foreign-earliest.h5", "foreign-latest.h5"])
  func linksAreSharing(_ name: String) throws {
    let opened = try made(name)
    let tree = opened.contents.tree
    guard case .dictionary(let root) = tree, case .value(let links)? = root["links"] else {
      return #expect(Bool(false), "the group links, which holds a link to itself, is a Ref")
    }
    #expect(links.index == 0 && links.collection == nil)
    guard case .dictionary(let members) = links.value, case .value(let a)? = members["a"],
      case .value(let tagged)? = members["tagged"]
    else { return #expect(Bool(false), "a dataset with several links is a Ref") }
    #expect(a.index == 1)
    for later in ["hard", "soft", "relative"] as [Key] { #expect(members[later] == .index(Index(1))) }
    #expect(members["up"] == .index(Index(0)))
    #expect(tagged.collection == "params")
    #expect(members["%2F"] != nil, "names of other programs are not decoded")
    #expect(opened.version == nil)
    #expect(opened.warnings.count == 1 && opened.warnings[0].contains("/type is a committed type"))
  }

  @Test func aUserBlockMovesEverything() throws {
    let tree = try made("user-block.h5").contents.tree
    #expect(try tree.tensor("contiguous").elements() == (0..<6).map { Float($0) })
    #expect(try tree.tensor("packed").elements() == (0..<5000).map { Int32($0) })
    #expect(try tree.leaf("text").allBytes() == Leaf.text(["one", "two"], shape: [2]).allBytes())
  }

  /// A name alone does not make an attribute the layout's, and texts are h5py's own strings again.
  @Test func attributesOfOthersComeBackAsTheyWere() throws {
    let folder = ScratchFolder()
    let (foreign, own) = (folder.file("foreign.h5"), folder.file("own.h5"))
    let made = try HDF5Python.run(["attributes", "make", foreign])
    #expect(made.status == 0, "\(made.output)")
    let opened = try Checkpoint.open(foreign)
    #expect(opened.warnings.count == 2 && opened.warnings.contains { $0.contains("refx_odd") })
    #expect(opened.warnings.contains { $0.contains("refx_index") })
    let attributes = opened.contents.attributes
    #expect(Set(attributes[.root].map(\.name)) == ["empty", "refx_author", "unit"])
    #expect(attributes[["d"]].count == 4)
    try Checkpoint.save(contents: opened.contents, to: own)
    let again = try Checkpoint.open(own)
    #expect(again.warnings == [])
    for path in attributes.paths { #expect(Set(again.contents.attributes[path]) == Set(attributes[path])) }
    let checked = try HDF5Python.run(["attributes", "check", own])
    #expect(checked.status == 0, "\(checked.output)")
    // Another program may change them, and is told of.
    #expect(try HDF5Python.run(["attributes", "edit", own]).status == 0)
    let edited = try Checkpoint.open(own)
    #expect(edited.contents.attributes[.root].contains(Attribute("unit", .one(.string("mile")))))
    #expect(edited.warnings.contains { $0.contains("another program changed them") })
  }

  @Test func ourLayoutIsReadFromAnotherWriter() throws {
    let opened = try made("layout.h5")
    let tree = opened.contents.tree
    #expect(opened.version == 1)
    #expect(opened.contents.metadata == ["note": "by hand"])
    #expect(opened.warnings.count == 2, "what is absent is said: \(opened.warnings)")
    guard case .value(let a)? = tree[["a"]], case .value(let c)? = tree[["c"]] else {
      return #expect(Bool(false), "a and c are Refs")
    }
    #expect(a.index == 0 && a.collection == "params")
    #expect(c.index == 1 && c.collection == -3)
    #expect(tree[["b"]] == .index(Index(0, collection: "params")))
    #expect(try (0..<12).map { try tree.tensor("/list", Key($0)).elements() } == (0..<12).map { [Int32($0)] })
    #expect(tree[["activation"]] == .static("gelu"))
    #expect(tree[["heads"]] == .static(12))
    #expect(tree[["rate"]] == .static(0.5))
  }

  @Test(arguments: [
    ("layout-copied-ref.h5", "refx_index"), ("layout-copied-tag.h5", "refx_collection"),
    ("layout-gap.h5", "a member 7"),
  ])
  func whatAnotherProgramBrokeInOurLayoutIsNamed(name: String, expected: String) throws {
    let refusal = #expect(throws: RefxError.self) { try made(name) }
    #expect(refusal?.code == .damaged)
    let words = refusal?.summary ?? ""
    #expect(words.contains(expected), "\(words)")
  }
}

extension MemoryBytes {
  fileprivate func read() -> [UInt8] { withBytes { Array($0) } }
}

extension Tree where Element == Leaf {
  func leaf(_ keys: Key...) throws -> Leaf { try leaf(at: keys) }

  func tensor(_ keys: Key...) throws -> Tensor { try leaf(at: keys).tensor() }

  private func leaf(at keys: [Key]) throws -> Leaf {
    var place = self[Path(keys)]
    if case .value(let value)? = place { place = value.value }
    guard case .leaf(let leaf)? = place else { throw ContractViolation("no leaf at \(keys)") }
    return leaf
  }
}

/// Nodes without leaves can be compared.
private func == (a: Tree<Leaf>?, b: Tree<Leaf>) -> Bool {
  switch (a, b) {
  case (.static(let x)?, .static(let y)): x == y
  case (.index(let x)?, .index(let y)): x == y
  default: false
  }
}
