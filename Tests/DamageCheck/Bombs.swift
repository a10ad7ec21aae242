import Refx
import RefxHDF5
import RefxIO
import RefxStore
import RefxTestSupport

/// R12: a stream that holds more than the file declares stops there, and one that holds less is refused: within
/// seconds and without memory for what it would have become.
struct Bombs {
  private let setting: Setting

  init(_ setting: Setting) { self.setting = setting }

  func run() throws -> Figures {
    var figures = Figures()
    streams(&figures)
    for sample in [try refxFile(), try hdf5File()] { try files(sample, &figures) }
    if setting.isLong { try grid(&figures) }
    return figures
  }

  // MARK: Streams

  /// The decoder by itself, for each size that is declared and each that a stream has.
  private func streams(_ figures: inout Figures) {
    let declared = [0, 1, 5, 100, 1024, 4096, 65_536, 1 << 20]
    let bomb = zeros(1 << 30)
    var cases: [(declared: Int, stream: [UInt8], what: String)] = []
    for size in declared {
      for other in [size + 1, size - 1, 2 * size + 7, size / 10, 0, 50 * size + 300]
      where other >= 0 && other != size {
        cases.append((size, zeros(other), "\(other) bytes"))
      }
      cases.append((size, bomb, "1 GiB"))
      cases.append((size, Array(bomb.prefix(5000)), "a part of 1 GiB"))
      cases.append((size, zeros(size) + [0], "\(size) bytes and one behind them"))
      cases.append((size, zeros(size) + zeros(size), "\(size) bytes twice"))
    }
    var children = Children(memoryLimit: 64 << 20)
    children.secondsForACase = 5
    figures.files += 1
    let outcome = children.run(cases.count) { number in
      let (declared, stream, what) = cases[number]
      let decoder = ChunkDecoder()
      var target = [UInt8](repeating: 0xA5, count: declared + 64)
      func decode(_ itemSize: Int) -> Bool {
        stream.withUnsafeBytes { stored in
          target.withUnsafeMutableBytes {
            let room = UnsafeMutableRawBufferPointer(rebasing: $0[..<declared])
            return
              (try? decoder.decode(stored, into: room, itemSize: itemSize, chunkBytes: declared)) != nil
          }
        }
      }
      for itemSize in declared % 4 == 0 ? [1, 4] : [1] where decode(itemSize) {
        return "\(what) where \(declared) are declared: taken"
      }
      return target[declared...].allSatisfy { $0 == 0xA5 }
        ? nil : "\(what) where \(declared) are: written behind"
    }
    figures.add(outcome, of: "streams")
  }

  // MARK: Files

  /// A file whose one chunk can be any stream.
  private struct Host {
    let sample: Sample
    /// The file with another stream.
    let with: @Sendable ([UInt8]) -> [UInt8]
    let chunkBytes: Int
  }

  private func refxFile() throws -> Host {
    let leaf = Leaf(Tensor((0..<4096).map { Float($0 / 64) }))
    let bytes = try Samples.bytes(CheckpointContents(tree: ["w": .leaf(leaf)]), .fast, in: RefxFormat.self)
    return Host(
      sample: Sample("bomb.refx", bytes, RefxFormat.self),
      with: { stream in
        var surgeon = RefxSurgeon(bytes)
        surgeon.payload = stream
        let entry = withUnsafeBytes(of: UInt32(stream.count).littleEndian, Array.init)
        let sum = stream.withUnsafeBytes { CRC32.of($0) }
        surgeon[Bombs.chunkTag] = entry + withUnsafeBytes(of: sum.littleEndian, Array.init)
        return surgeon.file()
      }, chunkBytes: 16_384)
  }

