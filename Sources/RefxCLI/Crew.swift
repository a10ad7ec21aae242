import Refx
import RefxIO
import RefxStore

/// Who does the work of a command: this process alone, or ranks that run the same command and share what it reads and
/// writes.
///
/// Ranks run the same lines in the same order; where one may fail and another not, they meet: in ``together(_:)``, in
/// what shares work, and at the end.
package protocol Crew: AnyObject {
  /// Whether this process does what is to be done once: it speaks, makes folders, removes files.
  var isFirst: Bool { get }

  /// Whether what is said goes through a launcher: a terminal at this end says nothing of who reads it.
  var isRelayed: Bool { get }

  /// Who reads which leaf; nil where this process reads all.
  var sharing: (any LeafSharing)? { get }

  /// Does what may fail here and not elsewhere: it fails on all ranks where it fails on one.
  func together<Result>(_ body: () throws -> Result) throws -> Result

  /// Opens a checkpoint, on all ranks or none.
  func opened(_ open: () throws -> OpenedCheckpoint) throws -> OpenedCheckpoint

  /// The bytes that `read` brings on the first rank, which alone has a standard input.
  func standardInput(_ read: () throws -> [UInt8]) throws -> [UInt8]

  /// Writes files that take their places when `batch` is committed.
  func write(
    _ contents: CheckpointContents, to path: String, as store: any CheckpointStore.Type,
    options: WriteOptions,
    overwrite: Bool, with batch: AtomicBatch
  ) throws -> SavedFiles

  /// What any rank found of `paths` while it read what was its part, each once, in the order of `tree`.
  func collected(_ paths: [Path], in tree: Tree<Leaf>) throws -> [Path]

  /// Runs a whole command: no rank leaves before all have done what they had to.
  func finish(_ body: () throws -> Void) throws
}

/// Who works now.
package enum Crews {
  /// Set once, if at all, before a command runs.
  nonisolated(unsafe) package static var current: any Crew = Single()
}

/// This process alone.
private final class Single: Crew {
  var isFirst: Bool { true }
  var isRelayed: Bool { false }
  var sharing: (any LeafSharing)? { nil }
  func together<Result>(_ body: () throws -> Result) throws -> Result { try body() }
  func opened(_ open: () throws -> OpenedCheckpoint) throws -> OpenedCheckpoint { try open() }
  func standardInput(_ read: () throws -> [UInt8]) throws -> [UInt8] { try read() }
  func finish(_ body: () throws -> Void) throws { try body() }
  func collected(_ paths: [Path], in tree: Tree<Leaf>) -> [Path] { paths }

  func write(
    _ contents: CheckpointContents, to path: String, as store: any CheckpointStore.Type,
    options: WriteOptions,
    overwrite: Bool, with batch: AtomicBatch
  ) throws -> SavedFiles {
    try Checkpoint.write(contents, to: path, as: store, options: options, overwrite: overwrite, with: batch)
  }
}
