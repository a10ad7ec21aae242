import Glibc

/// Threads of the system that all run one function and are joined.
struct Threads {
  fileprivate var handles: [pthread_t] = []

  /// Starts up to `count` threads, each of which calls `body` once; fewer where the system gives no more, which
  /// whoever starts them must be able to bear.
  ///
  /// - Parameter stackBytes: the size of each one's stack, which takes memory as it is used; nil for the system's own.
  init(_ count: Int, stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void) {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return }
    defer { pthread_attr_destroy(&attributes) }
    if let stackBytes, pthread_attr_setstacksize(&attributes, stackBytes) != 0 { return }
    for _ in 0..<count {
      let start = Unmanaged.passRetained(Start(body: body))
      var handle = pthread_t()
      let status = pthread_create(
        &handle, &attributes,
        { argument in
          Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
          return nil
        }, start.toOpaque())
      guard status == 0 else {
        start.release()
        break
      }
      handles.append(handle)
    }
  }

  /// Waits until all have returned.
  mutating func join() {
    for handle in handles { pthread_join(handle, nil) }
    handles = []
  }

  private final class Start: Sendable {
    let body: @Sendable () -> Void

    init(body: @escaping @Sendable () -> Void) { self.body = body }
  }
}

/// Calls `body` with 0 ..< `count`, on up to `threads` threads at once, the caller's among them.
///
/// - Throws: what `body` throws; of several errors the one for the smallest number, whatever the number of
///   threads. Numbers beyond an error may be left out.
package func forEachInParallel(
  _ count: Int, threads: Int, _ body: @Sendable (Int) throws -> Void
) throws {
  if threads <= 1 || count <= 1 {
    for number in 0..<count { try body(number) }
    return
  }
  let state = ParallelState(count: count)
  withoutActuallyEscaping(body) { body in
    let work: @Sendable () -> Void = {
      while let number = state.claim() {
        do { try body(number) } catch { state.fail(error, at: number) }
      }
    }
    var others = Threads(min(threads, count) - 1, work)
    work()
    others.join()
  }
  if let error = state.error { throw error }
}

private final class ParallelState: @unchecked Sendable {
  // Sendable: everything that changes is changed under the lock.

  private let monitor = Monitor()
  private let count: Int
  private var next = 0
  private var failure: (number: Int, error: any Error)?

  init(count: Int) { self.count = count }

  /// Numbers are given out in order, so that every one below an error has been given out.
  func claim() -> Int? {
    monitor.withLock {
      guard next < count, failure == nil else { return nil }
      next += 1
      return next - 1
    }
  }

  func fail(_ error: any Error, at number: Int) {
    monitor.withLock {
      if let failure, failure.number < number { return }
      failure = (number, error)
    }
  }

  var error: (any Error)? { monitor.withLock { failure?.error } }
}

/// Memory of which each thread fills a part of its own.
package struct SharedBuffer: @unchecked Sendable {
  private let bytes: UnsafeMutableRawBufferPointer

  package init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

  package subscript(range: Range<Int>) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: bytes[range])
  }
}

/// Starts `count` threads that run `body` and are not waited for here.
///
/// - Returns: how many the system gave.
package func runOnThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) -> Int {
  var threads = Threads(count, stackBytes: 8 << 20, body)
  return threads.detach()
}

extension Threads {
  /// Lets them go.
  ///
  /// - Returns: how many there are.
  fileprivate mutating func detach() -> Int {
    for handle in handles { pthread_detach(handle) }
    defer { handles = [] }
    return handles.count
  }
}
