import Glibc

/// A lock that threads can also wait on until something has changed.
package final class Monitor: @unchecked Sendable {
  // Sendable: the two objects of the system are made for use by several threads.

  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  package func lock() { pthread_mutex_lock(mutex) }

  package func unlock() { pthread_mutex_unlock(mutex) }

  /// Gives up the lock until another thread calls ``notifyAll()``, or for no reason: look again afterwards.
  package func wait() { pthread_cond_wait(condition, mutex) }

  package func notifyAll() { pthread_cond_broadcast(condition) }

  package func withLock<R>(_ body: () throws -> R) rethrows -> R {
    lock()
    defer { unlock() }
    return try body()
  }
}
