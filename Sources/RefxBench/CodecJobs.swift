import RefxIO

/// The codec alone: no file, one thread.
enum CodecJobs {
  static let all: [Job] = [
    Job("codec.encode", "every chunk shuffled and deflated", keys: "in= [compression=best]") { run in
      let leaves = try Chunks(of: run)
      let encoder = ChunkEncoder(compression: run["compression"] == "best" ? .best : .fast)
      // Once before: its memory is then there, as it is for all chunks but the first.
      try leaves.first { _ = try encode($0, with: encoder) }
      let stored = try run.measure {
        var stored = 0
        try leaves.forEach { stored += try encode($0, with: encoder) }
        return stored
      }
      run.note("stored", .integer(Int64(stored)))
    },
    Job("codec.decode", "every chunk inflated and unshuffled", keys: "in=") { run in
      let leaves = try Chunks(of: run)
      let encoder = ChunkEncoder(compression: .fast)
      var streams: [[UInt8]] = []
      try leaves.forEach { chunk in
        try encoder.encode(chunk.bytes, itemSize: chunk.itemSize, chunkBytes: chunk.fullBytes) {
          streams.append(Array($0))
        }
      }
      let target = Buffer(4 << 20, filledWith: 1)
      var same = true
      func decode(_ chunk: Chunks.Chunk, _ stream: [UInt8]) throws -> UnsafeMutableRawBufferPointer {
        let logical = UnsafeMutableRawBufferPointer(rebasing: target.bytes[..<chunk.bytes.count])
        try stream.withUnsafeBytes {
          try ChunkCodec.decode($0, into: logical, itemSize: chunk.itemSize, chunkBytes: chunk.fullBytes)
        }
        return logical
      }
      var next = 0
      try run.measure {
        try leaves.forEach { chunk in
          _ = try decode(chunk, streams[next])
          next += 1
        }
      }
      next = 0
      try leaves.forEach { chunk in
        same = try same && decode(chunk, streams[next]).elementsEqual(chunk.bytes)
        next += 1
      }
      try run.check(same, "what was encoded")
    },
    Job("codec.unshuffle", "the bytes of elements put together from their planes", keys: "in=") { run in
      let leaves = try Chunks(of: run)
      let target = Buffer(4 << 20, filledWith: 1)
      try run.measure {
        leaves.forEach { chunk in
          // Which bytes are planes does not matter to the time.
          Shuffle.unshuffle(
            chunk.bytes, into: UnsafeMutableRawBufferPointer(rebasing: target.bytes[..<chunk.bytes.count]),
            itemSize: chunk.itemSize)
        }
      }
    },
    Job("codec.checksum", "the CRC-32 of every chunk", keys: "in=") { run in
      let leaves = try Chunks(of: run)
      let sum = try run.measure {
        var sum: UInt32 = 0
        leaves.forEach { sum ^= CRC32.of($0.bytes) }
        return sum
      }
      run.note("sum", .integer(Int64(sum)))
    },
    Job("codec.hash", "the 128-bit content hash of every chunk", keys: "in=") { run in
      let leaves = try Chunks(of: run)
      let hash = try run.measure {
        var hasher = ContentHasher()
        leaves.forEach { hasher.addSlab($0.bytes) }
        return hasher.finish()
      }
      run.note("low", .string(String(hash.low, radix: 16)))
    },
  ]

  private static func encode(_ chunk: Chunks.Chunk, with encoder: ChunkEncoder) throws -> Int {
    try encoder.encode(chunk.bytes, itemSize: chunk.itemSize, chunkBytes: chunk.fullBytes) { $0.count }
  }
}

/// The chunks of a model in memory that a file stores compressed.
private struct Chunks {
  struct Chunk {
    let bytes: UnsafeRawBufferPointer
    let itemSize: Int
    let fullBytes: Int
  }

  private let leaves: [(bytes: MemoryBytes, grid: ChunkGrid)]

  init(of run: Run) throws {
    var leaves: [(bytes: MemoryBytes, grid: ChunkGrid)] = []
    try run.model().forEachLeaf { leaf in
      guard leaf.byteCount >= ChunkGrid.rawBelow, !leaf.shape.isEmpty else { return }
      leaves.append((try leaf.tensor().bytes, ChunkGrid(of: leaf)))
    }
    self.leaves = leaves
    run.bytes = leaves.reduce(0) { $0 + $1.bytes.byteCount }
    run.leaves = leaves.count
  }

  func forEach(_ body: (Chunk) throws -> Void) rethrows {
    for leaf in leaves { try leaf.bytes.withBytes { try visit($0, leaf.grid, leaf.grid.count, body) } }
  }

  /// The first chunk alone.
  func first(_ body: (Chunk) throws -> Void) rethrows {
    guard let leaf = leaves.first else { return }
    try leaf.bytes.withBytes { try visit($0, leaf.grid, 1, body) }
  }

  private func visit(
    _ all: UnsafeRawBufferPointer, _ grid: ChunkGrid, _ count: Int, _ body: (Chunk) throws -> Void
  ) rethrows {
    for position in 0..<count {
      try body(
        Chunk(
          bytes: UnsafeRawBufferPointer(rebasing: all[grid.range(of: position)]), itemSize: grid.itemSize,
          fullBytes: grid.chunkBytes))
    }
  }
}
