import Refx
import RefxStore

extension StoreContract {
  private static let numericDTypes = DType.allCases.filter { $0.itemSize != nil }

  static let leafCases: [Case] = [
    Case("every dtype, in every rank from 0 to 4") { runner in
      for dtype in numericDTypes {
        var random = RandomTree(seed: 99)
        let shapes = [[], [1], [7], [3, 5], [2, 3, 4], [2, 1, 3, 2]]
        try runner.roundTrip(
          .list(shapes.map { .leaf(random.leaf(dtype, shape: $0)) }), label: dtype.name)
      }
    },
    Case("every dtype, large enough to be compressed") { runner in
      for dtype in numericDTypes {
        var random = RandomTree(seed: 5)
        try runner.roundTrip(
          ["r": .leaf(random.leaf(dtype, shape: [70, 70])), "z": .leaf(zeros(dtype, shape: [70, 70]))],
          label: dtype.name)
      }
    },
    Case("leaves without elements") { runner in
      for dtype in numericDTypes {
        try runner.roundTrip(
          .list([[0], [0, 3], [3, 0], [2, 0, 5], [0, 0]].map { .leaf(zeros(dtype, shape: $0)) }),
          compressions: [.none, .fast], label: dtype.name)
      }
    },
    Case("floats by their bits: NaN payloads, −0, the extremes") { runner in
      let singles: [UInt32] = [
        0x7FC0_0000, 0x7FC0_0001, 0x7F80_0001, 0xFFFF_FFFF, 0x8000_0000, 0, 1, 0x7F7F_FFFF, 0x7F80_0000,
        0xFF80_0000,
      ]
      let doubles: [UInt64] = [
        0x7FF8_0000_0000_0000, 0x7FF0_0000_0000_0001, 0xFFFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 1,
        0x7FEF_FFFF_FFFF_FFFF,
      ]
      try runner.roundTrip([
        "f": .leaf(Leaf(Tensor(singles.map { Float(bitPattern: $0) }))),
        "d": .leaf(Leaf(Tensor(doubles.map { Double(bitPattern: $0) }))),
        "all halves": .leaf(bits((0...UInt16.max).map(\.self), .float16)),
        "all bfloats": .leaf(bits((0...UInt16.max).map(\.self), .bfloat16)),
        "all e4m3": .leaf(bits((0...UInt8.max).map(\.self), .float8E4M3FN)),
        "all e5m2": .leaf(bits((0...UInt8.max).map(\.self), .float8E5M2)),
      ])
    },
    Case("integers at their ends") { runner in
      try runner.roundTrip([
        "i8": .leaf(Leaf(Tensor([Int8.min, -1, 0, .max]))),
        "i16": .leaf(Leaf(Tensor([Int16.min, -1, 0, .max]))),
        "i32": .leaf(Leaf(Tensor([Int32.min, -1, 0, .max]))),
        "i64": .leaf(Leaf(Tensor([Int64.min, -1, 0, .max, 1 << 53 + 1]))),
        "u8": .leaf(Leaf(Tensor([UInt8.min, .max]))), "u16": .leaf(Leaf(Tensor([UInt16.min, .max]))),
        "u32": .leaf(Leaf(Tensor([UInt32.min, .max]))), "u64": .leaf(Leaf(Tensor([UInt64.min, .max]))),
        "b": .leaf(Leaf(Tensor([true, false, true]))),
      ])
    },
    Case("every number of four bits") { runner in
      try runner.roundTrip([
        "i4": .leaf(Leaf(Tensor((-8...7).compactMap { Int4(exactly: $0) }, shape: [2, 8]))),
        "u4": .leaf(Leaf(Tensor((0...15).compactMap { UInt4(exactly: $0) }, shape: [4, 4]))),
        "one": .leaf(Leaf(Int4(-1))), "large": .leaf(pattern(.int4, shape: [3, 700_001])),
      ])
    },
    Case("text") { runner in
      try runner.roundTrip([
        "empty": .leaf(.text([], shape: [0])), "one": .leaf(.text(["e\u{301}"], shape: [])),
        "some": .leaf(
          .text(
            ["", "a", "é", "\u{1F600}", "a b\n", "long " + String(repeating: "x", count: 999)], shape: [2, 3])
        ),
        "many": .leaf(.text((0..<3000).map { "word \($0)" }, shape: [3000])),
      ])
    },
  ]

