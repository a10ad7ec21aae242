import Refx
import RefxStore
import Synchronization

/// The state of a model at a save, until the save takes it: then nobody else holds it.
final class Captured: Sendable {
  private let state: Mutex<CheckpointContents?>

  init(_ contents: CheckpointContents) {
    state = Mutex(contents)
  }

  var contents: CheckpointContents? { state.withLock { $0 } }

  /// What `change` makes of the state, which is gone afterwards.
  func take<R>(_ change: (CheckpointContents) throws -> R) throws -> R {
    let contents = state.withLock { state in
      defer { state = nil }
      return state
    }
    guard let contents else { throw RefxError.cancelled() }
    return try change(contents)
  }
}

extension Leaf {
  /// Whether it is a large array in memory, which a training copies when it writes to it while a save holds it.
  var isInMemory: Bool { byteCount >= 1 << 16 && source is MemoryBytes }
}
