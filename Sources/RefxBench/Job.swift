/// One thing that is timed. Every process of this program runs one job and prints one line of JSON:
///
///     refx-bench refx.raw.save in=D1.refx out=/tmp/x.refx
///     {"id": "refx.raw.save", "wallSeconds": 0.09, "cpuSeconds": 0.09, "bytes": 296000000, …}
///
/// A job reads its keys, makes what it needs, and calls ``Run/measure(_:)`` **once** around what counts. All
/// before that is set-up and not timed; all after it is checking. To add jobs, write
///
///     enum CoreJobs {
///       static let all: [Job] = [
///         Job("core.deref", "deref of a model of Refs", keys: "leaves=") { run in
///           let model = makeModel(leaves: try run.count("leaves", default: 100_000))
///           run.leaves = …
///           let tree = try run.measure { try model.dereffed() }
///           try run.check(tree.leaves().count == run.leaves, "as many leaves as before")
///         }
///       ]
///     }
///
/// in a file of their own and name `CoreJobs.all` in ``Registry``. Keys that every job understands are read by
/// ``Run``: `measure=time` (the default), `measure=memory` or `measure=allocations`.
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
