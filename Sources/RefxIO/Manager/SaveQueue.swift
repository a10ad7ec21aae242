import Glibc
import Refx
import RefxStore
import Synchronization

/// Saves one after the other on a thread of its own, in the order in which they came.
final class SaveQueue: @unchecked Sendable {
  // Sendable: everything that changes is changed under the monitor.

  struct Job {
    let pending: PendingSave
    let work: () throws -> SavedStep
  }

  private let monitor = Monitor()
  private let capacity: Int
  private let waitsAtExit: Bool
  private var waiting: [Job] = []
  private var isWorking = false
  /// Room that is spoken for by saves whose state is being captured.
  private var reserved = 0
  private var hasThread = false

  /// - Parameters:
  ///   - capacity: how many saves may be under way before another has to wait.
  ///   - waitsAtExit: whether the process ends only after what is under way.
  init(capacity: Int, waitsAtExit: Bool) {
    self.capacity = capacity
    self.waitsAtExit = waitsAtExit
  }

  /// Whether this thread is one on which this queue works, or calls its user.
  var isCalling: Bool { SavingThreads.isIn(self) }

  /// A progress handler during which ``isCalling`` holds, on whichever thread it is called.
  func marking(_ progress: @escaping ProgressHandler) -> ProgressHandler {
    { done, total in SavingThreads.within(self) { progress(done, total) } }
  }

  /// Waits until there is room for one more, and takes it: where the disk is slower than the training, here is where it
  /// shows.
  ///
  /// - Throws: ``RefxError`` where one of the saves that make the room would wait.
  func reserve(folder: String) throws {
    let isCalling = isCalling
    try monitor.withLock {
      while waiting.count + (isWorking ? 1 : 0) + reserved >= capacity {
        if isCalling { throw RefxError.waitsForItself(folder) }
        monitor.wait()
      }
      reserved += 1
    }
  }

  /// Gives back the room of a save that came to nothing.
  func release() {
    monitor.withLock {
      reserved -= 1
      monitor.notifyAll()
    }
  }

  /// Adds a save for which room was reserved.
  func add(_ job: Job) {
    if waitsAtExit { SavesAtExit.begin() }
    let needsThread = monitor.withLock {
      reserved -= 1
      waiting.append(job)
      defer { hasThread = true }
      return !hasThread
    }
    if needsThread, !startThread() {
      // Without a thread, the caller's does it.
      run()
    }
  }

  /// Waits until all that was added is done.
  ///
  /// - Throws: ``RefxError`` where one of the saves would wait for itself.
  func drain(folder: String) throws {
    if isCalling { throw RefxError.waitsForItself(folder) }
    monitor.withLock { while !waiting.isEmpty || isWorking { monitor.wait() } }
  }

  /// The thread ends when there is nothing left to do, and starts anew with the next save.
  private func run() {
    while endNext() { if waitsAtExit { SavesAtExit.end() } }
  }

  /// Does the next save and says how it ended. With its return nobody here holds that save, which may have a last word.
  private func endNext() -> Bool {
    guard let (pending, result) = workOnNext() else { return false }
    pending.end(with: result)
    return true
  }

  /// Does the next save. It is a function of its own so that with its return nothing is held by what has ended, not the
  /// captured state and not the manager: whoever waits for the end may open the folder anew at once.
  private func workOnNext() -> (PendingSave, Result<SavedStep, any Error>)? {
    let job: Job? = monitor.withLock {
      isWorking = false
      monitor.notifyAll()
      guard !waiting.isEmpty else {
        hasThread = false
        return nil
      }
      isWorking = true
      return waiting.removeFirst()
    }
    guard let job else { return nil }
    return (job.pending, SavingThreads.within(self) { Result { try job.work() } })
  }

  private func startThread() -> Bool {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return false }
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // Enough for the deepest tree; taken as it is used.
    pthread_attr_setstacksize(&attributes, 64 << 20)
    let queue = Unmanaged.passRetained(self)
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        // Of this thread and those that it starts: the training comes first.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
        argument.map { Unmanaged<SaveQueue>.fromOpaque($0).takeRetainedValue().run() }
        return nil
      }, queue.toOpaque())
    if status != 0 { queue.release() }
    return status == 0
  }
}

/// Keeps the process from ending before what is under way.
private enum SavesAtExit {
  private static let monitor = Monitor()
  private static let count = Mutex(0)
  private static let isInstalled: Bool = {
    atexit { SavesAtExit.wait() }
    return true
  }()

  static func begin() {
    _ = isInstalled
    count.withLock { $0 += 1 }
  }

  static func end() {
    count.withLock { $0 -= 1 }
    monitor.withLock { monitor.notifyAll() }
  }

  private static func wait() {
    // Whoever ends the process from within a save does not want it, and could not wait for it.
    if SavingThreads.isInAny { return }
    monitor.withLock { while count.withLock({ $0 }) > 0 { monitor.wait() } }
  }
}
