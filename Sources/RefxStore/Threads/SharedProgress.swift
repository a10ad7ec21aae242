import Synchronization

/// Counts the bytes that several threads have done, and tells one after the other.
final class SharedProgress: Sendable {
  private let total: Int
  private let report: ProgressHandler?
  private let done = Mutex(0)

  init(total: Int, report: ProgressHandler?) {
    self.total = total
    self.report = report
  }

  func add(_ count: Int) {
    guard let report else { return }
    done.withLock {
      $0 += count
      report($0, total)
    }
  }
}