  static let payloadCases: [Case] = [
    Case("leaves of many chunks with an odd tail, rank 1 to 4") { runner in
      let shapes: [(DType, [Int])] = [
        (.float32, [700_001]), (.float32, [3, 300_007]), (.float16, [5, 700, 451]),
        (.uint8, [2, 3, 1000, 701]),
        (.float64, [131_073]), (.complex128, [65_537]), (.int8, [1 << 20 + 1]), (.bfloat16, [1, 1, 600_000]),
        (.float32, [1 << 18]), (.float32, [1 << 18 + 1]), (.float32, [1025, 513]),
      ]
      for (dtype, shape) in shapes {
        try runner.roundTrip(
          .leaf(pattern(dtype, shape: shape)), compressions: [.none, .fast], label: "\(dtype) \(shape)")
      }
    },
    Case("slices, at odd offsets and of odd lengths") { runner in
      for compression in Compression.allCases {
        for (dtype, shape) in [
          (DType.float32, [3, 300_007]), (.uint8, [1 << 20 + 17]), (.int16, [40]), (.float64, []),
        ] {
          let leaf = pattern(dtype, shape: shape)
          let expected = try leaf.allBytes()
          let tree = runner.room.fitted(["x": .leaf(leaf)])
          let path = try runner.write(CheckpointContents(tree: tree), compression)
          guard let read = try runner.open(path).contents.tree.leaves().first else {
            throw ContractViolation("the leaf is gone")
          }
          var random = SeededRandom(seed: 3)
          var ranges = [
            0..<expected.count, 0..<1, expected.count - 1..<expected.count, 0..<0,
            expected.count..<expected.count,
          ]
          for _ in 0..<40 {
            let from = random.below(expected.count)
            ranges.append(from..<(from + random.below(min(expected.count - from, 1 << random.below(22)) + 1)))
          }
          let edge = min(ChunkGrid.byteLimit, expected.count - 1)
          ranges.append(max(0, edge - 3)..<min(expected.count, edge + 3))
          for range in ranges {
            var bytes = [UInt8](repeating: 0xEE, count: range.count)
            try bytes.withUnsafeMutableBytes { try read.source.read(at: range.lowerBound, into: $0) }
            try runner.demand(
              bytes == Array(expected[range]), "\(dtype) \(shape), bytes \(range), \(compression.rawValue)")
          }
        }
      }
    },
    Case("the same tree gives the same bytes") { runner in
      var random = RandomTree(seed: 12)
      let tree = runner.room.fitted(
        .list([random.make(nodes: 60), .leaf(pattern(.float32, shape: [400_000]))]))
      for compression in Compression.allCases {
        let contents = CheckpointContents(tree: tree, metadata: ["note": "same"])
        let one = try InputFile(path: runner.write(contents, compression, name: "one"))
        let other = try InputFile(path: runner.write(contents, compression, name: "other"))
        let same = try one.bytes(at: 0, count: one.byteCount) == other.bytes(at: 0, count: other.byteCount)
        try runner.demand(same, "two writes of one tree differ (\(compression.rawValue))")
        guard runner.store.format.streams else { continue }
        let memory = MemoryTarget()
        try runner.store.write(contents, to: memory, options: WriteOptions(compression: compression))
        try runner.demand(
          try memory.bytes == one.bytes(at: 0, count: one.byteCount),
          "what goes to a pipe differs from the file")
      }
    },
    Case("a file that was read is written again, chunk by chunk, to the same bytes") { runner in
      for compression in Compression.allCases {
        let tree = runner.room.fitted(["x": .leaf(pattern(.float32, shape: [400_001])), "y": .leaf(one)])
        let path = try runner.write(CheckpointContents(tree: tree), compression)
        let read = try runner.open(path).contents
        let again = try runner.write(read, compression, name: "again")
        let one = try InputFile(path: path)
        let other = try InputFile(path: again)
        try runner.demand(
          try one.bytes(at: 0, count: one.byteCount) == other.bytes(at: 0, count: other.byteCount),
          "the copy differs (\(compression.rawValue))")
        try runner.roundTrip(read.tree, label: "from \(compression.rawValue)")
      }
    },
    Case("bytes in memory open as a file does") { runner in
      let tree = runner.room.fitted(["x": .leaf(pattern(.int32, shape: [5000])), "y": .leaf(one)])
      let file = try InputFile(path: runner.write(CheckpointContents(tree: tree)))
      let bytes = try MemoryBytes(count: file.byteCount) { try file.read(at: 0, into: $0) }
      let opened = try runner.store.open(InputFile(bytes, name: "memory"), options: OpenOptions())
      if let difference = try firstDifference(tree, opened.contents.tree) {
        throw ContractViolation(difference)
      }
    },
    Case("a leaf that cannot be read fails the write and names the leaf") { runner in
      let broken = Leaf(dtype: .float32, shape: [4], source: BrokenSource(byteCount: 16))
      let tree = runner.room.fitted(["a": .leaf(one), "b": ["c": .leaf(broken)]])
      let place: Path = tree[["b", "c"]] == nil ? .root : ["b", "c"]
      do {
        _ = try runner.write(CheckpointContents(tree: tree))
      } catch let error as RefxError {
        try runner.demand(
          error.path == place, "the error names \(error.path?.text ?? "no path"): \(error)")
        try runner.demand(runner.folder.contents().isEmpty, "left behind: \(runner.folder.contents())")
        return
      }
      throw ContractViolation("it was written")
    },
    Case("progress ends at the total") { runner in
      let seen = LastProgress()
      let options = WriteOptions(progress: { done, total in seen.set(done, total) })
      let tree = runner.room.fitted(["x": .leaf(pattern(.float32, shape: [700_001])), "y": .leaf(one)])
      try AtomicFile.replace(runner.folder.file("progress"), durable: false) { target in
        try runner.store.write(CheckpointContents(tree: tree), to: target, options: options)
      }
      try runner.demand(seen.done == seen.total && seen.total > 0, "it ends at \(seen.done) of \(seen.total)")
    },
  ]

