import Glibc
import RefxStore
import RefxTestSupport

/// Encodes many chunks, decodes each with our own decoder, and writes what was encoded and the streams to standard
/// output for other readers. `Tools/check-codec` runs it.
///
/// Each record: the seed (8 bytes), then the item size, the bytes of the full chunk, of the content, of the fast
/// and of the best stream (4 bytes each, little-endian; 0 where there is no best stream), the content, the streams.
@main struct CodecCheck {
  static func main() throws {
    guard CommandLine.arguments.count == 3, let count = UInt64(CommandLine.arguments[1]),
      let first = UInt64(CommandLine.arguments[2])
    else { fail("usage: CodecCheck COUNT SEED") }
    let fast = ChunkEncoder(compression: .fast)
    let best = ChunkEncoder(compression: .best)
    let decoder = ChunkDecoder()
    for seed in first..<(first + count) {
      let one = ChunkCase(seed: seed)
      let quick = try encode(fast, one)
      check(quick, one, decoder)
      // The best encoder takes its time: every fourth chunk.
      var small: [UInt8] = []
      if seed % 4 == 0 {
        small = try encode(best, one)
        check(small, one, decoder)
        if small.count > quick.count { fail("seed \(seed): the best stream is longer than the fast one") }
      }
      if seed % 64 == 0, try encode(ChunkEncoder(compression: .fast), one) != quick {
        fail("seed \(seed): a fresh encoder makes another stream")
      }
      var record = withUnsafeBytes(of: seed.littleEndian, Array.init)
      for number in [one.itemSize, one.chunkBytes, one.content.count, quick.count, small.count] {
        record += withUnsafeBytes(of: UInt32(number).littleEndian, Array.init)
      }
      send(record + one.content + quick + small, to: 1)
    }
  }

  private static func encode(_ encoder: ChunkEncoder, _ one: ChunkCase) throws -> [UInt8] {
    try one.content.withUnsafeBytes {
      try encoder.encode($0, itemSize: one.itemSize, chunkBytes: one.chunkBytes) { Array($0) }
    }
  }

  private static func check(_ stream: [UInt8], _ one: ChunkCase, _ decoder: ChunkDecoder) {
    let comment =
      "seed \(one.seed): \(one.kind), \(one.content.count) of \(one.chunkBytes), items of \(one.itemSize)"
    if stream.count > one.chunkBytes + max(11, one.chunkBytes / 1000) { fail("\(comment): expanded") }
    var back = [UInt8](repeating: 0xCC, count: one.chunkBytes)
    do {
      try stream.withUnsafeBytes { stored in
        try back.withUnsafeMutableBytes {
          try decoder.decode(stored, into: $0, itemSize: one.itemSize, chunkBytes: one.chunkBytes)
        }
      }
    } catch {
      fail("\(comment): \(error)")
    }
    let isSame = back.withUnsafeBytes { back in
      one.content.withUnsafeBytes { content in
        content.isEmpty || memcmp(back.baseAddress!, content.baseAddress!, content.count) == 0
      }
    }
    if !isSame || back[one.content.count...].contains(where: { $0 != 0 }) {
      fail("\(comment): decodes to others")
    }
  }

  private static func send(_ bytes: [UInt8], to descriptor: Int32) {
    var start = 0
    while start < bytes.count {
      let sent = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + start, $0.count - start) }
      // Who reads has gone, and has said why.
      if sent <= 0 { exit(1) }
      start += sent
    }
  }

  private static func fail(_ message: String) -> Never {
    send(Array("\(message)\n".utf8), to: 2)
    exit(1)
  }
}
