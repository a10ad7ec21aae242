import Foundation
import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// The pickle machine: what each instruction gives, and what is refused.
@Suite struct PickleTests {
  private func tree(_ pickle: String) throws -> Tree<Leaf> {
    // Characters up to 0xFF, each one byte.
    try PyTorchFiles.tree([0x80, 2] + pickle.unicodeScalars.map { UInt8($0.value) })
  }

  private func values(_ tree: Tree<Leaf>?) throws -> [UInt8] { try NumPyFiles.values(tree) }

  // MARK: Values

  /// The instructions of protocol 0, which are lines of text.
  @Test func oldInstructionsAreRead() throws {
    #expect(try values(tree("I42\n.")) == NumPyFiles.bytes([Int64(42)]))
    #expect(try values(tree("I01\n.")) == [1])
    #expect(try values(tree("I00\n.")) == [0])
    #expect(try values(tree("L-5L\n.")) == NumPyFiles.bytes([Int64(-5)]))
    #expect(try values(tree("F-1.5e3\n.")) == NumPyFiles.bytes([Double(-1500).bitPattern]))
    #expect(try firstDifference(tree("S'a\\n\\x41\\'b'\n."), .static("a\nA'b")) == nil)
    #expect(try firstDifference(tree("V\\u0416\\U0001F600\u{7A}\n."), .static("Ж\u{1F600}z")) == nil)
    #expect(try firstDifference(tree("(lp0\nNa."), [.none]) == nil)
    #expect(try firstDifference(tree("(dp0\nS'k'\nNs."), ["k": .none]) == nil)
    #expect(try firstDifference(tree("(S'k'\nNd."), ["k": .none]) == nil)
    #expect(try firstDifference(tree("(NNt."), .tuple([.none, .none])) == nil)
    // A note, something thrown away, a value twice, a mark thrown away.
    #expect(
      try firstDifference(tree("(S'x'\np3\n0g3\n2\u{86}t."), .tuple([.tuple([.static("x"), .static("x")])]))
        == nil)
    #expect(try firstDifference(tree("(NN1N."), .none) == nil)
    #expect(try firstDifference(tree("(0N."), .none) == nil)
  }

  @Test func integersOfAnyLengthAreRead() throws {
    func long(_ bytes: [UInt8]) throws -> Tree<Leaf> {
      try PyTorchFiles.tree([0x80, 2, 0x8A, UInt8(bytes.count)] + bytes + [0x2E])
    }
    #expect(try values(long([])) == NumPyFiles.bytes([Int64(0)]))
    #expect(try values(long([0xFF])) == NumPyFiles.bytes([Int64(-1)]))
    #expect(try values(long([0xFF, 0])) == NumPyFiles.bytes([Int64(255)]))
    let unsigned = try long([0, 0, 0, 0, 0, 0, 0, 0x80, 0])
    guard case .leaf(let leaf) = unsigned else { return #expect(Bool(false)) }
    #expect(leaf.dtype == .uint64)
    #expect(try values(unsigned) == NumPyFiles.bytes([UInt64(1) << 63]))
    #expect(
      try values(long([0, 0, 0, 0, 0, 0, 0, 0x80, 0xFF, 0xFF])) == NumPyFiles.bytes([Int64.min]))
    #expect(try long([0, 0, 0, 0, 0, 0, 0, 0, 1]).unsupportedLeaves().count == 1)
    #expect(
      try values(PyTorchFiles.tree([0x80, 2, 0x4A, 0xFE, 0xFF, 0xFF, 0xFF, 0x2E]))
        == NumPyFiles.bytes([Int64(-2)]))
    #expect(try values(PyTorchFiles.tree([0x80, 2, 0x4D, 1, 2, 0x2E])) == NumPyFiles.bytes([Int64(513)]))
  }

  /// How Python 2 wrote dictionaries that keep their order, and protocol 2 bytes.
  @Test func callsOfOldAreRead() throws {
    let ordered = try tree("ccollections\nOrderedDict\n((lp0\n(lp1\nS'b'\naI1\naa(lp2\nS'a'\naNaatR.")
    #expect(try values(ordered.member("b")) == NumPyFiles.bytes([Int64(1)]))
    let bytes = PyTorchFiles.pickle(
      PyTorchFiles.name("_codecs", "encode")
        + PyTorchFiles.tuple([PyTorchFiles.text("\u{FF}a\u{0}"), PyTorchFiles.text("latin1")])
        + Array("R".utf8))
    #expect(try values(PyTorchFiles.tree(bytes)) == [0xFF, 0x61, 0])
  }

  // MARK: Refusals

  /// Every class is named at once, whatever follows them, and nothing is run.
  @Test(arguments: [
    ("cos\nsystem\n(S'true'\ntR.", ["os.system"]),
    ("cposix\nsystem\nX", ["posix.system"]),
    ("(icollections\nUserDict\n.", ["collections.UserDict"]),
    ("(cbuiltins\neval\nS'1'\no.", ["builtins.eval"]),
    ("c__builtin__\ngetattr\n(c__builtin__\nopen\nS'x'\ntR.", ["__builtin__.getattr", "__builtin__.open"]),
    (
      "(ccopy_reg\n_reconstructor\n(ca.b\nC\nc__builtin__\nobject\nNtR(dp0\nS'x'\ncd\nE\nsbt.",
      ["a.b.C", "d.E"]
    ),
    ("ca\nB\n)\u{81}}(S'k'\nNub.", ["a.B"]), ("ctorch\nload\n.", ["torch.load"]),
    ("ctorch._utils\nos.system\n.", ["torch._utils.os.system"]),
    ("ctorch.storage\n_load_from_bytes\n.", ["torch.storage._load_from_bytes"]),
    ("cnumpy\nload\n.", ["numpy.load"]), ("(lp0\nca\nB\nacd\nE\na.", ["a.B", "d.E"]),
  ])
  func otherClassesAreNamed(pickle: String, names: [String]) {
    let error = #expect(throws: RefxError.self) { try tree(pickle) }
    #expect(error?.code == .unsupported)
    #expect(
      error?.summary.contains("names \(names.joined(separator: ", ")), and") == true,
      "\(error?.summary ?? "")")
  }

  @Test(arguments: [
    "", ".", "N", "NN.", "(N.", "a.", "]N", "Na.", "(a.", "Ns.", "}Ns.", "}(Nu.", "(Nd.", "0.", "1.", "2.",
    "(2.", "t.",
    "(]Na0.", "R.", "NNR.", "])R.", "b.", "NNb.", "]]b.", "h\u{0}.", "gx\n.", "p.", "Np-1\n.", "q", "Q.",
    "NQ.", "Px\n.",
    "Ix\n.", "I\n.", "Fx\n.", "Sx\n.", "S'x\n.", "S'a\\q'\n.", "V\\u12\n.", "V\\uD800\n.", "cx\n", "\u{1}.",
    "U\u{7F}x.", "X\u{1}\u{0}\u{0}\u{0}", "}(NNNNu.", "ccollections\nOrderedDict\n(NtR.",
    "ccollections\nOrderedDict\n.", "ctorch\nSize\n(NtR.", "ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR.",
    "ctorch._utils\n_rebuild_tensor_v2\n)R.", "ctorch\nFloatStorage\n)R.", "ctorch\ndevice\n)R.",
    "c_codecs\nencode\n)R.",
    "cnumpy\ndtype\n)R.", "cnumpy.core.multiarray\nscalar\n(NNtR.", "}]Ns.", "}}Ns.",
  ])
  func whatIsNoPickleIsRefused(pickle: String) {
    let error = #expect(throws: RefxError.self) { try tree(pickle) }
    #expect(error?.file == "a.pt", "\(pickle)")
  }

  @Test func otherBytesAreRefused() {
    let pickles: [[UInt8]] = [
      [0x80, 6, 0x4E, 0x2E], [0x80, 4, 0x82, 1, 0x2E], [0x80, 5, 0x97, 0x2E],
      [0x80, 2, 0x58, 1, 0, 0, 0, 0xFF, 0x2E],
      [0x80, 4, 0x8D] + [UInt8](repeating: 0xFF, count: 8) + [0x2E],
      [0x80, 4, 0x8E, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x2E],
      [0x80, 4, 0x95] + [UInt8](repeating: 0xFF, count: 8) + [0x4E, 0x2E],
      [0x80, 2, 0x8B, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E],
      [0x80, 4, 0x4E, 0x4E, 0x93, 0x2E], [0x80, 4, 0x4E, 0x28, 0x4E, 0x90, 0x2E],
      [0x80, 2, 0x4E, 0x2E, 0],
      [0x80, 4, 0x28, 0x90, 0x2E],
    ]
    for pickle in pickles {
      #expect(throws: RefxError.self, "\(pickle)") { try PyTorchFiles.tree(pickle) }
    }
  }

  // MARK: Bounds

  private func opens(_ pickle: [UInt8], _ change: (inout Limits) -> Void) -> Bool {
    var limits = Limits()
    change(&limits)
    return (try? PyTorchFiles.tree(pickle, options: OpenOptions(limits: limits))) != nil
  }

  @Test func limitsHold() throws {
    let body = PyTorchFiles.tensor("IntStorage", key: "0", count: 6, shape: [1, 2, 3], strides: [6, 3, 1])
    let file = PyTorchFiles.archive(
      PyTorchFiles.pickle(
        Array("}(".utf8) + PyTorchFiles.text("a") + body + PyTorchFiles.text("bb")
          + Array("]Nau.".utf8).dropLast()),
      [("0", [UInt8](repeating: 1, count: 24))])
    #expect(opens(file) { $0.rank = 3 } && !opens(file) { $0.rank = 2 })
    #expect(opens(file) { $0.nodes = 6 } && !opens(file) { $0.nodes = 3 })
    #expect(opens(file) { $0.bytes = 24 } && !opens(file) { $0.bytes = 23 })
    #expect(opens(file) { $0.depth = 2 } && !opens(file) { $0.depth = 1 })
    #expect(!opens(file) { $0.nameBytes = 16 } && !opens(file) { $0.metadataBytes = 400 })
    #expect(opens(file) { $0.metadataBytes = 10_000 })
  }

  /// A list in a list, further than any stack goes: refused, and given back without a deep fall.
  @Test func depthIsBounded() {
    let nested =
      [0x80, 2] + [UInt8](repeating: UInt8(ascii: "]"), count: 300_000)
      + [UInt8](repeating: UInt8(ascii: "a"), count: 299_999) + [0x2E]
    let error = #expect(throws: RefxError.self) { try PyTorchFiles.tree(nested) }
    #expect(error?.code == .limit)
    let tuples = [0x80, 2, 0x29] + [UInt8](repeating: 0x85, count: 300_000) + [0x2E]
    #expect(throws: RefxError.self) { try PyTorchFiles.tree(tuples) }
  }

  /// Memory is charged by what values take, not by what their instructions do.
  @Test func memoryIsCharged() {
    for (byte, count) in [(UInt8(ascii: "]"), 400_000), (UInt8(ascii: "N"), 2_000_000), (0x94, 1_500_000)] {
      let pickle = [0x80, 4, 0x4E] + [UInt8](repeating: byte, count: count) + Array("(t.".utf8)
      var limits = Limits()
      limits.metadataBytes = 16 << 20
      let error = #expect(throws: RefxError.self) {
        try PyTorchFiles.tree(pickle, options: OpenOptions(limits: limits))
      }
      #expect(error?.code == .limit, "\(byte)")
    }
  }

  @Test func containersWithinEachOtherDoNotExplode() throws {
    // Each list holds the last one twice.
    var pickle: [UInt8] = [0x80, 2] + Array("]q\u{0}".utf8)
    for level in 1..<200 {
      pickle +=
        Array("0](h".utf8) + [UInt8(level - 1), 0x68, UInt8(level - 1)] + Array("eq".utf8) + [UInt8(level)]
    }
    #expect(throws: RefxError.self) { try PyTorchFiles.tree(pickle + [0x2E]) }
    let itself: [UInt8] = [0x80, 2] + Array("]q\u{0}h\u{0}a.".utf8)
    let error = #expect(throws: RefxError.self) { try PyTorchFiles.tree(itself) }
    #expect(error?.summary.contains("contains itself") == true)
  }

  // MARK: Sharing

  /// First sight is the tree's order and not the file's.
  @Test func sharesAreCountedInTheOrderOfTheTree() throws {
    let a = PyTorchFiles.tensor("IntStorage", key: "0", count: 4, shape: [4], strides: [1])
    let b = PyTorchFiles.tensor("IntStorage", key: "1", count: 4, shape: [2, 2], strides: [2, 1])
    var body = Array("}(".utf8)
    for (key, tensor) in [("z", a), ("y", b), ("b", b), ("c", a)] { body += PyTorchFiles.text(key) + tensor }
    let file = PyTorchFiles.archive(
      PyTorchFiles.pickle(body + Array("u".utf8)),
      [("0", [UInt8](repeating: 1, count: 16)), ("1", [UInt8](repeating: 2, count: 16))])
    let opened = try PyTorchFiles.open(file)
    let sites = try PyTorchFiles.sites(of: opened.contents.tree)
    #expect(["b", "c", "y", "z"].map { sites[[Key($0)]]?.index } == [0, 1, 0, 1])
    #expect(opened.warnings == [])
    guard case .value? = opened.contents.tree.member("b"), case .index? = opened.contents.tree.member("y")
    else {
      return #expect(Bool(false))
    }
  }

  // MARK: Damage

  /// Every cut is noticed, and every flipped bit in what is read.
  @Test func noDamageToAnArchiveGoesUnnoticed() throws {
    let body = PyTorchFiles.tensor("ShortStorage", key: "0", count: 6, shape: [3, 2], strides: [1, 3])
    let whole = PyTorchFiles.archive(
      PyTorchFiles.pickle(body), [("0", NumPyFiles.bytes([1, 2, 3, 4, 5, 6] as [Int16]))])
    func contents(_ bytes: [UInt8]) -> [UInt8]? { try? values(try PyTorchFiles.open(bytes).contents.tree) }
    let expected = try #require(contents(whole))
    #expect(expected == NumPyFiles.bytes([1, 4, 2, 5, 3, 6] as [Int16]))
    for count in whole.indices { #expect(contents(Array(whole[..<count])) == nil, "cut to \(count)") }
    for bit in 0..<(8 * whole.count) {
      var bytes = whole
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      if let found = contents(bytes) { #expect(found == expected, "bit \(bit)") }
    }
  }
}
