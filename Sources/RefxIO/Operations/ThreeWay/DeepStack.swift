import Glibc
import Refx

/// Calls `body` on a thread whose stack is enough for the deepest tree, three at a time: those of a program's own
/// threads may be half a megabyte. The stack takes memory as it is used.
///
/// - Throws: what `body` throws, and ``RefxError`` where the system gives no thread.
func withDeepStack<Success: Sendable>(_ body: @Sendable () throws -> Success) throws -> Success {
  var attributes = pthread_attr_t()
  guard pthread_attr_init(&attributes) == 0 else { throw RefxError.noThreadForMerge() }
  defer { pthread_attr_destroy(&attributes) }
  guard pthread_attr_setstacksize(&attributes, 64 << 20) == 0 else { throw RefxError.noThreadForMerge() }
  return try withoutActuallyEscaping(body) { body in
    let work = DeepWork(body: body)
    let start = Unmanaged.passRetained(work as DeepWorkBase)
    var handle = pthread_t()
    let status = pthread_create(
      &handle, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<DeepWorkBase>.fromOpaque(argument).takeRetainedValue().run()
        return nil
      }, start.toOpaque())
    guard status == 0 else {
      start.release()
      throw RefxError.noThreadForMerge()
    }
    pthread_join(handle, nil)
    work.body = nil
    guard let result = work.result else { throw RefxError.noThreadForMerge() }
    return try result.get()
  }
}

private class DeepWorkBase {
  func run() {}
}

/// Touched by the new thread, and by the caller's once that has ended.
private final class DeepWork<Success: Sendable>: DeepWorkBase {
  var body: (@Sendable () throws -> Success)?
  var result: Result<Success, any Error>?

  init(body: @escaping @Sendable () throws -> Success) { self.body = body }

  override func run() {
    guard let body else { return }
    self.body = nil
    result = Result { try body() }
  }
}
