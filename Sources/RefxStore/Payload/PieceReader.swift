import Refx

/// A piece of a leaf: a chunk of its grid; for a leaf without elements, nothing.
package struct LeafPiece: Sendable {
  /// Which of the leaves it belongs to.
  package let leaf: Int
  /// The position in the grid.
  package let position: Int
  /// The logical bytes.
  package let range: Range<Int>
  /// Whether the leaf ends with it.
  package let isLast: Bool
}

/// Reads the payload of many leaves piece by piece, once, on several threads ahead of one caller.
///
/// Holds a few pieces for each thread, whatever the size of the leaves.
package struct PieceReader<Finding> {
  private let leaves: [Leaf]
  private let threads: Int
  private let look: @Sendable (LeafPiece, UnsafeRawBufferPointer) throws -> Finding
  private let read: Read?

  package typealias Read = @Sendable (Leaf, LeafPiece, UnsafeMutableRawBufferPointer) throws -> Void

  /// - Parameters:
  ///   - threads: as many as there are cores where it is nil.
  ///   - read: how every piece comes into memory; nil for the leaf's own way, and for looking at it where it
  ///     lies in memory.
  ///   - look: what is found in a piece, on whichever thread read it.
  package init(
    _ leaves: [Leaf], threads: Int? = nil, read: Read? = nil,
    look: @escaping @Sendable (LeafPiece, UnsafeRawBufferPointer) throws -> Finding
  ) {
    self.leaves = leaves
    self.threads = Cores.threads(threads, forBytes: leaves.payloadCost)
    self.read = read
    self.look = look
  }

  /// Gives every piece with what was found in it, or why it could not be read: leaf by leaf, in the order of
  /// the grids, on the caller's thread. The bytes are valid during the call alone.
  ///
  /// - Throws: what `take` throws.
  package func forEach(
    _ take: (LeafPiece, UnsafeRawBufferPointer, Result<Finding, any Error>) throws -> Void
  ) throws {
    var jobs = PieceJobs(leaves)
    let pipeline = OrderedPipeline<[LeafPiece], Slot, Slot>(
      threads: threads, window: 2 * threads + 2, makeSlot: { Slot() }, makeScratch: { Slot() },
      nextJob: { jobs.next() }, work: { job, slot, _ in fill(slot, with: job) })
    defer { pipeline.stop() }
    while let slot = pipeline.next() {
      for (piece, bytes, finding) in slot.pieces { try take(piece, bytes, finding) }
    }
  }

  /// What was read for a job.
  private final class Slot {
    var pieces: [(LeafPiece, UnsafeRawBufferPointer, Result<Finding, any Error>)] = []
    let buffer = ByteBuffer()
    /// What the bytes lie in, where that is a leaf's own memory: a source need not hold what it gave out.
    var owners: [MemoryBytes] = []
  }

  private func fill(_ slot: Slot, with job: [LeafPiece]) {
    slot.pieces.removeAll(keepingCapacity: true)
    slot.owners.removeAll(keepingCapacity: true)
    let room = slot.buffer.room(for: job.reduce(0) { $0 + $1.range.count })
    var filled = 0
    for piece in job {
      let leaf = leaves[piece.leaf]
      var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      let finding = Result {
        if let reason = leaf.source.unsupported { throw RefxError.unsupportedLeaf(reason) }
        if !piece.range.isEmpty {
          let here = UnsafeMutableRawBufferPointer(rebasing: room[filled..<(filled + piece.range.count)])
          filled += piece.range.count
          if let read {
            try read(leaf, piece, here)
            bytes = UnsafeRawBufferPointer(here)
          } else if let memory = leaf.source.bytesInMemory {
            slot.owners.append(memory)
            bytes = UnsafeRawBufferPointer(
              start: memory.start + piece.range.lowerBound, count: piece.range.count)
          } else {
            try leaf.source.readPiece(at: piece.range.lowerBound, into: here)
            bytes = UnsafeRawBufferPointer(here)
          }
        }
        return try look(piece, bytes)
      }
      slot.pieces.append((piece, bytes, finding))
    }
  }
}

/// Cuts leaves into pieces that a thread reads at a time: one chunk, or many small leaves.
private struct PieceJobs {
  private let leaves: [Leaf]
  private var leaf = 0
  private var grid: ChunkGrid?
  private var position = 0

  private static let mostPieces = 256
  private static let mostBytes = 256 << 10

  init(_ leaves: [Leaf]) { self.leaves = leaves }

  mutating func next() -> [LeafPiece]? {
    var job: [LeafPiece] = []
    var byteCount = 0
    while leaf < leaves.count, job.count < PieceJobs.mostPieces {
      let grid = grid ?? ChunkGrid(of: leaves[leaf])
      let range = grid.count == 0 ? 0..<0 : grid.range(of: position)
      if !job.isEmpty, byteCount + range.count > PieceJobs.mostBytes { break }
      let isLast = position + 1 >= grid.count
      job.append(LeafPiece(leaf: leaf, position: position, range: range, isLast: isLast))
      byteCount += range.count
      self.grid = isLast ? nil : grid
      position = isLast ? 0 : position + 1
      leaf += isLast ? 1 : 0
    }
    return job.isEmpty ? nil : job
  }
}

extension [Leaf] {
  /// The bytes of all, and a little for each, to choose the number of threads by.
  var payloadCost: Int {
    var sum = 0
    for leaf in self {
      let (more, overflow) = sum.addingReportingOverflow(leaf.byteCount)
      if overflow || more > 1 << 40 { return 1 << 40 }
      sum = more + 256
    }
    return sum
  }
}
