import Glibc
import Refx
import RefxDistributed
import RefxMPI

/// Holds what ranks of MPI say to each other, and what they write to one file, against what it should be. Started by
/// `Tools/mpi-test` with any number of ranks; its argument is a folder that all see.
@main
enum MPICheck {
  static func main() throws {
    #if MPI
      let ranks = try MPICommunicator.world()
      let folder = CommandLine.arguments.dropFirst().first ?? "/tmp"
      var check = RanksCheck(ranks)
      // Messages in pieces of seven bytes, so that every boundary is met, and whole.
      for limit in [7, 1 << 30] {
        MPICommunicator.limitMessages(to: limit)
        try check.words(upTo: limit == 7 ? 100 : 3 << 20)
        try check.files(in: folder, limit: limit)
      }
      let wrong = try ranks.gatherToAll([UInt8(min(check.wrong, 255))]).reduce(0) { $0 + Int($1[0]) }
      if ranks.rank == 0 { print("\(ranks.size) ranks of MPI: \(check.checks) checks each, \(wrong) wrong") }
      try MPICommunicator.finish()
      exit(wrong == 0 ? 0 : 1)
    #else
      print("built without the trait MPI")
      exit(2)
    #endif
  }
}

#if MPI
  private struct RanksCheck {
    private let ranks: MPICommunicator
    private(set) var checks = 0
    private(set) var wrong = 0

    init(_ ranks: MPICommunicator) { self.ranks = ranks }

    private mutating func expect(_ isRight: Bool, _ what: String) {
      checks += 1
      if isRight { return }
      wrong += 1
      print("WRONG on rank \(ranks.rank): \(what)")
    }

    /// What rank `from` says to rank `to`: its length and its bytes tell who speaks to whom.
    private func message(from: Int, to: Int, longest: Int) -> [UInt8] {
      let lengths = [0, 1, 6, 7, 8, 14, longest / 2, longest]
      let count = lengths[(3 * from + 5 * to) % lengths.count]
      return (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ from &* 7 &+ to) }
    }

    mutating func words(upTo longest: Int) throws {
      let (rank, size) = (ranks.rank, ranks.size)
      for root in 0..<size {
        for length in [0, 1, 7, 8, longest] {
          let spoken = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ root) }
          // What others bring is not looked at.
          let heard = try ranks.broadcast(rank == root ? spoken : [9, 9], from: root)
          expect(heard == spoken, "\(length) bytes of rank \(root) to all")
        }
      }
      let all = try ranks.gatherToAll(message(from: rank, to: 0, longest: longest))
      for from in 0..<size {
        expect(all[from] == message(from: from, to: 0, longest: longest), "what rank \(from) gives to all")
      }
      expect(try ranks.gatherToAll([]).allSatisfy(\.isEmpty), "nothing from all to all")
      let given = try ranks.exchange((0..<size).map { message(from: rank, to: $0, longest: longest) })
      for from in 0..<size {
        expect(
          given[from] == message(from: from, to: rank, longest: longest), "what rank \(from) gives to \(rank)"
        )
      }
      try ranks.barrier()
    }

    /// Ranges that take turns, of uneven lengths, given in any order; one rank has none.
    mutating func files(in folder: String, limit: Int) throws {
      let path = folder + "/ranges.\(limit)"
      var expected: [UInt8] = []
      var mine: [(offset: Int, bytes: [UInt8])] = []
      for number in 0..<200 {
        let bytes = (0..<(number * 37 % 91)).map { UInt8(truncatingIfNeeded: $0 &+ number) }
        let owner = ranks.size < 3 ? number % ranks.size : number % (ranks.size - 1)
        if owner == ranks.rank { mine.append((expected.count, bytes)) }
        expected += bytes
      }
      if ranks.rank == 0 { close(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0o644)) }
      try ranks.barrier()
      let file = try MPIRankedFile(path, named: path)
      for round in 0..<3 {
        for (number, range) in mine.reversed().enumerated() where number % 3 == round {
          try range.bytes.withUnsafeBytes { try file.write($0, at: range.offset) }
        }
        try file.endRound()
      }
      try file.finish(durable: true)
      let found = try ranks.agree { try bytes(of: path) }
      expect(found == expected, "a file of \(expected.count) bytes that all have written")
      var isRefused = false
      do { _ = try MPIRankedFile(folder + "/there/is/none", named: "none") } catch let error as RefxError {
        isRefused = error.file == "none" && !error.message.isEmpty
      }
      expect(isRefused, "a file that cannot be opened is an error on every rank")
    }

    private func bytes(of path: String) throws -> [UInt8] {
      let descriptor = open(path, O_RDONLY)
      defer { close(descriptor) }
      var found = [UInt8](repeating: 0, count: 1 << 20)
      let count = found.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      guard count >= 0 else { throw RefxError(.system, "cannot read", file: path) }
      return Array(found.prefix(count))
    }
  }
#endif
