import Foundation
import Refx
import RefxIO
import RefxTestSupport
import Testing

/// What the fuzzer found once stays found: every file in `Fixtures/hostile/fuzz/TARGET`, and every seed, goes
/// through the same entry points as under `Tools/fuzz`.
@Suite struct ReplayTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/hostile/fuzz").standardizedFileURL

  @Test(arguments: FuzzTarget.all.map(\.name))
  func whatFailedOnceHoldsNow(_ name: String) throws {
    let target = try #require(FuzzTarget.named(name))
    let files = try? FileManager.default.contentsOfDirectory(
      at: Self.folder.appending(path: name), includingPropertiesForKeys: nil)
    for file in (files ?? []).sorted(by: { $0.path < $1.path }) {
      try run(target, Array(Data(contentsOf: file)), file.lastPathComponent)
    }
  }

  @Test func everyFormatHasItsTarget() {
    let aimed = Set(FuzzTarget.all.compactMap(\.format))
    for store in Formats.all.stores {
      let name = store.format.name
      #expect(aimed.contains(name), "no target in FuzzTarget.all reads files of \(name)")
    }
  }

  @Test func noFixtureIsWithoutItsTarget() throws {
    for file in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path) {
      #expect(FuzzTarget.named(file) != nil, "\(file) is no target")
    }
  }

  /// Seeds, and seeds with a few bytes changed, cut and doubled: a short walk where the fuzzer goes far.
  @Test(arguments: FuzzTarget.all.map(\.name))
  func seedsHold(_ name: String) throws {
    let target = try #require(FuzzTarget.named(name))
    let seeds = try target.seeds()
    #expect(!seeds.isEmpty)
    for (number, seed) in seeds.enumerated() {
      try run(target, seed, "seed \(number)")
      var random = SeededRandom(seed: UInt64(number))
      for turn in 0..<40 {
        var changed = seed
        for _ in 0...random.below(4) where !changed.isEmpty {
          let place = random.below(changed.count)
          switch random.below(5) {
          case 0: changed[place] ^= 1 << UInt8(random.below(8))
          case 1: changed[place] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5)]
          case 2: changed.remove(at: place)
          case 3: changed.insert(UInt8(random.below(256)), at: place)
          default: changed.removeSubrange(place...)
          }
        }
        try run(target, changed, "seed \(number), turn \(turn)")
      }
    }
    try run(target, [], "nothing")
  }

  private func run(_ target: FuzzTarget, _ input: [UInt8], _ label: String) throws {
    do {
      // A copy of exactly that many bytes, which nothing follows.
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: input.count, alignment: 1)
      defer { copy.deallocate() }
      copy.copyBytes(from: input)
      try target.run(UnsafeRawBufferPointer(copy))
    } catch {
      Issue.record("\(target.name), \(label): \(error)")
    }
  }
}
