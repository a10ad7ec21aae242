import Refx

/// Reads the leaves of a tree into memory on several threads, while one thread takes them, roughly in order, to
/// make something else of them.
///
/// Holds at most 32 MiB that nobody has taken yet. What is asked for before its turn is read at once, by whoever
/// asks.
package final class ReadAhead: @unchecked Sendable {
  // Sendable: everything that changes is changed under the monitor.

  private static let mostUntaken = 32 << 20
  /// Larger leaves are left to who takes them: their own source reads them on several threads.
  private static let largeFrom = 4 << 20
  /// How much a thread reads before it looks at the others again.
  private static let bytesOfAJob = 256 << 10

  private let monitor = Monitor()
  private let leaves: [Leaf]
  private var states: [State]
  private var next = 0
  private var untaken = 0
  private var isStopped = false

  private enum State {
    case waiting
    case reading
    case ready(MemoryBytes)
    /// Handed out, or left to whoever asks.
    case taken
  }

  /// Runs `body` with a tree like `tree` whose leaves are read ahead until it returns. Afterwards the leaves that
  /// nobody has taken are read on demand again.
  package static func run<R>(
    _ tree: Tree<Leaf>, threads: Int? = nil, _ body: (Tree<Leaf>) throws -> R
  ) throws -> R {
    var leaves: [Leaf] = []
    tree.forEachLeaf { leaves.append($0) }
    let threads = Cores.threads(threads, forBytes: leaves.payloadCost)
    guard threads > 1 else { return try body(tree) }
    let ahead = ReadAhead(leaves)
    var number = 0
    let staged = tree.map { leaf in
      defer { number += 1 }
      guard case .waiting = ahead.states[number] else { return leaf }
      return Leaf(
        dtype: leaf.dtype, shape: leaf.shape,
        source: StagedSource(leaf.source, number: number, ahead: ahead))
    }
    var workers = Threads(threads - 1) { ahead.work() }
    defer {
      ahead.monitor.withLock {
        ahead.isStopped = true
        ahead.monitor.notifyAll()
      }
      workers.join()
    }
    return try body(staged)
  }

  private init(_ leaves: [Leaf]) {
    self.leaves = leaves
    states = leaves.map { leaf in
      leaf.source.unsupported == nil && leaf.byteCount > 0 && leaf.byteCount < ReadAhead.largeFrom
        && leaf.source.bytesInMemory == nil ? .waiting : .taken
    }
  }

  private func work() {
    var parts = FreshMemoryParts()
    while let row = claim() {
      for number in row {
        let leaf = leaves[number]
        // Who asks for the leaf afterwards reads it again and says what is wrong.
        let bytes = try? parts.next(byteCount: leaf.byteCount)
        let isRead = bytes.map { (try? leaf.source.read(at: 0, into: $0.memory)) != nil } ?? false
        monitor.withLock {
          if let bytes, isRead {
            states[number] = .ready(bytes)
          } else {
            states[number] = .taken
            untaken -= leaf.byteCount
          }
          monitor.notifyAll()
        }
      }
    }
  }

  /// The next leaves to read; nil when there is nothing more to do.
  private func claim() -> [Int]? {
    monitor.lock()
    defer { monitor.unlock() }
    while true {
      var row: [Int] = []
      var byteCount = 0
      while !isStopped, next < leaves.count, byteCount < ReadAhead.bytesOfAJob {
        if case .waiting = states[next] {
          let count = leaves[next].byteCount
          guard untaken == 0 || untaken + count <= ReadAhead.mostUntaken else { break }
          states[next] = .reading
          untaken += count
          byteCount += count
          row.append(next)
        }
        next += 1
      }
      if !row.isEmpty { return row }
      if isStopped || next == leaves.count { return nil }
      monitor.wait()
    }
  }

  /// The bytes of a leaf that were read ahead; nil where who asks must read it, now or because that failed.
  fileprivate func take(_ number: Int) -> MemoryBytes? {
    monitor.lock()
    defer { monitor.unlock() }
    while true {
      switch states[number] {
      case .reading: monitor.wait()
      case .waiting:
        states[number] = .taken
        return nil
      case .taken: return nil
      case .ready(let bytes):
        states[number] = .taken
        untaken -= bytes.byteCount
        monitor.notifyAll()
        return bytes
      }
    }
  }
}

/// A leaf that may have been read ahead.
private final class StagedSource: LeafSource {
  private let origin: any LeafSource
  private let number: Int
  private let ahead: ReadAhead

  init(_ origin: any LeafSource, number: Int, ahead: ReadAhead) {
    self.origin = origin
    self.number = number
    self.ahead = ahead
  }

  var byteCount: Int { origin.byteCount }
  var contentHash: ContentHash? { origin.contentHash }
  var storedByteCount: Int? { origin.storedByteCount }
  var unsupported: UnsupportedLeaf? { origin.unsupported }

  /// Handed out once: who looks at the bytes holds them, and this does not.
  var bytesInMemory: MemoryBytes? { ahead.take(number) }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if buffer.count == byteCount, let bytes = ahead.take(number) {
      bytes.read(at: offset, into: buffer)
    } else {
      try origin.read(at: offset, into: buffer)
    }
  }
}
