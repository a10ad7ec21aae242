import Glibc
import Refx
import RefxIO
import RefxStore

/// Many threads through the front door at once: the same files and their own, read, verified, compared and
/// replaced, in each format.
public struct ThreadStress: Sendable {
  private static let formats: [(suffix: String, compression: Compression)] = [
    (".refx", .fast), (".refx", .none), (".h5", .fast), (".h5", .none), (".safetensors", .none),
  ]

  private let folder = ScratchFolder()
  private let samples: [Sample]
  private let seed: UInt64

  /// A file that nobody changes, what it holds, and it opened once for all threads.
  private struct Sample: Sendable {
    let path: String
    let tree: Tree<Leaf>
    let digest: TreeDigest
    let opened: OpenedCheckpoint
  }

  public init(seed: UInt64) throws {
    self.seed = seed
    var samples: [Sample] = []
    for (number, form) in ThreadStress.formats.enumerated() {
      let tree = ThreadStress.tree(seed: seed &+ UInt64(number))
      let path = folder.file("sample\(number)\(form.suffix)")
      try Checkpoint.save(tree: tree, to: path, compression: form.compression, durability: .none)
      samples.append(
        Sample(path: path, tree: tree, digest: try tree.digest(), opened: try Checkpoint.open(path)))
    }
    self.samples = samples
  }

  /// Some small leaves, one of several chunks, and a shared one.
  private static func tree(seed: UInt64) -> Tree<Leaf> {
    var random = RandomTree(seed: seed, contents: [.refs, .statics, .oddKeys])
    var numbers = SeededRandom(seed: seed)
    let noise = numbers.bytes(1_300_000).map { $0 & 0x1F }
    let large = Leaf(dtype: .float32, shape: [325, 1000], bytes: noise)
    return [
      "small": .list((0..<20).map { .leaf(random.leaf(.float16, shape: [1 + $0, 30])) }),
      "large": .leaf(large),
      "one": .value(Value(.leaf(random.leaf(.int64, shape: [900])), index: 0, collection: "params")),
      "other": .index(Index(0, collection: "params")), "static": .static("relu"),
    ]
  }

  /// Works for so many seconds on so many threads.
  ///
  /// - Returns: how often something was done.
  /// - Throws: ``ContractViolation`` where a result is not what it is on one thread.
  public func run(seconds: Double, threads: Int = 8) throws -> Int {
    let end = ThreadStress.now() + seconds
    let counts = Counts(threads)
    try forEachInParallel(threads, threads: threads) { thread in
      var random = SeededRandom(seed: seed &* 1000 &+ UInt64(thread))
      var count = 0
      while ThreadStress.now() < end {
        let work = random.below(7)
        do { try turn(work, thread, &random) } catch {
          throw ContractViolation("seed \(seed), thread \(thread), turn \(count), work \(work): \(error)")
        }
        count += 1
      }
      counts.set(count, at: thread)
    }
    return counts.total
  }

  private func turn(_ work: Int, _ thread: Int, _ random: inout SeededRandom) throws {
    let sample = samples[random.below(samples.count)]
    // At times several threads read one leaf, too.
    let options = OpenOptions(threads: random.oneIn(3) ? 3 : 1, payload: random.oneIn(4) ? .map : .read)
    switch work {
    case 0:
      let found = try Checkpoint.open(sample.path, options: options).contents.tree
      try demand(try firstDifference(sample.tree, found), "\(sample.path), opened anew")
    case 1:
      try demand(try firstDifference(sample.tree, sample.opened.contents.tree), "\(sample.path), opened once")
    case 2:
      try demand(try sample.opened.contents.tree.digest() == sample.digest, "\(sample.path): its digest")
    case 3:
      var problems: [Problem] = []
      try Checkpoint.open(sample.path, options: options).verify(nil) { problems.append($0) }
      try demand(problems.isEmpty, "\(sample.path): \(problems)")
    case 4:
      // From a file that others read to one of its own.
      let form = ThreadStress.formats[random.below(ThreadStress.formats.count)]
      let path = folder.file("own\(thread)\(form.suffix)")
      try Checkpoint.save(
        tree: sample.opened.contents.tree, to: path, compression: form.compression, durability: .none)
      try demand(
        try firstDifference(sample.tree, Checkpoint.open(path).contents.tree), "\(path) from \(sample.path)")
    case 5:
      // A target that others replace meanwhile.
      let suffix = [".refx", ".h5"][random.below(2)]
      try Checkpoint.save(tree: sample.tree, to: folder.file("common\(suffix)"), durability: .none)
      let digest = try Checkpoint.open(folder.file("common\(suffix)")).contents.tree.digest()
      try demand(samples.contains { $0.digest == digest }, "the common file is none of those that were saved")
    default:
      // Errors are made on all threads too, out of what libhdf5 keeps for each.
      do {
        _ = try Checkpoint.open(folder.file("missing.h5"))
        throw ContractViolation("a file that is missing opens")
      } catch is RefxError {}
      let whole = try InputFile(path: sample.path)
      let cut = try whole.bytes(at: 0, count: whole.byteCount / 2)
      do {
        let opened = try Checkpoint.open(InputFile(MemoryBytes(sharing: cut), name: "cut"))
        _ = try opened.contents.tree.digest()
        throw ContractViolation("half of \(sample.path) is read")
      } catch is RefxError {}
    }
  }

  private func demand(_ difference: String?, _ what: String) throws {
    if let difference { throw ContractViolation("\(what): \(difference)") }
  }

  private func demand(_ condition: Bool, _ what: String) throws {
    if !condition { throw ContractViolation(what) }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// A number of each thread.
private final class Counts: @unchecked Sendable {
  // Sendable: each thread writes its own number, and all are read when the threads have ended.
  private let numbers: UnsafeMutableBufferPointer<Int>

  init(_ count: Int) {
    numbers = .allocate(capacity: count)
    numbers.initialize(repeating: 0)
  }

  deinit { numbers.deallocate() }

  func set(_ number: Int, at thread: Int) { numbers[thread] = number }

  var total: Int { numbers.reduce(0, +) }
}
