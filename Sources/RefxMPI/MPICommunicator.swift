#if MPI
  import CMPI
  import Refx
  import RefxDistributed
  import RefxStore

  /// The ranks that `mpirun` started this program as.
  ///
  /// ```swift
  /// let ranks = try MPICommunicator.world()
  /// defer { try? MPICommunicator.finish() }
  /// let names = try ranks.gatherToAll(Array("rank \(ranks.rank)".utf8))
  /// assert(names.count == ranks.size && names[0] == Array("rank 0".utf8))
  /// ```
  ///
  /// The ranks talk on a communicator of their own, so that a program's other messages are never taken for theirs.
  /// One thread at a time may call; messages may be longer than 2 GiB.
  public final class MPICommunicator: Communicator {
    public let rank: Int
    public let size: Int

    private init() throws {
      var rank: Int32 = 0
      var size: Int32 = 0
      try check(refx_mpi_start(&rank, &size), "cannot start MPI")
      (self.rank, self.size) = (Int(rank), Int(size))
      var neighbours: Int32 = 1
      try check(refx_mpi_ranks_here(&neighbours), "cannot start MPI")
      Cores.share(amongProcesses: Int(neighbours))
    }

    /// All ranks. Starts MPI, unless the program has done so; of a program that was not started by `mpirun` there is
    /// one. Ranks on one machine share its cores from here on. Collective.
    ///
    /// - Throws: ``RefxError`` where MPI cannot start.
    public static func world() throws -> MPICommunicator { try MPICommunicator() }

    /// Ends MPI, where ``world()`` started it; collective, and the last thing a rank does with the others. A program
    /// that started MPI itself ends it itself.
    ///
    /// - Throws: ``RefxError`` with the reason of MPI.
    public static func finish() throws { try check(refx_mpi_finish(), "cannot end MPI") }

    /// Ends all ranks at once, for what they cannot agree on any more; `mpirun` exits with `code`.
    public static func abort(code: Int32) -> Never { refx_mpi_abort(code) }

    /// Sends pieces of at most so many bytes, so that a test need not send gigabytes. On all ranks, or none.
    package static func limitMessages(to byteCount: Int) { refx_mpi_set_most_bytes(Int64(byteCount)) }

    public func barrier() throws { try check(refx_mpi_barrier(), "cannot wait for the other ranks") }

    public func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
      var count = Int64(rank == root ? bytes.count : 0)
      try check(
        refx_mpi_broadcast(&count, Int64(MemoryLayout<Int64>.size), Int32(root)), "cannot hear rank \(root)")
      var given = rank == root ? bytes : [UInt8](repeating: 0, count: Int(count))
      try check(
        given.withUnsafeMutableBytes { refx_mpi_broadcast($0.baseAddress, count, Int32(root)) },
        "cannot hear rank \(root)")
      return given
    }

    public func gatherToAll(_ bytes: [UInt8]) throws -> [[UInt8]] {
      let words = "cannot hear the other ranks"
      var counts = [Int64](repeating: 0, count: size)
      try check(refx_mpi_gather_counts(Int64(bytes.count), &counts), words)
      let total = counts.reduce(0, +)
      var error: Int32 = 0
      let all = [UInt8](unsafeUninitializedCapacity: Int(total)) { all, count in
        error = bytes.withUnsafeBytes { refx_mpi_gather($0.baseAddress, all.baseAddress, counts) }
        count = error == 0 ? Int(total) : 0
      }
      try check(error, words)
      var start = 0
      return counts.map { count in
        defer { start += Int(count) }
        return Array(all[start..<(start + Int(count))])
      }
    }

    public func exchange(_ outgoing: [[UInt8]]) throws -> [[UInt8]] {
      precondition(outgoing.count == size, "as many messages as ranks")
      let words = "cannot exchange messages with the other ranks"
      let counts = outgoing.map { Int64($0.count) }
      var incomingCounts = [Int64](repeating: 0, count: size)
      try check(refx_mpi_exchange_counts(counts, &incomingCounts), words)
      // One block for what goes out and one for what comes in: the arrays themselves may move.
      let out = outgoing.flatMap { $0 }
      var error: Int32 = 0
      let all = [UInt8](unsafeUninitializedCapacity: Int(incomingCounts.reduce(0, +))) { all, count in
        error = out.withUnsafeBytes { out in
          let sources = starts(of: counts).map { out.baseAddress?.advanced(by: $0) }
          let targets = starts(of: incomingCounts).map { start in
            all.baseAddress.map { UnsafeMutableRawPointer($0 + start) }
          }
          return refx_mpi_exchange(sources, counts, targets, incomingCounts)
        }
        count = error == 0 ? Int(incomingCounts.reduce(0, +)) : 0
      }
      try check(error, words)
      return zip(starts(of: incomingCounts), incomingCounts).map { Array(all[$0..<($0 + Int($1))]) }
    }
  }

  /// Where each of a row of parts begins.
  private func starts(of counts: [Int64]) -> [Int] {
    var start = 0
    return counts.map { count in
      defer { start += Int(count) }
      return start
    }
  }

  /// - Throws: ``RefxError`` with the words of MPI, unless all is well.
  func check(_ error: Int32, _ what: String, file: String? = nil) throws {
    if error == 0 { return }
    var text = [CChar](repeating: 0, count: 512)
    refx_mpi_text(error, &text, text.count)
    let reason = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    throw RefxError.ofMPI(what, reason: reason, file: file)
  }
#endif
