import Refx
import RefxIO
import RefxStore

extension DistributedCheckpoint {
  /// Saves a tree of which each rank holds pieces, in `.refx` or HDF5, by the suffix unless a format is named.
  ///
  /// Before a file is begun it is checked that all ranks offer the same tree, and that the pieces of all together are
  /// every array, each element once. What several ranks hold alike is written by one of them. The file is replaced as a
  /// whole, as by ``Checkpoint/save(contents:to:format:options:durability:overwrite:formats:)``.
  ///
  /// - Parameters:
  ///   - tree: the same on every rank but for the pieces: nodes, dtypes, whole shapes, ties, collections.
  ///   - metadata: words about the file; those of rank 0 count.
  ///   - options: the same on every rank; `threads` are those of one rank. Progress is that of the whole file.
  ///   - writing: how the ranks write.
  /// - Throws: ``RefxError``, on every rank the same; the old file is then as it was.
  public static func save(
    _ tree: Tree<PiecedLeaf>, metadata: JSONObject = [:], to path: String, over ranks: any Communicator,
    format: FormatName? = nil, options: WriteOptions = WriteOptions(),
    durability: Checkpoint.Durability = .full,
    overwrite: Bool = true, writing: RankedWriting = .posix
  ) throws {
    do {
      let offer = try Offer(tree, over: ranks)
      try write(
        CheckpointContents(tree: offer.tree, metadata: metadata), to: path,
        Job(
          plan: offer.plan, stock: offer.stock, options: options, durability: durability,
          overwrite: overwrite,
          writing: writing),
        format: format, over: ranks)
    } catch let error as RefxError {
      throw error.inFile(path)
    }
  }

  /// Writes what every rank can read: a checkpoint that each has opened. The ranks share the reading, the encoding and
  /// the writing.
  ///
  /// - Throws: ``RefxError``, on every rank the same; the old file is then as it was.
  public static func write(
    _ contents: CheckpointContents, to path: String, over ranks: any Communicator, format: FormatName? = nil,
    options: WriteOptions = WriteOptions(), durability: Checkpoint.Durability = .full, overwrite: Bool = true,
    writing: RankedWriting = .posix
  ) throws {
    try write(
      contents, to: path, over: ranks, format: format, options: options, durability: durability,
      overwrite: overwrite, writing: writing, with: nil)
  }

  /// The same, where the file takes its place when rank 0 commits `batch`, and others with it; at once where that is
  /// nil. The batches of other ranks stay empty.
  package static func write(
    _ contents: CheckpointContents, to path: String, over ranks: any Communicator, format: FormatName?,
    options: WriteOptions, durability: Checkpoint.Durability = .full, overwrite: Bool, writing: RankedWriting,
    with batch: AtomicBatch?
  ) throws {
    try StructureAgreement.check(contents.tree, over: ranks)
    try write(
      contents, to: path,
      Job(
        plan: PiecePlan(everywhere: contents.tree.leaves()), stock: nil, options: options,
        durability: durability, overwrite: overwrite, writing: writing, batch: batch),
      format: format, over: ranks)
  }

  // MARK: All of it

  private struct Job {
    let plan: PiecePlan
    let stock: PieceStock?
    let options: WriteOptions
    let durability: Checkpoint.Durability
    let overwrite: Bool
    let writing: RankedWriting
    /// What puts the file into place later; nil where that is done at once.
    var batch: AtomicBatch?

    var isDurable: Bool { durability == .full }

    func replace(_ path: String, _ body: (any WriteTarget) throws -> Void) throws {
      if let batch { return try batch.write(path, overwrite: overwrite, body) }
      try AtomicFile.replace(path, durable: isDurable, overwrite: overwrite, body)
    }
  }

  private static func write(
    _ contents: CheckpointContents, to path: String, _ job: Job, format: FormatName?,
    over ranks: any Communicator
  ) throws {
    do {
      var contents = contents
      let store = try agreed(on: &contents, path, job, format, over: ranks)
      if ranks.rank == 0 {
        try lead(contents, to: path, job, store, over: ranks)
      } else {
        let temporary = String(decoding: try ranks.share { [] }, as: UTF8.self)
        try writeTogether(contents, at: temporary, named: path, job, store, over: ranks)
        _ = try ranks.share { [] }
      }
    } catch let error as RefxError {
      throw error.inFile(path)
    }
  }

