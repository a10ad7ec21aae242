import Refx
import RefxStore
import RefxTestSupport
import Testing

@testable import RefxIO

/// A Swift Bool of another byte than 0 and 1 is undefined, so none comes out of a file whose checksums all
/// fit.
@Suite struct RefxBooleanTests {
  struct Layout: Sendable, CustomTestStringConvertible {
    let count: Int
    let compression: Compression
    var testDescription: String { "\(count) booleans, \(compression.rawValue)" }
  }

  /// Raw beside its neighbours, raw of one chunk and of many, compressed of one chunk and of many.
  private static let layouts = [
    Layout(count: 100, compression: .none), Layout(count: 5000, compression: .none),
    Layout(count: (4 << 20) + 9, compression: .none), Layout(count: 5000, compression: .fast),
    Layout(count: (2 << 20) + 9, compression: .fast),
  ]

  /// A file of a leaf of bytes, one of which is 2, between two sound ones; all called booleans.
  private static func file(_ layout: Layout) throws -> [UInt8] {
    var bytes =
      [UInt8](repeating: 1, count: layout.count / 2) + [UInt8](repeating: 0, count: (layout.count + 1) / 2)
    bytes[layout.count - 2] = 2
    let sound = Leaf(dtype: .uint8, shape: [8], bytes: [0, 1, 1, 0, 1, 0, 0, 1])
    let tree: Tree<Leaf> = [
      "a": .leaf(sound), "b": ["flags": .leaf(Leaf(dtype: .uint8, shape: [layout.count], bytes: bytes))],
      "c": .leaf(sound),
    ]
    var surgeon = RefxSurgeon(try RefxDamageTests.file(tree, layout.compression))
    // The dtype is the first byte of a leaf's record; storage, rank, one extent and 28 bytes follow.
    var table = surgeon[RefxLayout.Section.leaves]
    let code = try #require(RefxLayout.code(of: .uint8))
    var place = 1
    for count in [8, layout.count, 8] {
      #expect(table[place] == code)
      table[place] = try #require(RefxLayout.code(of: .bool))
      var extent = SectionWriter()
      extent.add(varint: count)
      place += 3 + extent.bytes.count + 28
    }
    #expect(place == table.count)
    surgeon[RefxLayout.Section.leaves] = table
    return surgeon.file()
  }

  private static func opened(
    _ layout: Layout, _ options: OpenOptions = OpenOptions()
  ) throws -> OpenedCheckpoint {
    try RefxFormat.open(InputFile(MemoryBytes(sharing: file(layout)), name: "flags.refx"), options: options)
  }

  private func flags(_ opened: OpenedCheckpoint) throws -> Leaf {
    guard case .leaf(let leaf)? = opened.contents.tree[["b", "flags"]] else {
      throw ContractViolation("the leaf is gone")
    }
    return leaf
  }

  private func demandDamage(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    let error = #expect(throws: RefxError.self, "\(what)", sourceLocation: sourceLocation) { try body() }
    #expect(error?.code == .damaged, "\(what)", sourceLocation: sourceLocation)
    #expect(error?.path == ["b", "flags"], "\(what)", sourceLocation: sourceLocation)
    #expect(error?.file == "flags.refx", "\(what)", sourceLocation: sourceLocation)
    guard case .byte(let offset)? = error?.place else {
      Issue.record("\(what): no place", sourceLocation: sourceLocation)
      return
    }
    #expect(offset >= 64, "\(what)", sourceLocation: sourceLocation)
  }

  @Test(arguments: layouts, [PayloadAccess.read, .map])
  func itIsNeverRead(_ layout: Layout, _ access: PayloadAccess) throws {
    for verify in [Verification.always, .never] {
      let opened = try Self.opened(layout, OpenOptions(payload: access, verify: verify))
      let leaf = try flags(opened)
      #expect(leaf.dtype == .bool && leaf.source.bytesInMemory == nil)
      demandDamage("all of it") { _ = try leaf.tensor() }
      var part = [UInt8](repeating: 0, count: 50)
      demandDamage("a part") {
        try part.withUnsafeMutableBytes { try leaf.source.read(at: layout.count - 50, into: $0) }
      }
      demandDamage("in pieces") { try leaf.forEachPiece { _ in } }
      demandDamage("in pieces, by threads") {
        try PieceReader([leaf], threads: 2) { _, _ in }.forEach { _, _, found in try found.get() }
      }
      for threads in [1, 3] {
        demandDamage("loaded") { _ = try opened.contents.tree.loaded(threads: threads) }
      }
      demandDamage("decoded") { _ = try [Bool](leaf: leaf) }
      guard case .leaf(let sound)? = opened.contents.tree[["c"]] else { continue }
      #expect(
        try sound.tensor().elements() == [false, true, true, false, true, false, false, true],
        "the neighbour is sound")
    }
  }

  @Test(arguments: layouts) func verificationNamesIt(_ layout: Layout) throws {
    var problems: [Problem] = []
    try Self.opened(layout).verify(nil) { problems.append($0) }
    #expect(problems.map(\.path) == [["b", "flags"]])
    #expect(problems.first?.what.contains("expected a bool of 0 or 1") == true, "\(problems)")
    #expect(problems.first?.what.contains("at byte ") == true, "\(problems)")
  }

  @Test(arguments: layouts, [FormatName.refx, .hdf5])
  func itIsNotCopied(_ layout: Layout, _ format: FormatName) throws {
    let opened = try Self.opened(layout)
    for compression in [Compression.none, .fast] {
      demandDamage("as \(format.rawValue), \(compression.rawValue)") {
        _ = try Checkpoint.encode(
          contents: opened.contents, as: format, options: WriteOptions(compression: compression))
      }
    }
  }
}
