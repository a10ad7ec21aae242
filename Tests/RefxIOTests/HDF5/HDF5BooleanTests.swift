import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// A boolean of another byte than 0 and 1, which another program wrote under a right checksum, never comes
/// out of an HDF5 file, nor into another one.
@Suite(.enabled(if: HDF5Python.isThere)) struct HDF5BooleanTests {
  struct Layout: Sendable, CustomTestStringConvertible {
    let count: Int
    let compression: Compression
    var testDescription: String { "\(count) booleans, \(compression.rawValue)" }
  }

  private static let layouts = [
    Layout(count: 100, compression: .none), Layout(count: (2 << 20) + 9, compression: .none),
    Layout(count: 5000, compression: .fast), Layout(count: (2 << 20) + 9, compression: .fast),
  ]

  private let folder = ScratchFolder()

  private func file(_ layout: Layout) throws -> String {
    let path = folder.file("flags.h5")
    let flags = Leaf(dtype: .bool, shape: [layout.count], bytes: [UInt8](repeating: 1, count: layout.count))
    try Checkpoint.save(
      tree: ["a": ["flags": .leaf(flags)]], to: path, compression: layout.compression, durability: .none)
    let (status, output) = try HDF5Python.run(["byte", path, "a/flags", "2"])
    try #require(status == 0, "\(output)")
    return path
  }

  private func demandDamage(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
  ) {
    let error = #expect(throws: RefxError.self, "\(what)", sourceLocation: sourceLocation) { try body() }
    #expect(error?.code == .damaged, "\(what)", sourceLocation: sourceLocation)
    #expect(error?.message.contains("a boolean that is 2") == true, "\(what)", sourceLocation: sourceLocation)
    #expect(error?.place == .object("/tree/a/flags"), "\(what)", sourceLocation: sourceLocation)
    #expect(error?.file?.hasSuffix("flags.h5") == true, "\(what)", sourceLocation: sourceLocation)
  }

  @Test(arguments: layouts) func itIsNeitherReadNorCopied(_ layout: Layout) throws {
    let path = try file(layout)
    let opened = try Checkpoint.open(path)
    guard case .leaf(let leaf)? = opened.contents.tree[["a", "flags"]] else {
      throw ContractViolation("the leaf is gone")
    }
    #expect(leaf.dtype == .bool)
    demandDamage("all of it") { _ = try leaf.tensor() }
    var part = [UInt8](repeating: 0, count: 10)
    demandDamage("a part") {
      try part.withUnsafeMutableBytes { try leaf.source.read(at: layout.count - 10, into: $0) }
    }
    demandDamage("in pieces") { try leaf.forEachPiece { _ in } }
    demandDamage("loaded") { _ = try opened.contents.tree.loaded(threads: 2) }
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.map(\.path) == [["a", "flags"]])
    for format in [FormatName.refx, .hdf5] {
      for compression in [Compression.none, .fast] {
        demandDamage("as \(format.rawValue), \(compression.rawValue)") {
          _ = try Checkpoint.encode(
            contents: opened.contents, as: format, options: WriteOptions(compression: compression))
        }
      }
    }
  }
}