  private static let chunkTag = "CHNK".utf8.reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }

  private func hdf5File() throws -> Host {
    var random = SeededRandom(seed: 5)
    let leaf = Leaf(dtype: .uint8, shape: [1 << 20], bytes: random.bytes(1 << 20))
    let bytes = try Samples.bytes(CheckpointContents(tree: ["w": .leaf(leaf)]), .fast, in: HDF5Store.self)
    let stored = try leaf.allBytes().withUnsafeBytes {
      try ChunkCodec(compression: .fast).encode($0, itemSize: 1, chunkBytes: 1 << 20)
    }
    guard let place = bytes.indices.first(where: { bytes[$0...].starts(with: stored.prefix(64)) }),
      bytes[place...].starts(with: stored)
    else { throw RefxError(.damaged, "the chunk is not where it was put") }
    // The chunk keeps its stored length: what is longer is cut, what is shorter gets zeros behind it.
    return Host(
      sample: Sample("bomb.h5", bytes, HDF5Store.self),
      with: { stream in
        var copy = bytes
        let filled =
          stream.prefix(stored.count) + [UInt8](repeating: 0, count: max(0, stored.count - stream.count))
        copy.replaceSubrange(place..<(place + stored.count), with: filled)
        return copy
      }, chunkBytes: 1 << 20)
  }

  private func files(_ host: Host, _ figures: inout Figures) throws {
    let size = host.chunkBytes
    let sizes = [size + 1, size - 1, size / 10, 0, 2 * size, 1 << 30]
    let streams = sizes.map { zeros($0) }
    let sample = host.sample
    guard !sample.isRefused(sample.bytes) else {
      throw RefxError(.damaged, "the sound file is refused", file: sample.name)
    }
    figures.files += 1
    var children = Children(memoryLimit: 64 << 20 + 2 * (streams.map(\.count).max() ?? 0))
    children.secondsForACase = 5
    children.casesInABatch = 1
    let outcome = children.run(streams.count) { number in
      do {
        let opened = try sample.opened(host.with(streams[number]))
        var problems: [Problem] = []
        try opened.verify(nil) { problems.append($0) }
        guard problems.map(\.path) == [["w"]] else {
          return "\(sizes[number]) bytes: verify says \(problems)"
        }
        return try Reading(opened).hasRefusals
          ? nil : "\(sizes[number]) bytes where \(size) are declared: read"
      } catch {
        return "\(sizes[number]) bytes: \(error)"
      }
    }
    figures.add(outcome, of: sample.name)
  }

  // MARK: The grid

  /// Leaves of 1 KiB to 4 GiB in which the first chunk, or the last, holds another number of bytes than it should.
  private func grid(_ figures: inout Figures) throws {
    let full = ChunkGrid.byteLimit
    let sound = zeros(full)
    for exponent in 13...32 {
      let declared = 1 << exponent
      let count = max(1, declared / full)
      let chunkBytes = min(declared, full)
      let chunk = chunkBytes == full ? sound : zeros(chunkBytes)
      let wrong = [chunkBytes - 1, chunkBytes + 1, 2 * chunkBytes, 1 << 30].map { zeros($0) }
      let template = try Samples.bytes(
        CheckpointContents(tree: [
          "w": .leaf(Leaf(dtype: .uint8, shape: [8192], bytes: [UInt8](repeating: 0, count: 8192)))
        ]),
        .fast, in: RefxFormat.self)
      figures.files += 1
      for number in 0..<(2 * wrong.count) {
        let bad = number % 2 == 0 ? 0 : count - 1
        let streams = (0..<count).map { $0 == bad ? wrong[number / 2] : chunk }
        // Made before the child, whose memory is measured.
        let sample = Sample(
          "2^\(exponent)", Bombs.file(template, declared: declared, streams), RefxFormat.self)
        var children = Children(memoryLimit: sample.memoryLimit)
        // To verify all of a large leaf takes its time; the chunk alone must not.
        children.secondsForACase = declared > 1 << 28 ? 300 : 20
        let outcome = children.run(1) { _ in complaint(about: sample, declared: declared, badByte: bad * full)
        }
        figures.add(outcome, of: "a leaf of 2^\(exponent) bytes, stream \(number)")
      }
    }
  }

  private func complaint(about sample: Sample, declared: Int, badByte: Int) -> String? {
    do {
      let opened = try sample.opened(sample.bytes)
      guard case .leaf(let leaf)? = opened.contents.tree.member("w"), leaf.byteCount == declared else {
        return "the leaf is not as it was declared"
      }
      let started = now()
      var byte: UInt8 = 0
      let isRead =
        (try? withUnsafeMutableBytes(of: &byte) { try leaf.source.read(at: badByte, into: $0) }) != nil
      if isRead { return "a chunk of another size is read" }
      if now() - started > 5 { return "the chunk took \(now() - started) s" }
      var problems: [Problem] = []
      try opened.verify(nil) { problems.append($0) }
      return Set(problems.map(\.path)) == [["w"]] ? nil : "verify says \(problems)"
    } catch {
      return "\(error)"
    }
  }

  /// A file of one compressed leaf of `declared` bytes with these streams, every sum but the leaf's own right.
  private static func file(_ template: [UInt8], declared: Int, _ streams: [[UInt8]]) -> [UInt8] {
    var surgeon = RefxSurgeon(template)
    surgeon.payload = []
    var table: [UInt8] = []
    var sums: [Int: UInt32] = [:]
    for stream in streams {
      surgeon.payload += stream
      let sum = sums[stream.count] ?? stream.withUnsafeBytes { CRC32.of($0) }
      sums[stream.count] = sum
      table += withUnsafeBytes(of: UInt32(stream.count).littleEndian, Array.init)
      table += withUnsafeBytes(of: sum.littleEndian, Array.init)
    }
    surgeon[chunkTag] = table
    let leafTag = "LEAF".utf8.reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
    var extent: [UInt8] = []
    var rest = declared
    while rest >= 0x80 {
      extent.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    extent.append(UInt8(rest))
    // One leaf: the number, dtype, storage, rank, and then the extent, which took two bytes.
    surgeon[leafTag].replaceSubrange(4..<6, with: extent)
    return surgeon.file()
  }

  // MARK: Zeros

  /// A zlib stream of `count` zeros, 159 of them in each byte.
  private func zeros(_ count: Int) -> [UInt8] {
    var bits = BitRow()
    bits.add(0b011, 3)
    // The literal 0, then matches of 258 bytes at a distance of one, then more literals.
    let matches = max(0, (count - 1) / 258)
    let literals = count - matches * 258
    if literals > 0 { bits.addCode(0b0011_0000, 8) }
    // Eight matches are 13 bytes, which repeat wherever they begin.
    let first = min(matches, 16 + matches % 8)
    for _ in 0..<first {
      bits.addCode(0b1100_0101, 8)
      bits.addCode(0, 5)
    }
    bits.repeatLast(13, times: (matches - first) / 8)
    for _ in 0..<max(0, literals - 1) { bits.addCode(0b0011_0000, 8) }
    bits.addCode(0, 7)
    let high = UInt32(count % 65_521)
    return [0x78, 0x01] + bits.finished() + [UInt8(high >> 8), UInt8(high & 0xFF), 0, 1]
  }

  private struct BitRow {
    private var bytes: [UInt8] = []
    private var pending: UInt64 = 0
    private var count: UInt64 = 0

    /// The lowest bit first.
    mutating func add(_ bits: UInt64, _ width: UInt64) {
      pending |= bits << count
      count += width
      while count >= 8 {
        bytes.append(UInt8(truncatingIfNeeded: pending))
        pending >>= 8
        count -= 8
      }
    }

    /// The highest bit first, as codes are.
    mutating func addCode(_ code: UInt64, _ width: UInt64) {
      var turned: UInt64 = 0
      for bit in 0..<width { turned |= (code >> bit & 1) << (width - 1 - bit) }
      add(turned, width)
    }

    /// The last whole bytes again: what they stand for must take as many bits.
    mutating func repeatLast(_ length: Int, times: Int) {
      let row = Array(bytes.suffix(length))
      bytes.reserveCapacity(bytes.count + times * length + 64)
      for _ in 0..<times { bytes += row }
    }

    mutating func finished() -> [UInt8] {
      if count > 0 { add(0, 8 - count) }
      return bytes
    }
  }
}
