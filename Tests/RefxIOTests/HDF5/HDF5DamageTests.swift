import Foundation
import Refx
import RefxHDF5
import RefxStore
import RefxTestSupport
import Testing

/// Our HDF5 never yields a silently wrong value.
@Suite struct HDF5DamageTests {
  /// What a file says: everything but payload, and each payload's bytes; nil for one that is refused.
  private struct Reading {
    let structure: [UInt8]
    let metadata: JSONObject
    var values: [Path: [UInt8]?] = [:]

    init(_ bytes: [UInt8]) throws {
      let opened = try openHDF5(bytes)
      var values: [Path: [UInt8]?] = [:]
      try opened.contents.tree.forEachSite { site in
        guard case .leaf(let leaf) = site.content else { return }
        values[site.path] = .some(leaf.source.unsupported == nil ? try? leaf.allBytes() : nil)
      }
      structure = try opened.contents.tree.structureDigest().combined
      metadata = opened.contents.metadata
      self.values = values
    }

    /// Whether everything is as in `whole`, or refused.
    func isSoundBeside(_ whole: Reading) -> Bool {
      structure == whole.structure && metadata == whole.metadata && values.keys == whole.values.keys
        && values.allSatisfy { path, bytes in bytes == nil || bytes == whole.values[path] }
    }
  }

  @Test(arguments: [Compression.none, .fast])
  func flippedBitsAreFoundOrChangeNothing(_ compression: Compression) throws {
    let bytes = try HDF5GoldenTests.bytes(compression)
    let whole = try Reading(bytes)
    var random = SeededRandom(seed: 7)
    var refused = 0
    for _ in 0..<2500 {
      var damaged = bytes
      for _ in 0...random.below(4) {
        let bit = random.below(bytes.count * 8)
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      }
      guard let reading = try? Reading(damaged) else {
        refused += 1
        continue
      }
      #expect(reading.isSoundBeside(whole))
    }
    #expect(refused > 250, "flips hit something")
  }

  @Test func aCutFileIsRefusedAndAppendedBytesChangeNothing() throws {
    let bytes = try HDF5GoldenTests.bytes(.fast)
    let whole = try Reading(bytes)
    for length in stride(from: 0, to: bytes.count, by: 13) {
      guard let reading = try? Reading(Array(bytes[..<length])) else { continue }
      #expect(reading.isSoundBeside(whole), "cut at \(length)")
    }
    for count in [1, 7, 512] {
      #expect(try Reading(bytes + [UInt8](repeating: 0xA5, count: count)).isSoundBeside(whole))
    }
  }

  @Test(arguments: [Compression.none, .fast])
  func aChangedValueIsNamedByItsObjectEvenInASlice(_ compression: Compression) throws {
    let leaf = Leaf(Tensor((0..<5000).map { Float($0) }, shape: [5000]))
    let target = MemoryTarget()
    try HDF5Store.write(
      CheckpointContents(tree: ["w": .leaf(leaf)]), to: target,
      options: WriteOptions(compression: compression))
    var bytes = target.bytes
    // Where the payload lies, as it is or encoded.
    let payload = try leaf.allBytes()
    let stored =
      compression == .none
      ? payload
      : try payload.withUnsafeBytes {
        try ChunkCodec(compression: compression).encode($0, itemSize: 4, chunkBytes: payload.count)
      }
    let start = try #require(bytes.indices.first { bytes[$0...].starts(with: stored) })
    bytes[start + stored.count / 2] ^= 0x10
    let opened = try openHDF5(bytes)
    guard case .leaf(let damaged)? = opened.contents.tree.member("w") else {
      Issue.record("the catalogue is sound")
      return
    }
    var first: UInt32 = 0
    let error = #expect(throws: RefxError.self) {
      try withUnsafeMutableBytes(of: &first) { try damaged.source.read(at: 0, into: $0) }
    }
    #expect(error?.code == .damaged)
    #expect(error?.description.contains("/tree/w") == true, "\(error?.description ?? "")")
    #expect(error?.file == "memory.h5")
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    #expect(problems.map(\.path) == [Path(["w"])])
  }
}
