import Refx
import RefxStore

/// What all ranks must know of a slab that one of them has encoded.
struct SlabRecord {
  var storedByteCount = 0
  var crc32: UInt32?
  var sums: SlabSums?
  /// The bytes: of this rank's own slabs, and of text, which every rank needs.
  var stored: UnsafeRawBufferPointer?
  var isOwn = false
  /// What `stored` lies in where another rank has sent it.
  private var text: MemoryBytes?

  init() {}

  private static let hasCRC32: UInt8 = 1
  private static let hasSums: UInt8 = 2
  private static let hasHash: UInt8 = 4

  /// 5 to 29 bytes, and those of text.
  static func add(_ slab: SlabResult, withBytes: Bool, to bytes: inout [UInt8]) {
    func add<Number: FixedWidthInteger>(_ number: Number) {
      withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
    var flags: UInt8 = 0
    if slab.crc32 != nil { flags |= hasCRC32 }
    if slab.sums != nil { flags |= hasSums }
    if slab.sums?.hash != nil { flags |= hasHash }
    add(flags)
    add(UInt32(slab.stored.count))
    if let crc = slab.crc32 { add(crc) }
    if let sums = slab.sums {
      add(sums.crc32)
      if let hash = sums.hash {
        add(hash.low)
        add(hash.high)
      }
    }
    if withBytes { bytes += slab.stored }
  }

  /// - Throws: where the bytes are none of a record.
  init(_ bytes: [UInt8], at place: inout Int, withBytes: Bool, logicalByteCount: Int) throws {
    var next = place
    func read<Number: FixedWidthInteger>(_: Number.Type) throws -> Number {
      let size = MemoryLayout<Number>.size
      guard next + size <= bytes.count else { throw RefxError.ranksOutOfStep() }
      defer { next += size }
      return Number(
        littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: next, as: Number.self) })
    }
    let flags = try read(UInt8.self)
    let count = Int(try read(UInt32.self))
    storedByteCount = count
    if flags & SlabRecord.hasCRC32 != 0 { crc32 = try read(UInt32.self) }
    if flags & SlabRecord.hasSums != 0 {
      let crc = try read(UInt32.self)
      let hash =
        flags & SlabRecord.hasHash != 0
        ? ContentHash(low: try read(UInt64.self), high: try read(UInt64.self)) : nil
      sums = SlabSums(crc32: crc, hash: hash, byteCount: logicalByteCount)
    }
    if withBytes {
      guard next + count <= bytes.count else { throw RefxError.ranksOutOfStep() }
      let text = MemoryBytes(count: count) { room in
        bytes.withUnsafeBytes {
          room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[next..<(next + count)]))
        }
      }
      next += count
      self.text = text
      stored = UnsafeRawBufferPointer(start: text.start, count: count)
    }
    place = next
  }
}

/// How a round went on one rank: records, or an error and the slab where it came up.
enum RoundReport {
  private static let well: UInt8 = 0x52
  private static let failed: UInt8 = 0x72

  static func bytes(of records: [UInt8]) -> [UInt8] { [well] + records }

  /// - Parameter slab: -1 for what concerns none.
  static func bytes(of failure: RefxError, at slab: Int) -> [UInt8] {
    [failed] + withUnsafeBytes(of: UInt64(slab + 1).littleEndian) { Array($0) }
      + RankReport.bytes(of: failure)
  }

  /// Throws the error of the first slab that has one; of several ranks, the first one's.
  static func throwFirst(of words: [[UInt8]]) throws {
    var first: (slab: UInt64, rank: Int, error: RefxError)?
    for (rank, word) in words.enumerated() where word.first != well {
      guard word.first == failed, word.count > 9 else {
        // A rank that is somewhere else may say why.
        if let failure = try RankReport.failure(in: word) { throw failure.onRank(rank, of: words.count) }
        throw RefxError.ranksOutOfStep()
      }
      let slab = word.withUnsafeBytes {
        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
      }
      guard slab < first?.slab ?? .max, let failure = try RankReport.failure(in: Array(word[9...])) else {
        continue
      }
      first = (slab, rank, failure)
    }
    if let first { throw first.error.onRank(first.rank, of: words.count) }
  }
}
