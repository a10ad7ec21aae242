import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// The ways in which HDF5 1.10 and later list chunks: what our own reader makes of them, without libhdf5.
@Suite struct ChunkListingTests {
  private static let file = Repository.folder.appending(path: "Fixtures/foreign/chunk-listings.h5").path
  /// Where libhdf5 cannot be asked.
  private static let alone = OpenOptions(libraries: .worker(executable: "/nonexistent"))

  private static let square = (0..<30).map(Int32.init).flatMap { littleEndian($0) }
  private static let row = (0..<3000).map(Int16.init).flatMap { littleEndian($0) }

  private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  private static func bytes(
    _ name: String, of file: String = file, _ options: OpenOptions = alone
  ) throws -> [UInt8] {
    let tree = try Checkpoint.open(file, options: options).contents.tree
    guard case .leaf(let leaf)? = tree.member(Key(name)) else { return [] }
    return try WorkerTests.bytes(of: leaf)
  }

  @Test(
    arguments: [
      "single", "single packed", "implicit", "array", "array packed", "array that may grow", "tree",
      "tree packed",
    ])
  func chunksAreFoundWithoutTheLibrary(name: String) throws {
    #expect(try ChunkListingTests.bytes(name) == ChunkListingTests.square)
  }

  @Test(arguments: ["pages", "deep tree"])
  func manyChunksAreFoundWithoutTheLibrary(name: String) throws {
    #expect(try ChunkListingTests.bytes(name) == ChunkListingTests.row)
  }

  @Test func whatWasNeverWrittenIsZero() throws {
    #expect(try ChunkListingTests.bytes("never") == [UInt8](repeating: 0, count: 120))
    let written = Set(Array(100..<103) + Array(2950..<3000))
    let expected = (0..<3000).map { written.contains($0) ? Int16($0) : 0 }
    let found = try ChunkListingTests.bytes("pages with holes")
    #expect(found == expected.flatMap { ChunkListingTests.littleEndian($0) })
  }

  @Test func chunksBeyondTheExtentsAreNobodys() throws {
    let expected = (0..<3).flatMap { row in (0..<5).map { Int32(row * 6 + $0) } }
    let found = try ChunkListingTests.bytes("shrunk")
    #expect(found == expected.flatMap { ChunkListingTests.littleEndian($0) })
  }

  /// Arrays that grow are libhdf5's.
  @Test func arraysThatGrowAreReadByTheLibrary() throws {
    #expect(try ChunkListingTests.bytes("growing", OpenOptions()) == ChunkListingTests.square)
    #expect(throws: RefxError.self) { try ChunkListingTests.bytes("growing") }
  }

  /// Every signature of a listing, one bit changed behind it: an error, never a value.
  @Test func aDamagedListingIsAnError() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: ChunkListingTests.file))
    let scratch = try Scratch()
    let names = ["array", "array packed", "pages", "tree", "tree packed", "deep tree"]
    var damaged = 0
    for signature in ["FAHD", "FADB", "BTHD", "BTIN", "BTLF"] {
      var from = bytes.startIndex
      while let found = bytes.range(of: Data(signature.utf8), in: from..<bytes.endIndex) {
        from = found.upperBound
        var copy = bytes
        copy[found.upperBound + 6] ^= 1
        let path = try scratch.write(Array(copy), as: "damaged.h5")
        // The chunks of one dataset are gone; the values of all the others are what they were.
        var failed = 0
        for name in names {
          let many = name == "pages" || name == "deep tree"
          do {
            let found = try ChunkListingTests.bytes(name, of: path, OpenOptions())
            #expect(
              found == (many ? ChunkListingTests.row : ChunkListingTests.square), "\(name), \(signature)")
          } catch is RefxError {
            failed += 1
          }
        }
        // The names of the group stand in such a tree too.
        #expect(failed <= 1 || signature.hasPrefix("BT") && failed == names.count, "at \(found.lowerBound)")
        damaged += failed
      }
    }
    #expect(damaged >= 10, "\(damaged)")
  }
}
