/// Jobs that several threads do ahead of one caller, who takes the results in the order of the jobs.
///
/// At most `window` jobs are claimed and not yet taken, so that memory stays bounded however far the threads
/// could run ahead. A caller who would have to wait does a job himself; with one thread he does them all. What
/// he gets is the same for any number of threads.
final class OrderedPipeline<Job, Slot: AnyObject, Scratch: AnyObject>: @unchecked Sendable {
  // Sendable: the queue is changed under the monitor; a slot belongs to the thread that claimed it until it is
  // done, and then to the caller.

  private let monitor = Monitor()
  private let nextJob: () -> Job?
  private let makeScratch: () -> Scratch
  private let work: (Job, Slot, Scratch) -> Void
  private let slots: [Slot]
  private var isDone: [Bool]
  /// The number of the next job to claim, and of the next to take.
  private var claimed = 0
  private var taken = 0
  private var hasMore = true
  private var isStopped = false
  /// Whether the caller still looks at the slot he took last.
  private var callerHoldsSlot = false
  private var threads: Threads?
  private lazy var callersScratch = makeScratch()

  /// - Parameters:
  ///   - threads: how many work, the caller among them.
  ///   - nextJob: gives one job after the other, nil at the end. Called by one thread at a time.
  ///   - work: does a job and leaves the result in the slot, which is used again later.
  init(
    threads: Int, window: Int, makeSlot: () -> Slot, makeScratch: @escaping () -> Scratch,
    nextJob: @escaping () -> Job?, work: @escaping (Job, Slot, Scratch) -> Void
  ) {
    self.nextJob = nextJob
    self.makeScratch = makeScratch
    self.work = work
    // One slot more than the window: the caller looks at that one.
    slots = (0..<(threads <= 1 ? 1 : window + 1)).map { _ in makeSlot() }
    isDone = [Bool](repeating: false, count: slots.count)
    if threads > 1 {
      self.threads = Threads(threads - 1) { [self] in workAhead() }
    }
  }

  /// The result of the next job, valid until this is called again; nil when there are no more.
  func next() -> Slot? {
    monitor.lock()
    if callerHoldsSlot {
      callerHoldsSlot = false
      taken += 1
      monitor.notifyAll()
    }
    while true {
      if taken < claimed, isDone[taken % slots.count] {
        callerHoldsSlot = true
        defer { monitor.unlock() }
        return slots[taken % slots.count]
      }
      if let (job, number) = claim() {
        monitor.unlock()
        work(job, slots[number % slots.count], callersScratch)
        monitor.lock()
        isDone[number % slots.count] = true
      } else if taken == claimed, !hasMore {
        monitor.unlock()
        return nil
      } else {
        monitor.wait()
      }
    }
  }

  /// Ends the threads; jobs that nobody took are dropped. To be called once, always.
  func stop() {
    monitor.withLock {
      isStopped = true
      monitor.notifyAll()
    }
    threads?.join()
    threads = nil
  }

  /// The next job, where a slot is free. Called under the monitor.
  private func claim() -> (Job, Int)? {
    guard hasMore, !isStopped, claimed - taken < slots.count else { return nil }
    guard let job = nextJob() else {
      hasMore = false
      monitor.notifyAll()
      return nil
    }
    let number = claimed
    claimed += 1
    isDone[number % slots.count] = false
    return (job, number)
  }

  private func workAhead() {
    let scratch = makeScratch()
    monitor.lock()
    while !isStopped, hasMore {
      guard let (job, number) = claim() else {
        if hasMore { monitor.wait() }
        continue
      }
      monitor.unlock()
      work(job, slots[number % slots.count], scratch)
      monitor.lock()
      isDone[number % slots.count] = true
      // The caller waits for the oldest alone.
      if number == taken { monitor.notifyAll() }
    }
    monitor.unlock()
  }
}
