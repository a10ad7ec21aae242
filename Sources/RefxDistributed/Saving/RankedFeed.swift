import Refx
import RefxStore

/// The payload of a file, encoded by all ranks: in rounds, each rank its units of each, whereupon all learn how long
/// the others' slabs are and what they sum up to.
///
/// A rank holds what it encodes in a round twice, and what others have sent for it.
final class RankedFeed: PayloadFeed, @unchecked Sendable {
  // Sendable: used on one thread, that of its rank; the encoding threads touch what is theirs.

  private let ranks: any Communicator
  private let plan: PiecePlan
  private let stock: PieceStock?
  private let target: RankedTarget
  private let threads: Int?
  private let pathOfLeaf: (Int) -> Path

  private var leaves: [Leaf] = []
  private var kept: KeptSums = .all
  private var codec = ChunkCodec(compression: .none)
  private var rounds = Rounds(of: [], ranks: 1)
  private var reach = BlockReach()
  private var sharing: Sharing?
  private var encoders = Pool { SlabEncoder(keeping: .all) }
  /// How the leaves of the round go to the file; small ones need none.
  private var plans: [Int: LeafPlan] = [:]
  private var results: [SlabRecord] = []
  /// What this rank has encoded of the round, and keeps for its writer.
  private var units: [EncodedUnit] = []
  private var place = 0

  /// - Parameters:
  ///   - stock: the pieces; nil where every rank reads the leaves themselves.
  ///   - pathOfLeaf: for errors.
  init(
    _ ranks: any Communicator, _ plan: PiecePlan, _ stock: PieceStock?, to target: RankedTarget,
    threads: Int?,
    pathOfLeaf: @escaping (Int) -> Path
  ) {
    self.ranks = ranks
    self.plan = plan
    self.stock = stock
    self.target = target
    self.threads = threads
    self.pathOfLeaf = pathOfLeaf
  }

  func begin(_ leaves: [Leaf], compression: Compression, keeping kept: KeptSums) {
    self.leaves = leaves
    self.kept = kept
    codec = ChunkCodec(compression: compression)
    rounds = Rounds(of: leaves, ranks: ranks.size)
    encoders = Pool { SlabEncoder(keeping: kept) }
  }

  func next() throws -> FedPiece {
    if sharing.map({ place >= $0.round.slabs.count }) ?? true { try runRound() }
    guard let sharing else { preconditionFailure("every leaf was encoded") }
    defer { place += 1 }
    let slab = sharing.round.slabs[place]
    let plan = plans[slab.leaf]
    guard !slab.bytes.isEmpty else {
      return FedPiece(slab: nil, sums: nil, isLast: slab.isLast, knownSums: plan?.knownSums)
    }
    let record = results[place]
    return FedPiece(
      slab: EncodedSlab(
        position: slab.position, stored: record.stored ?? UnsafeRawBufferPointer(start: nil, count: 0),
        storedByteCount: record.storedByteCount, crc32: record.crc32, byteCount: slab.bytes.count,
        share: record.isOwn ? .own : .others),
      sums: record.sums, isLast: slab.isLast, knownSums: plan?.knownSums,
      expectedCRC32: plan?.copied?.logicalCRC32)
  }

  // MARK: A round

  private func runRound() throws {
    // What the writer was given of the round before is written.
    if sharing != nil { target.endRound() }
    guard let round = rounds.next() else { preconditionFailure("every leaf was encoded") }
    try look(at: round)
    let sharing = Sharing(round, plan, ranks: ranks.size, reach: &reach)
    self.sharing = sharing
    place = 0
    var failure = target.failure.map { (slab: -1, error: $0) }
    func note(_ error: any Error, at slab: Int) {
      if let failure, failure.slab <= slab { return }
      failure = (slab, RefxError.from(error).atPath(pathOfLeaf(sharing.round.slabs[slab].leaf)))
    }
    try exchange(sharing, note)
    let own = sharing.round.units.filter { $0.owner == ranks.rank }
    do { try encode(own, of: sharing.round) } catch let error as UnitFailure {
      note(error.error, at: error.slab)
    }
    let words = try ranks.gatherToAll(
      failure.map { RoundReport.bytes(of: $0.error, at: $0.slab) }
        ?? RoundReport.bytes(of: records(of: own, in: sharing.round)))
    try RoundReport.throwFirst(of: words)
    results = try read(words, sharing)
    stock?.clear()
  }

