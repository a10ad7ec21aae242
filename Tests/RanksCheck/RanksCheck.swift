import Glibc
import RefxDistributed
import RefxIO
import RefxMPI
import RefxTestSupport

/// A program that saves and loads a model over the ranks of MPI, as a training would; `Tools/mpi-test` runs it.
///
///     RanksCheck serial FORMAT COMPRESSION OUT                  one process writes the whole model
///     RanksCheck save STYLE FORMAT COMPRESSION IO OUT           every rank saves its pieces
///     RanksCheck load STYLE FILE                                every rank loads its pieces, and compares each element
///     RanksCheck bad KIND OUT                                   a plan that is wrong
///     RanksCheck uneven WHAT IO OUT                             ranks whose arguments differ
///     RanksCheck heavy MIB COMPRESSION IO OUT                   the last rank holds everything
///     RanksCheck die RANK CALL STYLE FORMAT COMPRESSION OUT     a rank is killed at one of its calls for the file
///     RanksCheck full RANK CALL STYLE FORMAT COMPRESSION OUT    a rank's disk is full at one of its calls
///
/// Prints one line, on rank 0; exits with 0, with 1 where an element is wrong, with 2 where the ranks refuse.
@main
enum RanksCheck {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      if arguments.first == "serial" { return try serial(Array(arguments.dropFirst())) }
      #if MPI
        let ranks = try MPICommunicator.world()
        let status = run(arguments, over: ranks)
        try MPICommunicator.finish()
        exit(status)
      #else
        print("built without MPI: swift build --traits MPI --product RanksCheck")
        exit(2)
      #endif
    } catch {
      print("\(error)")
      exit(2)
    }
  }

  private static func serial(_ arguments: [String]) throws {
    try Checkpoint.save(
      contents: CheckpointContents(tree: RankedModel.tree, metadata: ["step": 7]), to: arguments[2],
      format: FormatName(rawValue: arguments[0]), options: options(arguments[1]))
  }

  private static func options(_ compression: String) -> WriteOptions {
    WriteOptions(compression: Compression(rawValue: compression) ?? .fast)
  }

  #if MPI
    private static func run(_ arguments: [String], over ranks: MPICommunicator) -> Int32 {
      do {
        switch arguments.first {
        case "save":
          try save(
            arguments[1], arguments[2], arguments[3], arguments[5], arguments[4] == "mpi" ? .mpi : .posix,
            ranks)
        case "load": return try load(arguments[1], arguments[2], ranks)
        case "bad":
          try DistributedCheckpoint.save(
            RankedModel.badPlan(arguments[1], rank: ranks.rank, size: ranks.size), to: arguments[2],
            over: ranks)
        case "uneven":
          let differs = ranks.rank == ranks.size - 1 ? arguments[1] : ""
          try DistributedCheckpoint.save(
            RankedModel.tree.map { PiecedLeaf(whole: $0) }, metadata: ["rank": .string(differs)],
            to: arguments[3], over: ranks,
            format: differs == "format" ? .hdf5 : .refx,
            options: options(differs == "compression" ? "none" : "fast"),
            durability: differs == "durability" ? .none : .full, overwrite: differs != "overwrite",
            writing: (arguments[2] == "mpi") != (differs == "writing") ? .mpi : .posix)
        case "heavy":
          try heavy((Int(arguments[1]) ?? 1) << 20, arguments[2], arguments[3], arguments[4], ranks)
        case "die", "full":
          let chosen = Int(arguments[1]) ?? 0
          let call = Int(arguments[2]) ?? 1
          let dies = arguments[0] == "die"
          let rank = ranks.rank
          try save(
            arguments[3], arguments[4], arguments[5], arguments[6],
            .opened { path, name in
              let file = try RankedWriting.posix.open(path, name: name)
              return rank == chosen ? TroubledFile(file, at: call, dies: dies) : file
            }, ranks)
        default: throw RefxError(.usage, "no such check")
        }
        return 0
      } catch {
        if ranks.rank == 0 { print("\(error)") }
        return 2
      }
    }

    private static func save(
      _ style: String, _ format: String, _ compression: String, _ path: String, _ writing: RankedWriting,
      _ ranks: MPICommunicator
    ) throws {
      let cutting = Cutting(Cutting.Style(rawValue: style) ?? .rows, ranks: ranks.size, seed: 3)
      try DistributedCheckpoint.save(
        cutting.pieces(of: RankedModel.tree, rank: ranks.rank), metadata: ["step": 7], to: path, over: ranks,
        format: FormatName(rawValue: format), options: options(compression), writing: writing)
    }

    /// Saves an array that is made when it is read, by the last rank, and says how much memory the ranks took at most.
    private static func heavy(
      _ byteCount: Int, _ compression: String, _ io: String, _ path: String, _ ranks: MPICommunicator
    ) throws {
      let shape = [byteCount / 4096, 1024]
      let leaf = Leaf(dtype: .float32, shape: shape, source: MadeBytes(byteCount: byteCount))
      let array =
        ranks.rank == ranks.size - 1
        ? PiecedLeaf(whole: leaf) : PiecedLeaf(dtype: .float32, shape: shape, pieces: [])
      try DistributedCheckpoint.save(
        .dictionary([(Key("w"), .leaf(array))]), to: path, over: ranks, options: options(compression),
        durability: .none, writing: io == "mpi" ? .mpi : .posix)
      var usage = rusage()
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      let peaks = try ranks.gatherToAll(Array("\(usage.ru_maxrss / 1024)".utf8))
      if ranks.rank == 0 { print(peaks.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")) }
    }

    /// Compares what this rank has loaded with its pieces of the model, and looks that ties are ties.
    private static func load(_ style: String, _ path: String, _ ranks: MPICommunicator) throws -> Int32 {
      let cutting = Cutting(Cutting.Style(rawValue: style) ?? .rows, ranks: ranks.size, seed: 5)
      var number = -1
      let loaded = try DistributedCheckpoint.load(from: path, over: ranks) { _, leaf in
        number += 1
        return cutting.blocks(of: leaf, number: number).first { $0.ranks.contains(ranks.rank) }?.block
      }
      number = -1
      let expected = RankedModel.tree.map { leaf in
        number += 1
        let block = cutting.blocks(of: leaf, number: number).first { $0.ranks.contains(ranks.rank) }?.block
        return block.map { leaf.copy(of: $0) } ?? leaf
      }
      var elements = 0
      var wrong = 0
      for (mine, theirs) in zip(loaded.tree.leaves(), expected.leaves()) {
        elements += theirs.count
        let (found, wanted) = (try mine.allBytes(), try theirs.allBytes())
        if mine.shape != theirs.shape || mine.dtype != theirs.dtype || found.count != wanted.count {
          wrong += max(1, theirs.count)
        } else if found == wanted {
          continue
        } else if let item = theirs.dtype.itemSize {
          for start in stride(from: 0, to: found.count, by: item)
          where found[start..<(start + item)] != wanted[start..<(start + item)] {
            wrong += 1
          }
        } else {
          wrong += theirs.count
        }
      }
      // Shape, ties, collections and metadata too.
      if try firstDifference(loaded.tree, expected) != nil { wrong = max(wrong, 1) }
      if loaded.metadata != ["step": 7] { wrong = max(wrong, 1) }
      let sums = try ranks.gatherToAll(Array("\(elements) \(wrong)".utf8)).map { word in
        String(decoding: word, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
      }
      let all = (sums.reduce(0) { $0 + $1[0] }, sums.reduce(0) { $0 + $1[1] })
      if ranks.rank == 0 { print("\(all.0) elements, \(all.1) wrong") }
      return all.1 == 0 && all.0 > 0 ? 0 : 1
    }
  #endif
}

#if MPI
  extension RankedWriting {
    fileprivate static let mpi = RankedWriting.opened { try MPIRankedFile($0, named: $1) }
  }

  /// An array of any size, which is nowhere: each element of eight bytes is its place times a constant.
  private final class MadeBytes: LeafSource {
    let byteCount: Int
    init(byteCount: Int) { self.byteCount = byteCount }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) {
      for place in stride(from: 0, to: buffer.count - 7, by: 8) {
        let word = UInt64(offset + place) &* 0x9E37_79B9_7F4A_7C15
        buffer.storeBytes(of: word, toByteOffset: place, as: UInt64.self)
      }
    }
  }

  /// A file that ends its rank, or is full, at one of its calls.
  private final class TroubledFile: RankedFile {
    private let file: any RankedFile
    private let call: Int
    private let dies: Bool
    private var calls = 0

    init(_ file: any RankedFile, at call: Int, dies: Bool) {
      self.file = file
      self.call = call
      self.dies = dies
    }

    private func trouble() throws {
      calls += 1
      guard calls == call else { return }
      if dies { kill(getpid(), SIGKILL) }
      throw RefxError.system("cannot write", errno: ENOSPC, file: "the planted disk")
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
      try trouble()
      try file.write(bytes, at: offset)
    }

    func endRound() throws {
      try trouble()
      try file.endRound()
    }

    func finish(durable: Bool) throws {
      try trouble()
      try file.finish(durable: durable)
    }

    func abandon() { file.abandon() }
  }
#endif
