import Glibc
import Synchronization

/// The threads on which saves run at this moment, or call their user: what they wait for never comes.
enum SavingThreads {
  private static let queues = Mutex<[pthread_t: [ObjectIdentifier]]>([:])

  static func within<Result>(_ queue: SaveQueue, _ body: () throws -> Result) rethrows -> Result {
    let thread = pthread_self()
    queues.withLock { $0[thread, default: []].append(ObjectIdentifier(queue)) }
    defer {
      queues.withLock { queues in
        queues[thread]?.removeLast()
        if queues[thread]?.isEmpty == true { queues[thread] = nil }
      }
    }
    return try body()
  }

  static func isIn(_ queue: SaveQueue) -> Bool {
    queues.withLock { $0[pthread_self()]?.contains(ObjectIdentifier(queue)) == true }
  }

  static var isInAny: Bool { queues.withLock { $0[pthread_self()] != nil } }
}
