import CDeflate
import CZlib
import Refx

/// Encodes the shuffled bytes of a chunk as one ordinary zlib stream (RFC 1950, 1951) whose blocks are chosen
/// by what pays: stored for the noise of mantissas, a Huffman code for single bytes where exponents crowd
/// together, matches where bytes repeat. The choice is made from cheap statistics of each block.
///
/// Every inflate reads the stream. It is never longer than the bytes by more than 0.1 % and 64 bytes.
struct DeflateEncoder: ~Copyable {
  /// The most bytes a block looks at: their statistics hold for that long.
  static let blockBytes = 32 << 10

  private let level: Int32
  private var matches: MatchEncoder?

  /// - Parameter level: zlib's, for the blocks with matches.
  init(level: Int32) {
    self.level = level
  }

  private enum Kind { case stored, literals, matched }

  private struct Block {
    let range: Range<Int>
    let kind: Kind
    let counts: [UInt32]
  }

  /// The most bytes a stream of `count` bytes in planes of `planeBytes` takes.
  static func bound(count: Int, planeBytes: Int) -> Int {
    let blocks = (count / max(planeBytes, 1) + 1) * (planeBytes / blockBytes + 1)
    return count + 10 * blocks + 64
  }

  /// Encodes `bytes`, whose statistics change every `planeBytes`, into `output`.
  ///
  /// - Precondition: `output` has room for ``bound(count:planeBytes:)`` bytes.
  /// - Returns: the number of bytes of the stream.
  mutating func encode(
    _ bytes: UnsafeRawBufferPointer, planeBytes: Int, into output: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    precondition(output.count >= DeflateEncoder.bound(count: bytes.count, planeBytes: planeBytes))
    let start = output.baseAddress!.assumingMemoryBound(to: UInt8.self)
    start[0] = 0x78
    start[1] = 0x01
    var writer = BitWriter(start + 2)
    let blocks = DeflateEncoder.blocks(of: bytes, planeBytes: planeBytes)
    var next = 0
    while next < blocks.count {
      var last = next
      if blocks[next].kind == .matched {
        // Neighbours share a window.
        while last + 1 < blocks.count, blocks[last + 1].kind == .matched { last += 1 }
      }
      let run = blocks[next...last]
      let isFinal = last == blocks.count - 1
      if run[next].kind != .matched {
        DeflateEncoder.append(run[next], of: bytes, kind: run[next].kind, isFinal: isFinal, to: &writer)
      } else {
        try appendMatched(run, of: bytes, isFinal: isFinal, to: &writer)
      }
      next = last + 1
    }
    if blocks.isEmpty { DeflateEncoder.appendStored(bytes, isFinal: true, to: &writer) }
    writer.align()
    let sum = libdeflate_adler32(1, bytes.baseAddress, bytes.count)
    withUnsafeBytes(of: sum.bigEndian) { writer.append($0) }
    return writer.bytes - start
  }

  private static func blocks(of bytes: UnsafeRawBufferPointer, planeBytes: Int) -> [Block] {
    var blocks: [Block] = []
    var start = 0
    while start < bytes.count {
      let planeEnd = min(bytes.count, (start / planeBytes + 1) * planeBytes)
      let range = start..<min(planeEnd, start + blockBytes)
      let statistics = BlockStatistics(of: UnsafeRawBufferPointer(rebasing: bytes[range]))
      // Literals pay from a fiftieth on; a header takes some 80 bytes.
      let literalBytes = statistics.entropyBits / 8 + 80
      let kind: Kind =
        statistics.repeats ? .matched : literalBytes < 0.98 * Double(range.count) ? .literals : .stored
      blocks.append(Block(range: range, kind: kind, counts: statistics.counts))
      start = range.upperBound
    }
    return blocks
  }

  /// Appends a run with matches, where that is shorter than the run without.
  private mutating func appendMatched(
    _ run: ArraySlice<Block>, of bytes: UnsafeRawBufferPointer, isFinal: Bool, to writer: inout BitWriter
  ) throws {
    let range = run.first!.range.lowerBound..<run.last!.range.upperBound
    if matches == nil { matches = try MatchEncoder(level: level) }
    let appended = try matches!.append(
      UnsafeRawBufferPointer(rebasing: bytes[range]), atMost: DeflateEncoder.literalBytes(of: run),
      isFinal: isFinal,
      to: &writer)
    if appended { return }
    for block in run {
      DeflateEncoder.append(
        block, of: bytes, kind: .literals, isFinal: isFinal && block.range.upperBound == range.upperBound,
        to: &writer)
    }
  }

  /// What `run` takes without matches.
  private static func literalBytes(of run: ArraySlice<Block>) -> Int {
    run.reduce(0) { $0 + min($1.range.count + 5, LiteralCode(of: $1.counts).byteCount) }
  }

  /// Appends `block`, stored where its code would not be shorter.
  private static func append(
    _ block: Block, of bytes: UnsafeRawBufferPointer, kind: Kind, isFinal: Bool, to writer: inout BitWriter
  ) {
    let content = UnsafeRawBufferPointer(rebasing: bytes[block.range])
    if kind == .literals {
      let code = LiteralCode(of: block.counts)
      if code.byteCount < content.count { return code.append(content, isFinal: isFinal, to: &writer) }
    }
    appendStored(content, isFinal: isFinal, to: &writer)
  }

  /// A stored block (RFC 1951, 3.2.4).
  private static func appendStored(
    _ content: UnsafeRawBufferPointer, isFinal: Bool, to writer: inout BitWriter
  ) {
    writer.append(isFinal ? 1 : 0, count: 3)
    writer.align()
    let length = UInt64(content.count)
    writer.append(length | (~length & 0xFFFF) << 16, count: 32)
    writer.append(content)
  }
}
