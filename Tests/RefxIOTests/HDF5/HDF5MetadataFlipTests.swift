import Refx
import RefxTestSupport
import Testing

@testable import RefxHDF5
@testable import RefxStore

/// Files whose metadata has checksums: what is damaged is left to libhdf5 or reads as before, and what somebody
/// made up, with the right checksums, is an answer in time.
@Suite struct HDF5MetadataFlipTests {
  /// Groups that we write ourselves: links in the header, and in a heap.
  private func ownFile(_ counts: [Int]) throws -> [UInt8] {
    let tree = Tree<Leaf>.dictionary(
      counts.map { count in
        let links = (0..<count).map { (Key("a leaf called \($0)"), Tree<Leaf>.none) }
        return (Key("group of \(count)"), Tree<Leaf>.dictionary(links))
      })
    let target = MemoryTarget()
    try HDF5Store.write(CheckpointContents(tree: tree), to: target, options: WriteOptions())
    return target.bytes
  }

  private func check(_ bytes: [UInt8], bitsPerByte: Int, seed: UInt64, _ name: String) throws {
    let sound = MetadataView(bytes)
    try #require(sound.front == "known" && sound.groups.count > 3, "\(name)")
    var random = SeededRandom(seed: seed)
    for place in bytes.indices {
      for _ in 0..<bitsPerByte {
        var bytes = bytes
        bytes[place] ^= 1 << random.below(8)
        let view = MetadataView(bytes)
        let isSame = view.groups.allSatisfy { address, links in
          links == nil || sound.groups[address] == .some(links)
        }
        if !isSame { Issue.record("\(name): byte \(place) makes another answer, seed \(seed)") }
        view.expectEnd(bytes.count, "\(name): byte \(place)")
      }
    }
  }

  @Test(arguments: [[3, 12], [40]]) func noFlipInOurFilesMakesAnotherAnswer(_ counts: [Int]) throws {
    try check(ownFile(counts), bitsPerByte: 2, seed: 7, "\(counts)")
  }

  @Test(.enabled(if: HDF5Python.isThere)) func noFlipInFilesOfH5pyMakesAnotherAnswer() throws {
    var count = 0
    for file in try MetadataVariants.shared().files where file.small == true {
      let bytes = try InputFile(path: file.path).bytes(at: 0, count: InputFile(path: file.path).byteCount)
      // Those of version 0 have no checksum at their front.
      guard bytes[8] >= 2 else { continue }
      try check(bytes, bitsPerByte: 1, seed: 11, file.name)
      count += 1
    }
    #expect(count >= 2)
  }

  /// Where a piece of metadata begins, and where its checksum stands; of a block of a heap, also where it ends.
  private struct Sealed {
    let start: Int
    let sum: Int
    let end: Int

    func seal(_ bytes: inout [UInt8]) {
      for place in sum..<(sum + 4) { bytes[place] = 0 }
      let count = end == sum + 4 ? sum : end
      let value = bytes[start..<count].withUnsafeBytes(MetadataChecksum.of)
      bytes.replaceSubrange(sum..<(sum + 4), with: withUnsafeBytes(of: value.littleEndian, Array.init))
    }

    func isRight(in bytes: [UInt8]) -> Bool {
      guard start >= 0, end <= bytes.count else { return false }
      var copy = bytes
      seal(&copy)
      return copy == bytes
    }
  }

