import Refx

/// A slab of the grid as it goes to a file.
package struct EncodedSlab {
  /// The position in the grid.
  package let position: Int
  /// What to store: the logical bytes, or the encoded chunk. Valid during the call alone; empty where it is another
  /// rank's.
  package let stored: UnsafeRawBufferPointer
  /// How many bytes are stored, wherever they are.
  package let storedByteCount: Int
  /// The CRC-32 of what is stored; nil where nobody wanted it.
  package let crc32: UInt32?
  /// How many logical bytes it holds.
  package let byteCount: Int
  /// Who writes it.
  package let share: Share

  package enum Share {
    /// The one process that there is.
    case whole
    /// This rank.
    case own
    /// Another rank.
    case others
  }

  package init(
    position: Int, stored: UnsafeRawBufferPointer, storedByteCount: Int? = nil, crc32: UInt32?,
    byteCount: Int,
    share: Share = .whole
  ) {
    self.position = position
    self.stored = stored
    self.storedByteCount = storedByteCount ?? stored.count
    self.crc32 = crc32
    self.byteCount = byteCount
    self.share = share
  }
}

/// The payload of many leaves on its way to a file: read, summed, hashed and encoded once, on several threads
/// ahead of the writer, who gets slab after slab in order. The same bytes for any number of threads.
///
/// Holds a few chunks for each thread, whatever the size of the leaves.
package final class PayloadEncoder {
  private let pipeline: OrderedPipeline<EncodingJob, EncodedPieces, SlabEncoder>?
  /// What gives the slabs instead, where ranks share the work.
  private let feed: (any PayloadFeed)?
  private var pieces: EncodedPieces?
  /// The piece of `pieces` that is next.
  private var place = 0
  private var sums = RunningSums()

  /// Runs `body` with the encoder of `leaves`, whose threads are gone afterwards.
  ///
  /// - Parameters:
  ///   - threads: as many as there are cores where it is nil.
  ///   - kept: the sums that `body` will ask for.
  ///   - feed: gives the slabs in the place of this process's threads.
  package static func run<R>(
    _ leaves: [Leaf], compression: Compression, threads: Int? = nil, keeping kept: KeptSums = .all,
    feed: (any PayloadFeed)? = nil, _ body: (PayloadEncoder) throws -> R
  ) throws -> R {
    if let feed {
      feed.begin(leaves, compression: compression, keeping: kept)
      return try body(PayloadEncoder(feed))
    }
    let encoder = PayloadEncoder(leaves, compression: compression, threads: threads, keeping: kept)
    defer { encoder.pipeline?.stop() }
    return try body(encoder)
  }

  private init(_ feed: any PayloadFeed) {
    self.feed = feed
    pipeline = nil
  }

  private init(_ leaves: [Leaf], compression: Compression, threads: Int?, keeping kept: KeptSums) {
    let codec = ChunkCodec(compression: compression)
    let threads = Cores.threads(threads, forBytes: leaves.payloadCost)
    var jobs = EncodingJobs(of: leaves, codec: codec)
    feed = nil
    pipeline = OrderedPipeline(
      threads: threads, window: 2 * threads + 2, makeSlot: { EncodedPieces() },
      makeScratch: { SlabEncoder(keeping: kept) }, nextJob: { jobs.next() },
      work: { job, pieces, encoder in pieces.fill(job, of: leaves, with: encoder) })
  }

  /// Calls `body` with every slab of the next leaf, in the order of its grid. To be called once for each leaf,
  /// in their order.
  ///
  /// - Returns: the sums over the leaf's logical bytes.
  /// - Throws: what `body` throws, and ``RefxError`` where the leaf cannot be read or represented, or is
  ///   damaged.
  package func encodeNextLeaf(_ body: (EncodedSlab) throws -> Void) throws -> LeafSums {
    sums.restart()
    while true {
      let piece = try feed?.next() ?? nextPiece()
      if let slab = piece.slab {
        try body(slab)
        if let slabSums = piece.sums { sums.add(slabSums) }
      }
      guard piece.isLast else { continue }
      if let known = piece.knownSums { return known }
      let found = sums.finish()
      // What a file says of a leaf whose chunks were copied must hold.
      if let expected = piece.expectedCRC32, expected != found.logicalCRC32 {
        throw RefxError.leafChecksumDiffers(expected: expected, found: found.logicalCRC32)
      }
      return found
    }
  }

  private func nextPiece() throws -> FedPiece {
    while true {
      if let pieces, place < pieces.pieces.count {
        place += 1
        return pieces.pieces[place - 1].fed
      }
      if let failure = pieces?.failure { throw failure }
      guard let next = pipeline?.next() else { preconditionFailure("every leaf was encoded") }
      pieces = next
      place = 0
    }
  }
}