  /// Looks that all ranks ask for the same file: one that asked for another would lay out another, or be left waiting.
  ///
  /// - Parameter contents: has the metadata of rank 0 then.
  private static func agreed(
    on contents: inout CheckpointContents, _ path: String, _ job: Job, _ format: FormatName?,
    over ranks: any Communicator
  ) throws -> any CheckpointStore.Type {
    let own = JSON.object(contents.metadata).bytes()
    let first = try ranks.broadcast(own, from: 0)
    var store: (any CheckpointStore.Type)?
    try RequestAgreement.check(over: ranks) { request in
      if first != own {
        let limits = TreeDescription.parsingLimits(for: Limits())
        guard case .object(let metadata) = try JSON.parse(first, limits: limits) else {
          throw RefxError.ranksOutOfStep()
        }
        contents.metadata = metadata
      }
      let chosen = try storeOfRanks(for: path, format, job.options)
      try chosen.check(contents, options: job.options)
      store = chosen
      request.add("format", chosen.format.name)
      request.add("compression", job.options.compression.rawValue)
      request.add("overwrite", "\(job.overwrite)")
      request.add("durability", job.isDurable ? "full" : "none")
      request.add("writing", job.writing.inAWord)
    }
    guard let store else { throw RefxError.ranksOutOfStep() }
    return store
  }

  /// Whether the writer of a format can run on every rank.
  package static func canWrite(_ store: any CheckpointStore.Type) -> Bool {
    store.format.name == "refx" || store.format.name == "hdf5"
  }

  /// The formats whose writer can run on every rank.
  private static func storeOfRanks(
    for path: String, _ format: FormatName?, _ options: WriteOptions
  ) throws -> any CheckpointStore.Type {
    let store = try Formats.all.store(toWrite: path, as: format)
    guard canWrite(store), options.maxShardBytes == nil else {
      throw RefxError.formatHasNoRanks(store.format.name)
    }
    return store
  }

  /// Rank 0 makes the temporary, and puts it into place when all have written.
  private static func lead(
    _ contents: CheckpointContents, to path: String, _ job: Job, _ store: any CheckpointStore.Type,
    over ranks: any Communicator
  ) throws {
    var others = Others.waitForName
    do {
      try job.replace(path) { target in
        let temporary = target.temporaryPath ?? path
        others = .haveHeard
        _ = try ranks.share { Array(temporary.utf8) }
        try writeTogether(contents, at: temporary, named: path, job, store, over: ranks)
        others = .waitForEnd
      }
    } catch {
      // The others wait for a word, unless they have thrown the same.
      if others != .haveHeard { _ = try ranks.share { throw error } }
      throw error
    }
    _ = try ranks.share { [] }
  }

  private enum Others {
    case waitForName, haveHeard, waitForEnd
  }

  private static func writeTogether(
    _ contents: CheckpointContents, at temporary: String, named path: String, _ job: Job,
    _ store: any CheckpointStore.Type, over ranks: any Communicator
  ) throws {
    let file = try ranks.agree { try job.writing.open(temporary, name: path) }
    do {
      let target = RankedTarget(file, rank: ranks.rank)
      let feed = RankedFeed(ranks, job.plan, job.stock, to: target, threads: job.options.threads) {
        contents.tree.path(ofLeaf: $0)
      }
      var options = job.options
      options.feed = feed
      try store.write(contents, to: target, options: options)
      try ranks.agree { try target.finishAppending() }
      let layouts = try ranks.gatherToAll(target.layout)
      if let other = layouts.firstIndex(where: { $0 != layouts[0] }) {
        throw RefxError.ranksLaidOutDifferently().onRank(other, of: ranks.size)
      }
      try ranks.agree { try target.finishReplacing() }
      try ranks.agree { try file.finish(durable: job.isDurable) }
    } catch {
      file.abandon()
      throw error
    }
  }
}
