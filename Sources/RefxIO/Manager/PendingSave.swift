import Refx
import RefxStore
import Synchronization

/// A save that goes on in the background.
///
/// What lands in the file is the state at the call; whatever becomes of the model afterwards does not reach it.
public final class PendingSave: Sendable {
  /// The number of the step.
  public let step: Int

  private struct State {
    var result: Result<SavedStep, any Error>?
    var isCancelled = false
    /// Whether somebody was told how it ended.
    var isSeen = false
    var waiting: [CheckedContinuation<SavedStep, any Error>] = []
  }

  private let state = Mutex(State())
  private let monitor = Monitor()
  private let queue: SaveQueue
  private let folder: String
  private let warn: @Sendable (String) -> Void

  /// - Parameter warn: is told of an error that nobody asks for any more.
  init(step: Int, queue: SaveQueue, folder: String, warn: @escaping @Sendable (String) -> Void) {
    self.step = step
    self.queue = queue
    self.folder = folder
    self.warn = warn
  }

  /// The manager holds it until somebody was told how it ended: this is after the manager's own end.
  deinit {
    guard let error = takeUnseenError() else { return }
    let words =
      (error as? RefxError).map { ([$0.summary] + $0.details).joined(separator: "; ") } ?? "\(error)"
    warn(visible(words))
  }

  /// Waits until the step is on the disk, on this thread.
  ///
  /// - Throws: ``RefxError`` where it could not be saved, or was cancelled; and where it is under way and this is
  ///   called by a save of the same manager, such as from its progress, which would wait for itself.
  @discardableResult
  public func wait() throws -> SavedStep {
    if !isDone, queue.isCalling { throw RefxError.waitsForItself(folder) }
    let result: Result<SavedStep, any Error> = monitor.withLock {
      while true {
        let found = state.withLock { state in
          if state.result != nil { state.isSeen = true }
          return state.result
        }
        if let found { return found }
        monitor.wait()
      }
    }
    return try result.get()
  }

  /// The step, once it is on the disk.
  ///
  /// - Throws: ``RefxError`` where it could not be saved, or was cancelled.
  public var saved: SavedStep {
    get async throws {
      try await withCheckedThrowingContinuation { continuation in
        let result = state.withLock { state -> Result<SavedStep, any Error>? in
          state.isSeen = true
          if state.result == nil { state.waiting.append(continuation) }
          return state.result
        }
        if let result { continuation.resume(with: result) }
      }
    }
  }

  /// Whether it has ended, in whichever way.
  public var isDone: Bool { state.withLock { $0.result != nil } }

  /// Calls it off: nothing of it stays. Does nothing where it is on the disk already, which ``wait()`` tells.
  public func cancel() {
    state.withLock { $0.isCancelled = true }
  }

  /// Whether it is the save of that step, and is under way.
  func isOn(_ step: Int) -> Bool { self.step == step && !isDone }

  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  /// The error, where it failed and nobody was told; from then on somebody was.
  func takeUnseenError() -> (any Error)? {
    state.withLock { state in
      guard !state.isSeen, !state.isCancelled, case .failure(let error)? = state.result else { return nil }
      state.isSeen = true
      return error
    }
  }

  func end(with result: Result<SavedStep, any Error>) {
    let waiting = state.withLock { state in
      state.result = result
      let waiting = state.waiting
      state.waiting = []
      return waiting
    }
    for continuation in waiting { continuation.resume(with: result) }
    monitor.withLock { monitor.notifyAll() }
  }
}
