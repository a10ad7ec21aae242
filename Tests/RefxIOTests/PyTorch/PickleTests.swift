import Foundation
import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

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

  /// In decimals, as protocols 0 and 1 have them, at the edges of 64 bits and far beyond.
  @Test func decimalsOfAnyLengthAreRead() throws {
    #expect(try values(tree("L9223372036854775807L\n.")) == NumPyFiles.bytes([Int64.max]))
    #expect(try values(tree("I-9223372036854775808\n.")) == NumPyFiles.bytes([Int64.min]))
    #expect(try values(tree("L-000000000000000000000000000007L\n.")) == NumPyFiles.bytes([Int64(-7)]))
    #expect(try values(tree("L-0000000000000000000000000000000L\n.")) == NumPyFiles.bytes([Int64(0)]))
    for number in ["9223372036854775808", "18446744073709551615", "10000000000000000000"] {
      let tree = try tree("L\(number)L\n.")
      #expect(try values(tree) == NumPyFiles.bytes([UInt64(number) ?? 0]), "\(number)")
    }
    for number in ["18446744073709551616", "-9223372036854775809", String(repeating: "9", count: 4300)] {
      #expect(try tree("L\(number)L\n.").unsupportedLeaves().count == 1, "\(number)")
    }
    for number in ["", "-", "1-", "1234567890123456789012x", "+99999999999999999999"] {
      #expect(throws: RefxError.self, "\(number)") { try tree("L\(number)L\n.") }
    }
    // 2^70 and -2^70 have nine bytes, the same ones but for the last.
    #expect(
      DecimalDigits.twosComplement(Array("1180591620717411303424".utf8)) == [0, 0, 0, 0, 0, 0, 0, 0, 64])
    #expect(
      DecimalDigits.twosComplement(Array("-1180591620717411303424".utf8)) == [0, 0, 0, 0, 0, 0, 0, 0, 192])
    #expect(
      DecimalDigits.twosComplement(Array("-18446744073709551615".utf8)) == [1, 0, 0, 0, 0, 0, 0, 0, 255])
  }

  /// A long text in a line is one; a long number or name is refused for its length, and not for its end.
  @Test func linesHaveTheirLengths() throws {
    let long = String(repeating: "a", count: 2_000_000)
    #expect(try firstDifference(tree("V\(long)\n."), .static(.string(long))) == nil)
    #expect(try firstDifference(tree("S'\(long)'\n."), .static(.string(long))) == nil)
    for code in ["I", "L", "F", "g"] {
      for end in ["", "\n."] {
        let number = String(repeating: "9", count: 2_000_000)
        let error = #expect(throws: RefxError.self) { try tree(code + number + end) }
        #expect(
          error?.summary.contains("too long: expected at most 4302 bytes") == true, "\(error?.summary ?? "")")
      }
    }
    let error = #expect(throws: RefxError.self) { try tree("c\(long)\nb\n.") }
    #expect(error?.summary.contains("a name in the pickle") == true, "\(error?.summary ?? "")")
    var limits = Limits()
    limits.metadataBytes = 1 << 20
    let bounded = #expect(throws: RefxError.self) {
      try PyTorchFiles.tree([0x80, 2] + Array("V\(long)\n.".utf8), options: OpenOptions(limits: limits))
    }
    #expect(bounded?.code == .limit && bounded?.summary.contains("metadata") == true)
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
    // Refused while it is built: the rows would take far more than this.
    let many = [0x80, 2, 0x4E] + [UInt8](repeating: 0x85, count: 1_000_000) + [0x2E]
    var limits = Limits()
    limits.metadataBytes = 1 << 20
    let early = #expect(throws: RefxError.self) {
      try PyTorchFiles.tree(many, options: OpenOptions(limits: limits))
    }
    #expect(early?.summary.contains("more levels") == true, "\(early?.summary ?? "")")
    // As deep as a tree may be, and what calls take on top of it.
    let most = [0x80, 2, 0x29] + [UInt8](repeating: 0x85, count: maximumTreeDepth) + [0x2E]
    #expect(throws: Never.self) { try PyTorchFiles.tree(most) }
    #expect(throws: RefxError.self) { try PyTorchFiles.tree(most.dropLast() + [0x85, 0x2E]) }
  }

  /// Memory is charged by what values take, not by what their instructions do.
  @Test func memoryIsCharged() {
    for (byte, count) in [
      (UInt8(ascii: "]"), 400_000), (UInt8(ascii: "N"), 1_100_000), (0x94, 600_000), (0x28, 1_100_000),
    ] {
      let pickle = [0x80, 4, 0x4E] + [UInt8](repeating: byte, count: count) + Array("(t.".utf8)
      var limits = Limits()
      limits.metadataBytes = 16 << 20
      let error = #expect(throws: RefxError.self) {
        try PyTorchFiles.tree(pickle, options: OpenOptions(limits: limits))
      }
      #expect(error?.code == .limit, "\(byte)")
    }
  }

  /// Numbers and rows of one member, by what each takes as a leaf and as a container.
  @Test(arguments: [("K\u{1}", 90_000), ("K\u{1}\u{85}", 60_000), ("\u{88}", 90_000), ("C\u{1}a", 60_000)])
  func leavesAreCharged(member: String, count: Int) throws {
    var limits = Limits()
    limits.metadataBytes = 16 << 20
    func pickle(_ count: Int) -> [UInt8] {
      let member = member.unicodeScalars.map { UInt8($0.value) }
      return [0x80, 2, 0x28] + (0..<count).flatMap { _ in member } + Array("l.".utf8)
    }
    let options = OpenOptions(limits: limits)
    let error = #expect(throws: RefxError.self) { try PyTorchFiles.tree(pickle(count), options: options) }
    #expect(error?.code == .limit, "\(error?.summary ?? "")")
    guard case .list(let members) = try PyTorchFiles.tree(pickle(count / 3), options: options) else {
      return #expect(Bool(false))
    }
    #expect(members.count == count / 3)
  }

  /// Numbers have their memory together: each is its own all the same, and outlives the others.
  @Test func numbersInAListAreTheirOwn() throws {
    var body = Array("(".utf8)
    for number in 0..<1000 { body += PyTorchFiles.integer(number * 7 - 3000) + [0x88] }
    func kept() throws -> [Leaf] {
      guard case .list(let members) = try PyTorchFiles.tree(PyTorchFiles.pickle(body + Array("l".utf8)))
      else {
        throw NumPyFiles.Missing()
      }
      return try members.enumerated().filter { $0.offset % 100 < 2 }.map {
        guard case .leaf(let leaf) = $0.element else { throw NumPyFiles.Missing() }
        return leaf
      }
    }
    for (position, leaf) in try kept().enumerated() {
      let number = Int64(position / 2 * 50 * 7 - 3000)
      let expected = position % 2 == 0 ? NumPyFiles.bytes([number]) : [1]
      #expect(try values(.leaf(leaf)) == expected && leaf.byteCount == expected.count, "\(position)")
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

  // MARK: Forms

  /// A legacy file is one by the whole of its first pickle, in each protocol.
  @Test func legacyFilesAreRecognisedByTheWholeOfTheMagicNumber() {
    let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    let number: [UInt8] = [0x8A, 10] + magic + [0x2E]
    func recognises(_ bytes: [UInt8]) -> Bool {
      PyTorchStore.recognises(InputFile(MemoryBytes(sharing: bytes), name: "a"))
    }
    for start in [
      [0x80, 2] + number, [0x80, 3] + number, [0x80, 4, 0x95, 13, 0, 0, 0, 0, 0, 0, 0] + number,
      [0x80, 5, 0x95, 13, 0, 0, 0, 0, 0, 0, 0] + number, Array("L119547037146038801333356L\n.".utf8),
    ] {
      #expect(recognises(start + [0x80, 2]))
      for place in start.indices {
        var other = start
        other[place] ^= 0x40
        #expect(!recognises(other + [0x80, 2]), "\(start), \(place)")
      }
      #expect(!recognises(Array(start.dropLast())) && !recognises([0x4E] + start))
    }
  }

  /// What nothing refers to is named, and what torch puts there itself is not.
  @Test func membersThatAreNotReadAreNamed() throws {
    let pickle = PyTorchFiles.pickle(
      PyTorchFiles.tensor("ByteStorage", key: "0", count: 1, shape: [1], strides: [1]))
    func warnings(_ members: [String]) throws -> [String] {
      try PyTorchFiles.open(
        NumPyFiles.archive(
          [("m/data.pkl", pickle), ("m/data/0", [7])] + members.map { ($0, Array("3".utf8)) })
      ).warnings
    }
    let usual = ["version", ".data/serialization_id", ".format_version", ".storage_alignment"].map {
      "m/" + $0
    }
    #expect(try warnings(usual) == [])
    let others = ["m/data/00", "m/data/1", "data/0", "version", "m/x", "m/version2", "y"]
    let said = try warnings(usual + others)
    #expect(
      said.count == 1 && said[0].hasSuffix(": m/data/00, m/data/1, data/0, version, m/x and 2 more"),
      "\(said)")
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
