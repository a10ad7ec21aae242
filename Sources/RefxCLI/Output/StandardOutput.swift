import Glibc
import Refx
import RefxStore
import Synchronization

/// Whoever read standard output has closed it: the work ends quietly.
package struct ClosedPipe: Error {}

/// Standard output, buffered: data alone goes here.
enum StandardOutput {
  private struct State {
    var pending: [UInt8] = []
    var isHeld = false
  }

  private static let state = Mutex(State())
  private static let limit = 1 << 16

  static func write(_ text: String) throws {
    try write(Array(text.utf8))
  }

  static func write(_ bytes: some Sequence<UInt8>) throws {
    try state.withLock { state in
      state.pending += bytes
      if state.pending.count >= limit && !state.isHeld { try flush(&state) }
    }
  }

  /// A whole document on a line of its own.
  static func write(_ json: JSON) throws {
    try write(JSON.terminalSafe(json.bytes()) + [0x0A])
  }

  /// Keeps everything back until ``flush()``, so that an error can still take the place of half a document.
  static func hold() {
    state.withLock { $0.isHeld = true }
  }

  /// Forgets what was kept back.
  static func discard() {
    state.withLock { state in
      state.pending = []
      state.isHeld = false
    }
  }

  static func flush() throws {
    try state.withLock { state in
      state.isHeld = false
      try flush(&state)
    }
  }

  private static func flush(_ state: inout State) throws {
    let bytes = state.pending
    state.pending = []
    guard Crews.current.isFirst else { return }
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(1, $0.baseAddress! + done, bytes.count - done) }
      if count > 0 {
        done += count
      } else if count == 0 {
        throw RefxError.system("cannot write", errno: EIO, file: "standard output")
      } else if errno == EPIPE {
        throw ClosedPipe()
      } else if errno != EINTR {
        throw RefxError.system("cannot write", errno: errno, file: "standard output")
      }
    }
  }
}

/// Words go to standard error.
package enum StandardError {
  package static func write(_ line: String) {
    guard Crews.current.isFirst else { return }
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, bytes.count) }
  }

  /// A word that does not stop anything; `quiet` silences it.
  static func note(_ line: String, _ options: OutputOptions) {
    if !options.quiet { write("refx: " + line) }
  }

  /// A word about something that does not come through: it is said with `--quiet` too.
  static func loss(_ line: String) {
    write("refx: " + line)
  }
}
