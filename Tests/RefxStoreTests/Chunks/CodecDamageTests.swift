import CZlib
import Refx
import RefxTestSupport
import Testing

@testable import RefxStore

/// A stream that is not whole, or holds another number of bytes, is an error and never a trap; nothing is written
/// behind the target.
@Suite struct CodecDamageTests {
  private let decoder = ChunkDecoder()

  /// Small chunks whose streams have blocks of each kind.
  private static func samples() -> [(name: String, bytes: [UInt8])] {
    var random = SeededRandom(seed: 12)
    let floats = (0..<700).flatMap { _ in
      let value = Float.random(in: -1...1, using: &random) * Float.random(in: 0...1, using: &random)
      return withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
    }
    let rows = (0..<40).flatMap { row in
      row % 3 == 0 ? random.bytes(72) : [UInt8](repeating: UInt8(row), count: 72)
    }
    let text = Array(String(repeating: "layers.0.attention.query.weight ", count: 60).utf8)
    let twoValues = random.bytes(2800).map { $0 & 0x80 }
    return [
      ("noise", random.bytes(800)), ("floats", floats), ("rows", rows), ("text", text + text.reversed()),
      ("two values", twoValues), ("zeros", [UInt8](repeating: 0, count: 3000)),
      ("one element", [1, 2, 3, 4]),
    ]
  }

  private func encode(_ bytes: [UInt8], _ compression: Compression) throws -> [UInt8] {
    try bytes.withUnsafeBytes {
      try ChunkCodec(compression: compression).encode($0, itemSize: 4, chunkBytes: bytes.count)
    }
  }

  /// The elements of `stream`; what lies behind them must stay as it is.
  private func decode(_ stream: [UInt8], chunkBytes: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xA5, count: chunkBytes + 64)
    defer { #expect(bytes[chunkBytes...].allSatisfy { $0 == 0xA5 }, "written behind the target") }
    // Twice: through the planes, and straight into the target.
    try stream.withUnsafeBytes { stored in
      try bytes.withUnsafeMutableBytes {
        let target = UnsafeMutableRawBufferPointer(rebasing: $0[..<chunkBytes])
        try decoder.decode(stored, into: target, itemSize: 1, chunkBytes: chunkBytes)
        try decoder.decode(stored, into: target, itemSize: 4, chunkBytes: chunkBytes)
      }
    }
    return Array(bytes[..<chunkBytes])
  }

  @Test(arguments: [Compression.fast, .best]) func everyBitThatIsTurned(_ compression: Compression) throws {
    for (name, bytes) in CodecDamageTests.samples() {
      let stream = try encode(bytes, compression)
      var harmless = 0
      var unseen = 0
      for bit in 0..<(stream.count * 8) {
        var damaged = stream
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let back = try? decode(damaged, chunkBytes: bytes.count) else { continue }
        // The bits that fill a byte up say nothing.
        if back == bytes {
          harmless += 1
        } else {
          // Once in a while an Adler-32 does not tell a short string from another: then zlib takes it as well.
          let sums = [back, bytes].map { shuffled($0).withUnsafeBytes { ZlibStream.adler32($0) } }
          #expect(sums[0] == sums[1], "\(name), bit \(bit)")
          #expect(ZlibStream.inflated(damaged, count: bytes.count) == shuffled(back), "\(name), bit \(bit)")
          unseen += 1
        }
      }
      #expect(harmless < 64 && unseen < 8, "\(name): \(harmless) harmless, \(unseen) unseen")
    }
  }

  private func shuffled(_ bytes: [UInt8]) -> [UInt8] {
    var planes = [UInt8](repeating: 0, count: bytes.count)
    bytes.withUnsafeBytes { bytes in
      planes.withUnsafeMutableBytes { Shuffle.shuffle(bytes, into: $0, itemSize: 4) }
    }
    return planes
  }

  @Test(arguments: [Compression.fast, .best]) func everyTruncation(_ compression: Compression) throws {
    for (name, bytes) in CodecDamageTests.samples() {
      let stream = try encode(bytes, compression)
      for kept in 0..<stream.count {
        #expect(throws: RefxError.self, "\(name), \(kept) of \(stream.count)") {
          try decode(Array(stream[..<kept]), chunkBytes: bytes.count)
        }
      }
    }
  }

  @Test func anotherLengthThanDeclared() throws {
    for (name, bytes) in CodecDamageTests.samples() {
      let stream = try encode(bytes, .fast)
      for wrong in [4, bytes.count - 4, bytes.count + 4, 2 * bytes.count, 1 << 20] where wrong > 0 {
        guard wrong != bytes.count else { continue }
        let error = #expect(throws: RefxError.self, "\(name) as \(wrong)") {
          try decode(stream, chunkBytes: wrong)
        }
        #expect(error?.code == .damaged)
      }
      for tail in [[0], [0, 0, 0, 0], stream] {
        let error = #expect(throws: RefxError.self, "\(name) and \(tail.count) bytes more") {
          try decode(stream + tail, chunkBytes: bytes.count)
        }
        #expect(error?.code == .damaged)
      }
    }
  }

  @Test func wrongChecksums() throws {
    for (name, bytes) in CodecDamageTests.samples() {
      let stream = try encode(bytes, .fast)
      for place in 1...4 {
        var damaged = stream
        damaged[stream.count - place] &+= 1
        #expect(throws: RefxError.self, "\(name)") { try decode(damaged, chunkBytes: bytes.count) }
      }
    }
  }

  /// Streams that other encoders make, and damaged ones: our decoder and zlib say the same of each.
  @Test func zlibSaysTheSame() throws {
    var random = SeededRandom(seed: 31)
    var accepted = 0
    for round in 0..<20_000 {
      let content = ChunkCase(seed: UInt64(70_000_000 + round / 50), largest: 700).content
      var stream = [UInt8](repeating: 0, count: Int(compressBound(UInt(content.count))))
      var length = UInt(stream.count)
      #expect(compress2(&stream, &length, content, UInt(content.count), Int32(random.below(10))) == Z_OK)
      stream.removeLast(stream.count - Int(length))
      for _ in 0..<random.below(4) {
        switch random.below(4) {
        case 0, 1: stream[random.below(stream.count)] ^= 1 << UInt8(random.below(8))
        case 2: stream[random.below(stream.count)] = UInt8(truncatingIfNeeded: random.next())
        default: stream.removeLast(random.below(stream.count))
        }
      }
      let declared = max(0, content.count + (random.oneIn(6) ? random.below(9) - 4 : 0))
      var ours: [UInt8]? = [UInt8](repeating: 0, count: declared)
      let isRead = stream.withUnsafeBytes { stored in
        ours!.withUnsafeMutableBytes { (try? decoder.inflate(stored, into: $0)) != nil }
      }
      if !isRead { ours = nil }
      let theirs = ZlibStream.inflated(stream, count: declared)
      #expect(ours == theirs, "round \(round)")
      accepted += isRead ? 1 : 0
    }
    #expect(accepted > 2000 && accepted < 18_000)
  }
}