  /// Something between noise and zeros, so that chunks compress a little.
  static func pattern(_ dtype: DType, shape: [Int]) -> Leaf {
    var random = SeededRandom(seed: 17)
    var bytes = [UInt8](repeating: 0, count: dtype.byteCount(of: shape) ?? 0)
    for place in bytes.indices where place % 4 == 3 || place % 7 == 0 {
      bytes[place] = UInt8(truncatingIfNeeded: random.next() >> 60)
    }
    return Leaf(dtype: dtype, shape: shape, bytes: dtype.elements(from: bytes))
  }

  private static func zeros(_ dtype: DType, shape: [Int]) -> Leaf {
    Leaf(dtype: dtype, shape: shape, bytes: [UInt8](repeating: 0, count: dtype.byteCount(of: shape) ?? 0))
  }

  private static func bits<Bits: FixedWidthInteger>(_ patterns: [Bits], _ dtype: DType) -> Leaf {
    var bytes: [UInt8] = []
    for pattern in patterns { withUnsafeBytes(of: pattern.littleEndian) { bytes += $0 } }
    return Leaf(dtype: dtype, shape: [patterns.count], bytes: bytes)
  }
}

/// A source whose bytes cannot be read.
public final class BrokenSource: LeafSource {
  public let byteCount: Int

  public init(byteCount: Int) {
    self.byteCount = byteCount
  }

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    throw RefxError(.system, "this leaf cannot be read")
  }
}

private final class LastProgress: @unchecked Sendable {
  // Sendable: written by one writer at a time, read when it is done.
  private(set) var done = 0
  private(set) var total = 0

  func set(_ done: Int, _ total: Int) {
    self.done = done
    self.total = total
  }
}
