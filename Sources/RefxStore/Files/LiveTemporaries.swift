import Glibc
import Synchronization

/// The temporaries that are being written now, where a signal handler can reach them: a fixed table of
/// C strings, read without a lock and without allocating.
public enum LiveTemporaries {
  struct Registration { let slot: Int }

  private static let slots = 64
  private static let slotBytes = Int(PATH_MAX) + 1

  /// What a slot holds.
  private enum State {
    static let free = 0, filling = 1, live = 2
  }

  /// The memory of the table; never freed, and changed only by the holder of a slot.
  private struct Table: @unchecked Sendable {
    let states: UnsafeMutablePointer<Atomic<Int>>
    let paths: UnsafeMutablePointer<CChar>

    init() {
      states = .allocate(capacity: slots)
      for slot in 0..<slots { (states + slot).initialize(to: Atomic(State.free)) }
      paths = .allocate(capacity: slots * slotBytes)
      paths.initialize(repeating: 0, count: slots * slotBytes)
    }
  }

  private static let table = Table()

  /// Makes the table. To be called before a signal handler that uses it is installed.
  public static func prepare() {
    _ = table.states
  }

  /// Removes every temporary. Safe to call in a signal handler, after ``prepare()``.
  public static func unlinkAll() {
    for slot in 0..<slots where table.states[slot].load(ordering: .acquiring) == State.live {
      unlink(table.paths + slot * slotBytes)
    }
  }

  /// Notes `path`; nil where the table is full or the path too long: then a kill leaves the temporary for the
  /// next save to remove.
  static func register(_ path: String) -> Registration? {
    let length = path.utf8.count
    guard length < slotBytes else { return nil }
    for slot in 0..<slots {
      let (taken, _) = table.states[slot].compareExchange(
        expected: State.free, desired: State.filling, ordering: .acquiringAndReleasing)
      guard taken else { continue }
      let start = table.paths + slot * slotBytes
      path.withCString { start.update(from: $0, count: length + 1) }
      table.states[slot].store(State.live, ordering: .releasing)
      return Registration(slot: slot)
    }
    return nil
  }

  static func unregister(_ registration: Registration) {
    table.states[registration.slot].store(State.free, ordering: .releasing)
  }
}
