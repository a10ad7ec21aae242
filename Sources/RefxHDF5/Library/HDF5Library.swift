import CHDF5
import Glibc
import Refx

/// libhdf5 behind one door: one lock around every call, no message printed by it, no plugin loaded by it, and
/// every failure an error that says what its own error stack says.
///
/// The lock can be taken again by the thread that holds it, so that a group of calls may stay together.
package final class HDF5Library: @unchecked Sendable {
  static let shared = HDF5Library()

  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  /// Set in each thread on which the library has been told to print nothing.
  private var silenced = pthread_key_t()

  private init() {
    lock = .allocate(capacity: 1)
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
    pthread_mutex_init(lock, &attributes)
    pthread_mutexattr_destroy(&attributes)
    pthread_key_create(&silenced, nil)
    // Nothing is left to the library's own exit handler: it only reads.
    H5dont_atexit()
    H5open()
    H5PLset_loading_state(0)
  }

  /// Runs `body` with the lock held and the library silent.
  func withLock<R>(_ body: () throws -> R) rethrows -> R {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    if pthread_getspecific(silenced) == nil {
      H5Eset_auto2(0, nil, nil)
      pthread_setspecific(silenced, UnsafeRawPointer(lock))
    }
    return try body()
  }

  /// The identifiers that are open in this process, which come back to what they were when files are closed.
  package static var openIdentifierCount: Int {
    // H5F_OBJ_ALL is 31: of all kinds, in all files.
    shared.withLock { Int(H5Fget_obj_count(31, 31)) }
  }

  /// What the library says about its last failure on this thread, from the call inwards.
  func errorStack() -> [String] {
    final class Lines { var all: [String] = [] }
    let lines = Lines()
    withExtendedLifetime(lines) {
      _ = H5Ewalk2(
        0, H5E_WALK_DOWNWARD,
        { _, record, context in
          guard let record, let context, let description = record.pointee.desc else { return 0 }
          let function = record.pointee.func_name.map { String(cString: $0) } ?? "libhdf5"
          let lines = Unmanaged<Lines>.fromOpaque(context).takeUnretainedValue()
          if lines.all.count < 64 { lines.all.append("\(function): \(String(cString: description))") }
          return 0
        }, Unmanaged.passUnretained(lines).toOpaque())
    }
    return lines.all
  }
}

/// Who calls the library: the file that errors name.
struct HDF5Context: Sendable {
  let file: String?

  /// Makes one call of the library, which fails by a negative result.
  ///
  /// - Throws: ``RefxError`` with the library's error stack.
  @discardableResult
  func check<Status: SignedInteger>(
    _ call: StaticString, at object: @autoclosure () -> String, _ body: @autoclosure () -> Status
  ) throws -> Status {
    try HDF5Library.shared.withLock {
      let status = body()
      guard status >= 0 else { throw failure(call, at: object()) }
      return status
    }
  }

  /// Makes one call that gives an identifier, which the handle closes.
  func open(
    _ call: StaticString, at object: @autoclosure () -> String, _ body: @autoclosure () -> hid_t
  ) throws -> HDF5Handle {
    try HDF5Library.shared.withLock { HDF5Handle(try check(call, at: object(), body())) }
  }

  func failure(_ call: StaticString, at object: String) -> RefxError {
    let stack = HDF5Library.shared.errorStack()
    return .hdf5Failed(
      "\(call)", reason: reason(of: stack), stack: stack, object: object, file: file)
  }

  /// The innermost message is the cause; one from the system stands in quotes within it.
  private func reason(of stack: [String]) -> String {
    guard let innermost = stack.last else { return "no reason given" }
    let quoted = innermost.split(separator: "'", omittingEmptySubsequences: false)
    return quoted.count > 2 && quoted[quoted.count - 3].hasSuffix("error message = ")
      ? String(quoted[quoted.count - 2]) : innermost
  }
}

/// One identifier of libhdf5; closed when nothing holds it any more.
final class HDF5Handle: @unchecked Sendable {
  let id: hid_t

  init(_ id: hid_t) {
    self.id = id
  }

  deinit {
    HDF5Library.shared.withLock { _ = H5Idec_ref(id) }
  }
}
