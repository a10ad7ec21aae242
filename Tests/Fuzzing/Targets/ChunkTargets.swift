import CZlib

@testable import RefxStore

/// What chunks are made of: zlib streams and shuffled bytes.
extension FuzzTarget {
  /// A stream and how much it is said to hold: never a byte more is written, and zlib agrees with what is.
  static let inflate = FuzzTarget(
    "inflate", mostBytes: 8192,
    seeds: {
      try contents().flatMap { content in
        try [Compression.fast, .best].map { compression in
          let stream = try content.withUnsafeBytes {
            try ChunkCodec(compression: compression).encode(
              $0, itemSize: 1, chunkBytes: max(1, content.count))
          }
          return [UInt8(content.count & 255), UInt8(content.count >> 8)] + stream
        }
      }
    }
  ) { input in
    var parts = FuzzInput(input)
    let declared = parts.short()
    let stream = parts.rest()
    // Bytes that nobody may touch stand behind the target.
    var target = [UInt8](repeating: 0xA7, count: declared + 64)
    let result = Result {
      try target.withUnsafeMutableBytes {
        try ChunkDecoder().inflate(stream, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<declared]))
      }
    }
    try demand(target[declared...].allSatisfy { $0 == 0xA7 }, "bytes were written behind the target")
    try result.get()
    var other = [UInt8](repeating: 0, count: declared + 1)
    var length = UInt(other.count)
    let status = uncompress(
      &other, &length, stream.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(stream.count))
    // zlib also refuses codes that are incomplete where none of the missing words occurs.
    try demand(
      status == Z_DATA_ERROR
        || status == Z_OK && length == declared && other[..<declared] == target[..<declared],
      "zlib reads another content (\(status), \(length) of \(declared) bytes)")
    let sum = target.withUnsafeBytes {
      adler32(1, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(declared))
    }
    try demand(
      stream.suffix(4).elementsEqual(littleEndian(UInt32(truncatingIfNeeded: sum).byteSwapped)),
      "a stream whose checksum differs is taken")
    try demand(
      try ChunkCodec.inflate(stream, exactly: declared) == Array(target[..<declared]),
      "two ways to inflate differ")
  }

  /// A stored chunk of any declared size, type and part: decoding fills the target or says why not.
  static let chunks = FuzzTarget(
    "chunk", mostBytes: 8192,
    seeds: {
      try contents().flatMap { content in
        try [1, 2, 4, 8, 12, 16].compactMap { size -> [UInt8]? in
          let whole = Array(content.prefix(content.count / size * size))
          guard !whole.isEmpty else { return nil }
          let stream = try whole.withUnsafeBytes {
            try ChunkCodec(compression: .fast).encode($0, itemSize: size, chunkBytes: whole.count)
          }
          let count = whole.count / size
          return [UInt8(size - 1), UInt8(count & 255), UInt8(count >> 8), 0, 0, 1] + stream
        }
      }
    }
  ) { input in
    var parts = FuzzInput(input)
    let itemSize = 1 + parts.byte() % 32
    let count = 1 + (parts.short() + 0xFFFF) % 0x10000 % 4096
    let kept = max(0, count - parts.short())
    let shuffled = parts.byte() & 1 == 1
    let stored = parts.rest()
    var target = [UInt8](repeating: 0xA7, count: kept * itemSize + 64)
    let result = Result {
      try target.withUnsafeMutableBytes {
        try ChunkDecoder().decode(
          stored, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<(kept * itemSize)]), itemSize: itemSize,
          chunkBytes: count * itemSize, shuffled: shuffled)
      }
    }
    try demand(target[(kept * itemSize)...].allSatisfy { $0 == 0xA7 }, "bytes were written behind the target")
    try result.get()
    guard shuffled else { return }
    // What was decoded whole is encoded and decoded again.
    var whole = [UInt8](repeating: 0, count: count * itemSize)
    try whole.withUnsafeMutableBytes {
      try ChunkCodec.decode(stored, into: $0, itemSize: itemSize, chunkBytes: count * itemSize)
    }
    try demand(
      whole.prefix(kept * itemSize) == target.prefix(kept * itemSize), "a part differs from the whole")
    let stream = try whole.withUnsafeBytes {
      try ChunkCodec(compression: .fast).encode($0, itemSize: itemSize, chunkBytes: $0.count)
    }
    var again = [UInt8](repeating: 0xA7, count: whole.count)
    do {
      try stream.withUnsafeBytes { stream in
        try again.withUnsafeMutableBytes {
          try ChunkCodec.decode(stream, into: $0, itemSize: itemSize, chunkBytes: $0.count)
        }
      }
    } catch { throw FuzzViolation("what was encoded does not decode: \(error)") }
    try demand(again == whole, "what was encoded decodes to others")
  }

  /// Elements shuffled as HDF5 says, one byte at a time, and back, all of them or some.
  static let shuffle = FuzzTarget(
    "shuffle", mostBytes: 8192,
    seeds: {
      (0..<17).map { size in [UInt8(size), 3] + (0..<200).map { UInt8(truncatingIfNeeded: $0 * 7) } }
    }
  ) { input in
    var parts = FuzzInput(input)
    let size = 1 + parts.byte() % 40
    let dropped = parts.byte()
    let all = parts.rest()
    let source = Array(all.prefix(all.count / size * size))
    let count = source.count / size
    var planes = [UInt8](repeating: 0xA7, count: source.count + 64)
    source.withUnsafeBytes { source in
      planes.withUnsafeMutableBytes {
        Shuffle.shuffle(
          source, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<source.count]), itemSize: size)
      }
    }
    var expected = source
    for element in 0..<count {
      for plane in 0..<size { expected[plane * count + element] = source[element * size + plane] }
    }
    try demand(planes[..<source.count] == expected[...], "elements of \(size) bytes are shuffled otherwise")
    try demand(planes[source.count...].allSatisfy { $0 == 0xA7 }, "bytes were written behind the planes")
    let kept = max(0, count - dropped) * size
    var back = [UInt8](repeating: 0xA7, count: kept + 64)
    planes[..<source.count].withUnsafeBytes { planes in
      back.withUnsafeMutableBytes {
        Shuffle.unshuffle(planes, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<kept]), itemSize: size)
      }
    }
    try demand(back[..<kept] == source[..<kept], "elements of \(size) bytes do not come back")
    try demand(back[kept...].allSatisfy { $0 == 0xA7 }, "bytes were written behind the elements")
  }

  private static func contents() -> [[UInt8]] {
    var noise: UInt64 = 1
    return [
      [], [7], [UInt8](repeating: 0, count: 1000), (0..<300).map { UInt8(truncatingIfNeeded: $0) },
      Array("the same words, the same words, and the same words once more".utf8),
      (0..<600).map { _ in
        noise = noise &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: noise >> 33)
      },
      (0..<2000).map { $0 % 4 == 3 ? 0x3F : UInt8(truncatingIfNeeded: $0 &* 37) },
    ]
  }
}
