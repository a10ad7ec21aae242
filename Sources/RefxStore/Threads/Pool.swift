import Synchronization

/// Objects that are lent to one thread at a time and used again: as many as were ever lent at once.
package final class Pool<Object: AnyObject>: Sendable {
  private let idle = Mutex<[Lent]>([])
  private let make: @Sendable () -> Object

  /// What is idle is in one thread's hands when it is lent.
  private struct Lent: @unchecked Sendable {
    let object: Object
  }

  package init(_ make: @escaping @Sendable () -> Object) { self.make = make }

  /// Lends an object for the time of `body`.
  package func with<R>(_ body: (Object) throws -> R) rethrows -> R {
    let lent = idle.withLock { $0.popLast() } ?? Lent(object: make())
    defer { idle.withLock { $0.append(lent) } }
    return try body(lent.object)
  }
}
