import Refx
import RefxStore
import Synchronization

/// Ranks that are threads of this process: for tests, and for programs whose devices share one process.
public final class ThreadCommunicator: Communicator, Sendable {
  public let rank: Int
  public let size: Int
  private let meeting: Meeting

  private init(rank: Int, meeting: Meeting) {
    self.rank = rank
    self.meeting = meeting
    size = meeting.size
  }

  /// Runs `body` on `size` threads, each of which is a rank, and waits for all.
  ///
  /// A rank that returns or throws while others wait for it makes these throw.
  ///
  /// - Precondition: there is a rank at least.
  /// - Returns: what became of each rank.
  public static func run<Value: Sendable>(
    ranks size: Int, _ body: @escaping @Sendable (ThreadCommunicator) throws -> Value
  ) -> [Result<Value, any Error>] {
    precondition(size > 0, "there is a rank at least")
    let meeting = Meeting(size: size)
    let results = Mutex<[Int: Result<Value, any Error>]>([:])
    let next = Mutex(0)
    let work: @Sendable () -> Void = {
      let rank = next.withLock {
        $0 += 1
        return $0 - 1
      }
      let result = Result { try body(ThreadCommunicator(rank: rank, meeting: meeting)) }
      results.withLock { $0[rank] = result }
      meeting.leave()
    }
    let started = runOnThreads(size - 1, work)
    // Fewer threads than ranks: the others would wait for ever.
    let missing = size - 1 - started
    for _ in 0..<missing { meeting.leave() }
    work()
    meeting.waitForLeaving(size)
    return results.withLock { results in
      (0..<size).map { results[$0] ?? .failure(RefxError.rankIsGone()) }
    }
  }

  public func barrier() throws { _ = try meeting.meet(rank, [[]]) }

  public func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
    try meeting.meet(rank, [rank == root ? bytes : []])[root][0]
  }

  public func gatherToAll(_ bytes: [UInt8]) throws -> [[UInt8]] {
    try meeting.meet(rank, [bytes]).map { $0[0] }
  }

  public func exchange(_ outgoing: [[UInt8]]) throws -> [[UInt8]] {
    precondition(outgoing.count == size)
    let rank = rank
    return try meeting.meet(rank, outgoing).map { $0[rank] }
  }
}

/// Where threads meet: each brings something, and all see everything.
private final class Meeting: @unchecked Sendable {
  // Sendable: everything that changes is changed under the lock.

  let size: Int
  private let monitor = Monitor()
  private var brought: [[[UInt8]]?]
  private var count = 0
  private var round = 0
  /// What was brought to the round before, until its last rank has looked.
  private var complete: [[[UInt8]]] = []
  private var left = 0

  init(size: Int) {
    self.size = size
    brought = Array(repeating: nil, count: size)
  }

  func meet(_ rank: Int, _ items: [[UInt8]]) throws -> [[[UInt8]]] {
    try monitor.withLock {
      guard left == 0 else { throw RefxError.rankIsGone() }
      let mine = round
      brought[rank] = items
      count += 1
      if count == size {
        complete = brought.map { $0 ?? [] }
        brought = Array(repeating: nil, count: size)
        count = 0
        round += 1
        monitor.notifyAll()
        return complete
      }
      while round == mine, left == 0 { monitor.wait() }
      // Nobody can be two rounds ahead of one that has not looked yet.
      guard round != mine else { throw RefxError.rankIsGone() }
      return complete
    }
  }

  func leave() {
    monitor.withLock {
      left += 1
      monitor.notifyAll()
    }
  }

  func waitForLeaving(_ count: Int) {
    monitor.withLock { while left < count { monitor.wait() } }
  }
}
