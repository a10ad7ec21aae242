/// Called now and then with the bytes done so far and in all.
public typealias ProgressHandler = @Sendable (_ done: Int, _ total: Int) -> Void

/// Counts the bytes that one thread has done, and tells.
package struct Progress {
  private let total: Int
  private let report: ProgressHandler?
  private var done = 0

  package init(total: Int, report: ProgressHandler?) {
    self.total = total
    self.report = report
  }

  package mutating func add(_ count: Int) {
    guard let report else { return }
    done = done.addingSaturated(count)
    report(done, total)
  }
}