/// What one thread does at a time.
enum EncodingJob {
  /// A row of leaves below ``ChunkGrid/rawBelow``, which are all raw.
  case small(Range<Int>)
  /// A chunk of a leaf; position 0 of one without chunks stands for the leaf.
  case chunk(LeafPlan, position: Int)
  /// A leaf that cannot be written.
  case refused(any Error)
}

/// Gives one job after the other.
private struct EncodingJobs {
  private let leaves: [Leaf]
  private let codec: ChunkCodec
  private var leaf = 0
  private var plan: LeafPlan?
  private var position = 0

  private static let mostSmallLeaves = 1024
  private static let mostSmallBytes = 256 << 10

  init(of leaves: [Leaf], codec: ChunkCodec) {
    self.leaves = leaves
    self.codec = codec
  }

  mutating func next() -> EncodingJob? {
    if let plan {
      if position + 1 >= plan.grid.count { self.plan = nil }
      defer { position += 1 }
      return .chunk(plan, position: position)
    }
    guard leaf < leaves.count else { return nil }
    let first = leaf
    var byteCount = 0
    while leaf < leaves.count, leaf - first < EncodingJobs.mostSmallLeaves {
      let more = leaves[leaf].byteCount
      guard more < ChunkGrid.rawBelow, byteCount + more <= EncodingJobs.mostSmallBytes else { break }
      byteCount += more
      leaf += 1
    }
    if leaf > first { return .small(first..<leaf) }
    leaf += 1
    do {
      plan = try LeafPlan(leaves[first], codec: codec)
      position = 0
    } catch {
      return .refused(error)
    }
    return next()
  }
}

/// The result of a job.
final class EncodedPieces {
  struct Piece {
    let position: Int
    /// Whether the leaf ends with it.
    let isLast: Bool
    /// Nil for a leaf without chunks.
    let slab: SlabResult?
    /// The leaf's sums where a file vouches for them.
    var knownSums: LeafSums?
    /// The leaf's CRC-32 as the file has it that its chunks were copied from.
    var expectedCRC32: UInt32?

    var fed: FedPiece {
      FedPiece(
        slab: slab.map {
          EncodedSlab(position: position, stored: $0.stored, crc32: $0.crc32, byteCount: $0.byteCount)
        }, sums: slab?.sums, isLast: isLast, knownSums: knownSums, expectedCRC32: expectedCRC32)
    }
  }

  private(set) var pieces: [Piece] = []
  /// What comes after the pieces, where a leaf could not be encoded.
  private(set) var failure: (any Error)?
  private let output = ByteBuffer()

  func fill(_ job: EncodingJob, of leaves: [Leaf], with encoder: SlabEncoder) {
    pieces.removeAll(keepingCapacity: true)
    failure = nil
    do {
      switch job {
      case .small(let range): try addSmall(range, of: leaves, with: encoder)
      case .chunk(let plan, let position): try add(position, of: plan, with: encoder)
      case .refused(let error): throw error
      }
    } catch {
      failure = error
    }
  }

  private func addSmall(_ range: Range<Int>, of leaves: [Leaf], with encoder: SlabEncoder) throws {
    let room = output.room(for: leaves[range].reduce(0) { $0 + $1.byteCount })
    var filled = 0
    for leaf in leaves[range] {
      try LeafPlan.check(leaf)
      let count = leaf.byteCount
      let here = UnsafeMutableRawBufferPointer(rebasing: room[filled..<(filled + count)])
      filled += count
      let slab = count == 0 ? nil : try encoder.raw(leaf, 0..<count) { here }
      pieces.append(Piece(position: 0, isLast: true, slab: slab))
    }
  }

  private func add(_ position: Int, of plan: LeafPlan, with encoder: SlabEncoder) throws {
    let slab = plan.grid.count == 0 ? nil : try encoder.encode(position, of: plan, into: output)
    pieces.append(
      Piece(
        position: position, isLast: position + 1 >= plan.grid.count, slab: slab, knownSums: plan.knownSums,
        expectedCRC32: plan.copied?.logicalCRC32))
  }
}
