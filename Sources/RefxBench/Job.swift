/// One thing that is timed. Every process of this program runs one job, such as
/// `refx-bench refx.raw.save in=D1.refx out=/tmp/x.refx`, and prints one line of JSON: the job's id, `wallSeconds`,
/// `cpuSeconds`, `bytes` and so on.
///
/// A job reads its keys, makes what it needs, and calls ``Run/measure(_:)`` **once** around what counts. All
/// before that is set-up and not timed; all after it is checking. To add jobs, write an enum like ``CoreJobs`` in a file
/// of its own, and name its `all` in ``Registry``. Keys that every job understands are read by ``Run``: `measure=time`
/// (the default), `measure=memory` or `measure=allocations`.
struct Job: Sendable {
  /// The fixed name that results carry.
  let id: String
  /// What is timed, in a clause.
  let summary: String
  /// The keys it reads, as the listing shows them.
  let keys: String
  /// Sets up, measures once, checks.
  let body: @Sendable (Run) throws -> Void

  init(_ id: String, _ summary: String, keys: String = "", body: @escaping @Sendable (Run) throws -> Void) {
    self.id = id
    self.summary = summary
    self.keys = keys
    self.body = body
  }
}