  private func sealed(in bytes: [UInt8]) -> [Sealed] {
    var all: [Sealed] = [Sealed(start: 0, sum: 44, end: 48)]
    for start in bytes.indices.dropLast(16) {
      let candidates: [Sealed]
      func ends(_ steps: some Sequence<Int>) -> [Sealed] {
        steps.map { Sealed(start: start, sum: start + $0, end: start + $0 + 4) }
      }
      switch String(decoding: bytes[start..<(start + 4)], as: UTF8.self) {
      case "OHDR":
        let flags = Int(bytes[start + 5])
        let head = 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
        let size = 1 << (flags & 3)
        let count = bytes[(start + head)...].prefix(size).reversed().reduce(0) { $0 << 8 | Int($1) }
        candidates = ends([head + size + count])
      case "FRHP": candidates = ends([142])
      case "BTHD": candidates = ends([34])
      case "BTLF": candidates = ends((0..<400).map { 6 + 11 * $0 })
      case "BTIN": candidates = ends((1..<40).map { 6 + 11 * $0 + 9 * ($0 + 1) })
      case "FHIB": candidates = ends((1..<64).map { 17 + 8 * $0 })
      case "FHDB":
        candidates = (9...16).map { Sealed(start: start, sum: start + 17, end: start + 1 << $0) }
      default: continue
      }
      if let right = candidates.first(where: { $0.isRight(in: bytes) }) { all.append(right) }
    }
    return all
  }

  @Test func extremeNumbersUnderARightChecksumAreAnAnswerInTime() throws {
    let found = try changeEveryNumber(of: ownFile([3, 12]), most: 200, "ours")
    #expect(found.isSuperset(of: ["OHDR", "FRHP", "FHDB", "BTHD", "BTLF"]), "\(found)")
  }

  @Test(.enabled(if: HDF5Python.isThere))
  func extremeNumbersUnderARightChecksumInFilesOfH5pyAreAnAnswerInTime() throws {
    for file in try MetadataVariants.shared().files where file.deep == true {
      let input = try InputFile(path: file.path)
      let bytes = try input.bytes(at: 0, count: input.byteCount)
      guard bytes[8] == 3 else { continue }
      let found = try changeEveryNumber(of: bytes, most: 60, file.name)
      #expect(found.isSuperset(of: ["OHDR", "FRHP", "FHIB", "FHDB", "BTHD", "BTIN", "BTLF"]), "\(found)")
      return
    }
    Issue.record("no file of version 3 was made")
  }

  /// Puts extreme numbers at up to `most` places of each piece that has a checksum, which is made right.
  ///
  /// - Returns: which kinds of pieces there are.
  private func changeEveryNumber(of bytes: [UInt8], most: Int, _ name: String) throws -> Set<String> {
    let pieces = sealed(in: bytes)
    try #require(pieces.allSatisfy { $0.isRight(in: bytes) })
    var random = SeededRandom(seed: 3)
    var kinds: [String: Int] = [:]
    for piece in pieces {
      let kind = String(decoding: bytes[piece.start..<(piece.start + 4)], as: UTF8.self)
      kinds[kind, default: 0] += 1
      // Those of one kind are much alike, and of large blocks the front is what can be wrong.
      guard kinds[kind] ?? 0 <= 4 else { continue }
      for place in piece.start..<min(piece.end, piece.start + most) {
        for extreme in MetadataView.extremes.shuffled(using: &random).prefix(3) {
          var changed = bytes
          let size = 1 << random.below(4)
          for (step, byte) in withUnsafeBytes(of: extreme.littleEndian, Array.init).prefix(size).enumerated()
          where place + step < piece.end { changed[place + step] = byte }
          piece.seal(&changed)
          MetadataView(changed).expectEnd(bytes.count, "\(name), \(kind), byte \(place): \(extreme)")
        }
      }
    }
    return Set(kinds.keys)
  }
}

extension MetadataView {
  /// That reading took no longer than the size of the file explains.
  func expectEnd(_ byteCount: Int, _ what: @autoclosure () -> String) {
    if pieces > 64 + byteCount { Issue.record("\(what()): \(pieces) pieces of \(byteCount) bytes") }
  }

  static let extremes: [UInt64] = [
    0, 1, .max, .max - 1, 1 << 15, 1 << 31, 1 << 32, 1 << 63, (1 << 63) - 1, 0x7FFF_FFFF, 0xFFFF_FFFF, 0xFF00,
  ]
}
