import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// int4 and uint4 in files, under operations, and where a file's byte is none.
@Suite struct FourBitTests {
  private static let signed = Leaf(Tensor((-8...7).compactMap { Int4(exactly: $0) }, shape: [2, 8]))
  private static let unsigned = Leaf(Tensor((0...15).compactMap { UInt4(exactly: $0) }))

  private func opened(_ bytes: [UInt8], _ name: String) throws -> OpenedCheckpoint {
    try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: name))
  }

  // MARK: Casts

  /// Every value of every dtype of one byte, and of numbers around the ends, against the definition.
  @Test func castsTakeWhatFits() throws {
    for (dtype, range) in [(DType.int4, -8...7), (.uint4, 0...15)] {
      for number in -20...20 {
        for source in [Leaf(Int16(number)), Leaf(Double(number)), Leaf(Float16(number))] {
          let cast = try source.cast(to: dtype, at: ["x"])
          if range.contains(number) {
            #expect(try cast.allBytes() == [UInt8(truncatingIfNeeded: number)])
            #expect(try cast.cast(to: .int64, at: .root).tensor() == Tensor(Int64(number)))
          } else {
            let error = #expect(throws: RefxError.self) { _ = try cast.allBytes() }
            #expect(error?.summary.contains(dtype.name) == true && error?.path == ["x"])
          }
        }
      }
      for wrong in [0.5, -0.25, .nan, .infinity] {
        #expect(throws: RefxError.self) { try Leaf(wrong).cast(to: dtype, at: .root).allBytes() }
      }
    }
    // There and back by way of every dtype that holds real numbers.
    for middle in DType.allCases where Casts.isPossible(middle, .int4) && middle != .bool {
      for (leaf, other) in [(Self.signed, DType.uint4), (Self.unsigned, .int4)] {
        // It has three bits for the digits.
        if middle == .float8E5M2, leaf.dtype == .uint4 { continue }
        let holds = middle != other && (leaf.dtype == .uint4 || !middle.name.hasPrefix("uint"))
        let there = try leaf.cast(to: middle, at: .root)
        if holds {
          #expect(try there.cast(to: leaf.dtype, at: .root).allBytes() == leaf.allBytes(), "\(middle)")
        } else {
          #expect(throws: RefxError.self, "\(middle)") { try there.allBytes() }
        }
      }
    }
    #expect(throws: RefxError.self) { try Self.signed.cast(to: .uint4, at: .root).allBytes() }
    #expect(
      try Self.signed.cast(to: .float32, at: .root).tensor().elements(of: Float.self)
        == (-8...7).map { Float($0) })
  }

  // MARK: Looking at them

  @Test func statisticsAreOfTheNumbers() throws {
    let signed = try #require(try Self.signed.statistics())
    #expect(signed.min == .integer(-8) && signed.max == .integer(7) && signed.mean == -0.5)
    #expect(signed.zeros == 1)
    let unsigned = try #require(try Self.unsigned.statistics())
    #expect(unsigned.min == .integer(0) && unsigned.max == .integer(15) && unsigned.mean == 7.5)
  }

  @Test func differencesAreOfTheNumbers() throws {
    func compare(_ a: [Int4], _ b: [Int4], _ tolerance: Double?) -> ElementDifference? {
      var comparison = ElementComparison(
        tolerance: tolerance.map { .init(relative: 0, absolute: $0) }, nanIsNaN: false)
      let function = comparison.function(for: .int4)
      a.withUnsafeBytes { a in b.withUnsafeBytes { b in function(&comparison, a, b) } }
      return comparison.result(count: a.count)
    }
    let difference = compare([-8, 0, 7], [7, 0, 6], nil)
    #expect(difference?.changed == 2 && difference?.maxAbs == 15)
    #expect(compare([-1, 0], [0, 1], 1) == nil)
    #expect(compare([-1, 0], [1, 1], 1)?.changed == 1)
  }

  // MARK: Files

  @Test(arguments: ["refx", "hdf5", "npz"]) func theyComeBack(format: String) throws {
    let tree: Tree<Leaf> = ["s": .value(Value(.leaf(Self.signed), index: 0)), "u": .leaf(Self.unsigned)]
    var contents = CheckpointContents(tree: tree)
    contents.attributes[["u"]] = [
      Attribute("row", .numbers(dtype: .int4, shape: [2], bytes: [0xF8, 7])),
      Attribute("one", .numbers(dtype: .uint4, shape: [], bytes: [15])),
    ]
    let bytes = try Checkpoint.encode(contents: contents, as: FormatName(rawValue: format))
    let opened = try opened(bytes, "a.\(format)")
    #expect(try firstDifference(tree, opened.contents.tree) == nil)
    #expect(try opened.contents.tree.digest() == tree.digest())
    #expect(opened.contents.attributes == contents.attributes && opened.warnings.isEmpty)
  }

  @Test func safetensorsRefusesThemByName() throws {
    let error = #expect(throws: RefxError.self) {
      _ = try Checkpoint.encode(
        contents: CheckpointContents(tree: ["w": .leaf(Self.signed)]), as: .safetensors)
    }
    #expect(error?.code == .unsupported && error?.path == ["w"])
    #expect(error?.description.contains("int4") == true)
  }

  /// The two forms of a negative number in a byte: ml_dtypes' and an int8's.
  private static let forms: [UInt8] = [8, 15, 0xF8, 0xFF, 0, 7]
  private static let formsAsRead: [UInt8] = [0xF8, 0xFF, 0xF8, 0xFF, 0, 7]

  private func npz(_ dtype: DType, _ data: [UInt8]) throws -> Leaf {
    let text =
      #"{"version":1,"separator":".","metadata":[],"tree":["w"],"types":{"w":""# + dtype.name + #""}}"#
    let characters = NumPyFiles.bytes(text.unicodeScalars.map(\.value))
    let tree = try NumPyFiles.open(
      NumPyFiles.archive([
        ("w.npy", NumPyFiles.array("'|V1'", "(\(data.count),)", data)),
        ("__refx__.npy", NumPyFiles.array("'<U\(text.unicodeScalars.count)'", "()", characters)),
      ]))
    var found: Leaf?
    tree.forEachLeaf { found = $0 }
    return try #require(found)
  }

  private func msgpack(_ dtype: DType, _ data: [UInt8]) throws -> Leaf {
    let body =
      [0x93, 0x91, UInt8(data.count), 0xA0 + UInt8(dtype.name.utf8.count)] + Array(dtype.name.utf8)
      + [0xC4, UInt8(data.count)] + data
    let bytes: [UInt8] = [0x81, 0xA1, 0x77, 0xC7, UInt8(body.count), 1] + body
    guard case .leaf(let leaf)? = try opened(bytes, "a.msgpack").contents.tree[["w"]] else {
      throw ContractViolation("no leaf")
    }
    return leaf
  }

  @Test func bytesOfMLDTypesAreRead() throws {
    for leaf in [try npz(.int4, Self.forms), try msgpack(.int4, Self.forms)] {
      #expect(leaf.dtype == .int4)
      #expect(try leaf.allBytes() == Self.formsAsRead)
      #expect(try [Int4](leaf: leaf) == [-8, -1, -8, -1, 0, 7])
      #expect(try leaf.statistics()?.min == .integer(-8))
    }
  }

  // MARK: Bytes that are none

  private func demandDamage(_ what: String, _ leaf: Leaf, line: Int = #line) {
    let error = #expect(throws: RefxError.self, "\(what), line \(line)") { _ = try leaf.tensor() }
    #expect(error?.code == .damaged, "\(what), line \(line)")
    #expect(error?.description.contains("int4") == true, "\(what): \(error.map { "\($0)" } ?? "")")
    #expect(throws: RefxError.self, "\(what), line \(line)") { try leaf.forEachPiece { _ in } }
    #expect(throws: RefxError.self, "\(what), line \(line)") { _ = try leaf.statistics() }
  }

  @Test(arguments: [UInt8(16), 0x7F, 0x80, 0xF7]) func noneGetsOutOfForeignFiles(byte: UInt8) throws {
    for dtype in [DType.int4, .uint4] {
      let data: [UInt8] = [1, 2, byte, 3]
      demandDamage("npz", try npz(dtype, data))
      demandDamage("msgpack", try msgpack(dtype, data))
    }
  }

  struct Layout: Sendable, CustomTestStringConvertible {
    let dtype: DType
    let byte: UInt8
    let count: Int
    let compression: Compression
    var testDescription: String { "\(dtype) \(byte), \(count), \(compression.rawValue)" }
  }

  @Test(arguments: [
    Layout(dtype: .int4, byte: 8, count: 100, compression: .none),
    Layout(dtype: .int4, byte: 0xF7, count: 5000, compression: .none),
    Layout(dtype: .uint4, byte: 16, count: (1 << 20) + 5, compression: .none),
    Layout(dtype: .int4, byte: 0x80, count: 5000, compression: .fast),
    Layout(dtype: .uint4, byte: 0xFF, count: 5000, compression: .fast),
    Layout(dtype: .int4, byte: 0x7F, count: (1 << 20) + 5, compression: .fast),
  ]) func noneGetsOutOfARefxFile(_ layout: Layout) throws {
    let bytes = [UInt8](repeating: 1, count: layout.count - 1) + [layout.byte]
    let file = try changed(
      Leaf(dtype: .uint8, shape: [layout.count], bytes: bytes), to: layout.dtype, layout.compression)
    for (access, verify) in [(PayloadAccess.read, Verification.always), (.map, .never)] {
      let opened = try RefxFormat.open(
        InputFile(MemoryBytes(sharing: file), name: "a.refx"),
        options: OpenOptions(payload: access, verify: verify))
      guard case .leaf(let leaf)? = opened.contents.tree[["w"]] else { throw ContractViolation("no leaf") }
      #expect(leaf.dtype == layout.dtype && leaf.source.bytesInMemory == nil)
      demandDamage("refx", leaf)
      #expect(throws: RefxError.self) { _ = try opened.contents.tree.loaded(threads: 2) }
      for format in [FormatName.refx, .hdf5] {
        #expect(throws: RefxError.self, "copied as \(format.rawValue)") {
          _ = try Checkpoint.encode(
            contents: opened.contents, as: format, options: WriteOptions(compression: layout.compression))
        }
      }
      var problems: [Problem] = []
      try opened.verify(nil) { problems.append($0) }
      #expect(problems.map(\.path) == [["w"]])
    }
  }

  /// A file of one leaf of bytes at "w", its dtype changed in the table of leaves.
  private func changed(_ leaf: Leaf, to dtype: DType, _ compression: Compression) throws -> [UInt8] {
    var surgeon = RefxSurgeon(try RefxDamageTests.file(["w": .leaf(leaf)], compression))
    var table = surgeon[RefxLayout.Section.leaves]
    #expect(table[1] == RefxLayout.code(of: leaf.dtype))
    table[1] = try #require(RefxLayout.code(of: dtype))
    surgeon[RefxLayout.Section.leaves] = table
    return surgeon.file()
  }

  /// Dtypes of a later release, as this one's are to an earlier one.
  @Test func anUnknownDTypeIsRefusedByItsNumber() throws {
    var surgeon = RefxSurgeon(try RefxDamageTests.file(["w": .leaf(Self.unsigned)], .none))
    var table = surgeon[RefxLayout.Section.leaves]
    table[1] = 21
    surgeon[RefxLayout.Section.leaves] = table
    let error = #expect(throws: RefxError.self) { _ = try opened(surgeon.file(), "a.refx") }
    #expect(error?.code == .version && error?.found == "number 21")
    #expect(error?.expected == "a dtype that this release knows")
  }

  @Test func attributesHoldNoOtherByte() throws {
    var contents = CheckpointContents(tree: ["w": .leaf(Self.unsigned)])
    for dtype in [DType.int4, .uint4, .bool] {
      contents.attributes[["w"]] = [Attribute("a", .numbers(dtype: dtype, shape: [2], bytes: [0, 16]))]
      for format in [FormatName.refx, .npz] {
        let bytes = try Checkpoint.encode(contents: contents, as: format)
        let error = #expect(throws: RefxError.self) { _ = try opened(bytes, "a.\(format.rawValue)") }
        #expect(error?.code == .damaged || error?.code == .unsupported)
      }
    }
  }

  // MARK: HDF5

  @Test(.enabled(if: HDF5Python.isThere), arguments: [Compression.none, .fast])
  func whatHDF5HoldsIsLookedAt(_ compression: Compression) throws {
    let folder = ScratchFolder()
    for (dtype, byte) in [(DType.int4, 8), (.int4, 247), (.uint4, 16)] {
      for count in [100, (1 << 20) + 5] {
        let path = folder.file("\(dtype)-\(byte)-\(count).h5")
        let leaf = Leaf(dtype: dtype, shape: [count], bytes: [UInt8](repeating: 1, count: count))
        try Checkpoint.save(tree: ["w": .leaf(leaf)], to: path, compression: compression, durability: .none)
        let sound = try Checkpoint.open(path)
        #expect(try firstDifference(["w": .leaf(leaf)], sound.contents.tree) == nil)
        let (status, output) = try HDF5Python.run(["byte", path, "w", "\(byte)"])
        try #require(status == 0, "\(output)")
        let opened = try Checkpoint.open(path)
        guard case .leaf(let read)? = opened.contents.tree[["w"]] else { throw ContractViolation("no leaf") }
        #expect(read.dtype == dtype)
        demandDamage("hdf5", read)
        for target in [Compression.none, .fast] {
          #expect(throws: RefxError.self) {
            _ = try Checkpoint.encode(
              contents: opened.contents, as: .hdf5, options: WriteOptions(compression: target))
          }
        }
      }
    }
  }
}
