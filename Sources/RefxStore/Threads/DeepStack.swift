import Refx
import Synchronization

/// Calls `body` on a thread whose stack is enough for the deepest tree, three at a time: those of a program's own
/// threads may be half a megabyte. The stack takes memory as it is used.
///
/// - Throws: what `body` throws, and ``RefxError`` where the system gives no thread.
package func withDeepStack<Success: Sendable>(_ body: @Sendable () throws -> Success) throws -> Success {
  try withoutActuallyEscaping(body) { body in
    let result = Mutex<Result<Success, any Error>?>(nil)
    withoutActuallyEscaping({ @Sendable () -> Void in
      let found = Result { try body() }
      result.withLock { $0 = found }
    }) { work in
      var thread = Threads(1, stackBytes: 64 << 20, work)
      thread.join()
    }
    guard let found = result.withLock({ $0 }) else { throw RefxError.noDeepStack() }
    return try found.get()
  }
}
