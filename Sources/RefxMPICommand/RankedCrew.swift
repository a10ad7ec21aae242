#if MPI
  import Glibc
  import Refx
  import RefxCLI
  import RefxDistributed
  import RefxIO
  import RefxMPI
  import RefxStore

  /// Ranks that run one command together.
  ///
  /// They meet before whatever only all can do: there a rank that failed says why, and all throw its error. A rank that
  /// fails anywhere else goes to the meeting at the end, which for the others is the next one that they come to.
  final class RankedCrew: Crew {
    private let ranks: any Communicator
    private let leaves: SharedLeaves
    private let writing: RankedWriting

    init(_ ranks: any Communicator, writing: RankedWriting) {
      self.ranks = ranks
      self.writing = writing
      leaves = SharedLeaves(ranks)
    }

    var isFirst: Bool { ranks.rank == 0 }
    /// The launcher gives the ranks terminals of their own, and passes on what is said there.
    var isRelayed: Bool { true }
    var sharing: (any LeafSharing)? { MetSharing(leaves) }

    func together<Result>(_ body: () throws -> Result) throws -> Result {
      var result: Swift.Result<Result, any Error>
      do { result = .success(try body()) } catch { result = .failure(error) }
      if case .failure(let error) = result {
        // What all ranks have thrown already, they throw on.
        if RankedCrew.isMet(error) { throw error }
        try meet(RankedCrew.words(for: error))
      } else {
        try meet(nil)
      }
      return try result.get()
    }

    func opened(_ open: () throws -> OpenedCheckpoint) throws -> OpenedCheckpoint {
      try together(open).verifiedTogether(by: MetSharing(leaves))
    }

    func standardInput(_ read: () throws -> [UInt8]) throws -> [UInt8] {
      let bytes = try together { isFirst ? try read() : [] }
      return try RankedCrew.met { try ranks.broadcast(bytes, from: 0) }
    }

    func write(
      _ contents: CheckpointContents, to path: String, as store: any CheckpointStore.Type,
      options: WriteOptions,
      overwrite: Bool, with batch: AtomicBatch
    ) throws -> SavedFiles {
      // Nobody is still looking whether the file is there.
      try meet(nil)
      let isSharded =
        options.maxShardBytes != nil || (store as? any ShardedStore.Type)?.isIndex(path) ?? false
      if !isSharded, DistributedCheckpoint.canWrite(store) {
        try RankedCrew.met {
          try DistributedCheckpoint.write(
            contents, to: path, over: ranks, format: FormatName(rawValue: store.format.name),
            options: options,
            overwrite: overwrite, writing: writing, with: batch)
        }
        return SavedFiles(files: [path], stale: [])
      }
      return try writeByFirst(
        contents, to: path, as: store, options: options, overwrite: overwrite, with: batch)
    }

    /// Other formats go front to back, so that one rank writes them.
    private func writeByFirst(
      _ contents: CheckpointContents, to path: String, as store: any CheckpointStore.Type,
      options: WriteOptions,
      overwrite: Bool, with batch: AtomicBatch
    ) throws -> SavedFiles {
      let words = try RankedCrew.met {
        try ranks.gathering(namingRanks: false) {
          guard isFirst else { return [] }
          let saved = try Checkpoint.write(
            contents, to: path, as: store, options: options, overwrite: overwrite, with: batch)
          return JSON.array([saved.files, saved.stale].map { .array($0.map { .string($0) }) }).bytes()
        }
      }
      guard case .array(let lists) = try JSON.parse(words[0]), lists.count == 2 else {
        throw RefxError.ofMPI("cannot read what rank 0 says", reason: "it is no list of files", file: path)
      }
      let files = lists.map { list -> [String] in
        guard case .array(let names) = list else { return [] }
        return names.compactMap { if case .string(let name) = $0 { name } else { nil } }
      }
      return SavedFiles(files: files[0], stale: files[1])
    }

    func collected(_ paths: [Path], in tree: Tree<Leaf>) throws -> [Path] {
      let mine = JSON.array(paths.map { .array($0.keys.map { .string($0.string) }) }).bytes()
      let all = try RankedCrew.met { try ranks.gathering { mine } }
      var found: [Path] = []
      var seen: Set<Path> = []
      for words in all {
        guard case .array(let rows) = try JSON.parse(words) else { continue }
        for case .array(let keys) in rows {
          let path = Path(keys.compactMap { if case .string(let text) = $0 { Key(text) } else { nil } })
          if seen.insert(path).inserted { found.append(path) }
        }
      }
      if found.count < 2 { return found }
      var numbers: [Path: Int] = [:]
      try tree.forEachSite { site in if seen.contains(site.path) { numbers[site.path] = numbers.count } }
      return found.enumerated().sorted {
        (numbers[$0.element] ?? .max, $0.offset) < (numbers[$1.element] ?? .max, $1.offset)
      }
      .map(\.element)
    }

    func finish(_ body: () throws -> Void) throws {
      var failure: (any Error)?
      do { try body() } catch {
        if RankedCrew.isMet(error) { throw error }
        failure = error
      }
      // An answer, or help that was asked for, is the same everywhere.
      if let failure, !(failure is RefxError), !(failure is ClosedPipe) {
        try meet(nil)
        throw failure
      }
      try meet(failure.map(RankedCrew.words))
    }

    private func meet(_ failure: RefxError?) throws { try RankedCrew.met { try ranks.meet(failure) } }

    private static func words(for error: any Error) -> RefxError {
      // Nobody reads on: that ends the work of all, and is no failure.
      if error is ClosedPipe { return RefxError(.brokenPipe, "the reader has gone", file: "standard output") }
      return error as? RefxError ?? RefxError(.system, "\(error)")
    }

    // MARK: What all have thrown

    private struct Met: Error {}

    /// Marks what `body` throws as thrown by every rank.
    fileprivate static func met<Result>(_ body: () throws -> Result) throws -> Result {
      do { return try body() } catch var error as RefxError {
        // There is no meeting any more, and this rank may be the only one that knows.
        if error.code == .mpi {
          print(to: 2, "refx: \(error)")
          MPICommunicator.abort(code: 2)
        }
        error.cause = Met()
        throw error
      }
    }

    /// Says a line, whichever rank this is.
    private static func print(to descriptor: Int32, _ line: String) {
      let bytes = Array((line + "\n").utf8)
      _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, bytes.count) }
    }

    private static func isMet(_ error: any Error) -> Bool { (error as? RefxError)?.cause is Met }
  }

  /// A sharing that marks what all ranks throw.
  private final class MetSharing: LeafSharing {
    private let leaves: SharedLeaves
    init(_ leaves: SharedLeaves) { self.leaves = leaves }

    func share(_ costs: [Int], _ find: ([Int]) throws -> [[UInt8]]) throws -> [[UInt8]] {
      try RankedCrew.met { try leaves.share(costs, find) }
    }
  }
#endif
