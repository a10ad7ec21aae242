#if MPI
  import CMPI
  import Refx
  import RefxDistributed

  /// A file that the ranks of MPI write together by MPI-IO: what each has to write in a round goes in one collective
  /// call, which lets the library join neighbouring ranges and choose who writes them.
  ///
  /// Holds a round's bytes.
  public final class MPIRankedFile: RankedFile {
    private let path: String
    private var file: OpaquePointer?
    private var ranges: [(offset: Int, bytes: Range<Int>)] = []
    private var bytes: [UInt8] = []

    /// Opens the file at `path`, which is there. Collective.
    ///
    /// - Parameter name: what the file is called in errors.
    /// - Throws: ``RefxError`` with the reason of MPI, on every rank.
    public init(_ path: String, named name: String) throws {
      self.path = name
      var file: OpaquePointer?
      try check(refx_mpi_file_open(path, &file), "cannot open the file on all ranks", file: name)
      self.file = file
    }

    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
      if bytes.isEmpty { return }
      let start = self.bytes.count
      self.bytes.append(contentsOf: bytes)
      if let last = ranges.last, last.offset + last.bytes.count == offset {
        ranges[ranges.count - 1].bytes = last.bytes.lowerBound..<self.bytes.count
      } else {
        ranges.append((offset, start..<self.bytes.count))
      }
    }

    public func endRound() throws {
      guard let file else { throw RefxError.fileOfRanksIsClosed(path) }
      // A view of a file ascends.
      let ascends = zip(ranges, ranges.dropFirst()).allSatisfy { $0.offset < $1.offset }
      if !ascends {
        ranges.sort { $0.offset < $1.offset }
        bytes = ranges.flatMap { bytes[$0.bytes] }
      }
      let offsets = ranges.map { Int64($0.offset) }
      let counts = ranges.map { Int64($0.bytes.count) }
      let error = bytes.withUnsafeBytes {
        refx_mpi_file_write_all(file, $0.baseAddress, offsets, counts, Int64(offsets.count))
      }
      ranges.removeAll(keepingCapacity: true)
      bytes.removeAll(keepingCapacity: true)
      try check(error, "cannot write the file", file: path)
    }

    public func finish(durable: Bool) throws {
      guard let file else { throw RefxError.fileOfRanksIsClosed(path) }
      let synced = durable ? refx_mpi_file_sync(file) : 0
      self.file = nil
      let closed = refx_mpi_file_close(file)
      try check(synced, "cannot sync the file", file: path)
      try check(closed, "cannot close the file", file: path)
    }

    /// Only all ranks together can close a file of MPI's, so that it stays open until MPI ends.
    public func abandon() { file = nil }
  }
#endif