  /// Refuses what cannot be written, on every rank.
  private func look(at round: Round) throws {
    plans = [:]
    for slab in round.slabs where slab.position == 0 || plans[slab.leaf] == nil {
      let leaf = leaves[slab.leaf]
      do {
        if leaf.byteCount < ChunkGrid.rawBelow {
          try LeafPlan.check(leaf)
        } else {
          plans[slab.leaf] = try LeafPlan(leaf, codec: codec)
        }
      } catch let error as RefxError {
        throw error.atPath(pathOfLeaf(slab.leaf))
      }
    }
  }

  /// Sends what others need of this rank's pieces, and gets what this one needs of theirs.
  private func exchange(_ sharing: Sharing, _ note: (any Error, Int) -> Void) throws {
    guard let stock, !sharing.transfers.isEmpty else { return }
    var outgoing = [[UInt8]](repeating: [], count: ranks.size)
    for transfer in sharing.transfers where transfer.from == ranks.rank {
      let leaf = sharing.round.slabs[transfer.slab].leaf
      let bytes = [UInt8](unsafeUninitializedCapacity: transfer.byteCount) { buffer, filled in
        let room = UnsafeMutableRawBufferPointer(buffer)
        filled = transfer.byteCount
        do {
          try stock.read(transfer, leaf: leaf, into: UnsafeMutableRawBufferPointer(rebasing: room[..<filled]))
        } catch {
          // The other rank waits for as many bytes; that they are none it hears in the end.
          room[..<filled].initializeMemory(as: UInt8.self, repeating: 0)
          note(error, transfer.slab)
        }
      }
      outgoing[transfer.to] += bytes
    }
    let incoming = try ranks.exchange(outgoing)
    var taken = [Int](repeating: 0, count: ranks.size)
    for transfer in sharing.transfers where transfer.to == ranks.rank {
      let leaf = sharing.round.slabs[transfer.slab].leaf
      guard taken[transfer.from] + transfer.byteCount <= incoming[transfer.from].count else {
        throw RefxError.ranksOutOfStep()
      }
      stock.take(transfer, leaf: leaf, in: incoming[transfer.from], at: taken[transfer.from])
      taken[transfer.from] += transfer.byteCount
    }
  }

  /// Encodes this rank's units, on its threads.
  private func encode(_ own: [Round.Unit], of round: Round) throws {
    while units.count < own.count { units.append(EncodedUnit()) }
    let bytes = own.reduce(0) { $0 + $1.byteCount }
    let leaves = leaves
    let plans = plans
    let units = units
    let encoders = encoders
    try forEachInParallel(own.count, threads: Cores.threads(threads, forBytes: bytes)) { number in
      try encoders.with { encoder in
        try units[number].fill(own[number], round, leaves, plans, with: encoder)
      }
    }
  }

  // MARK: What ranks tell each other

  /// What a rank says of its slabs, in their order.
  private func records(of own: [Round.Unit], in round: Round) -> [UInt8] {
    var bytes: [UInt8] = []
    for (unit, encoded) in zip(own, units) {
      for (slab, result) in zip(unit.slabs, encoded.results) {
        guard let result else { continue }
        let isText = leaves[round.slabs[slab].leaf].dtype.itemSize == nil
        SlabRecord.add(result, withBytes: isText, to: &bytes)
      }
    }
    return bytes
  }

  private func read(_ words: [[UInt8]], _ sharing: Sharing) throws -> [SlabRecord] {
    var places = [Int](repeating: 1, count: ranks.size)
    var records = [SlabRecord](repeating: SlabRecord(), count: sharing.round.slabs.count)
    var ownUnit = 0
    for unit in sharing.round.units {
      let isOwn = unit.owner == ranks.rank
      for slab in unit.slabs where !sharing.round.slabs[slab].bytes.isEmpty {
        let isText = leaves[sharing.round.slabs[slab].leaf].dtype.itemSize == nil
        records[slab] = try SlabRecord(
          words[unit.owner], at: &places[unit.owner], withBytes: isText,
          logicalByteCount: sharing.round.slabs[slab].bytes.count)
        if isOwn {
          records[slab].isOwn = true
          records[slab].stored = units[ownUnit].results[slab - unit.slabs.lowerBound]?.stored
        }
      }
      if isOwn { ownUnit += 1 }
    }
    return records
  }
}
