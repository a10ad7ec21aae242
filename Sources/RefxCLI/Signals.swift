import Glibc
import RefxStore

/// What the process does when it is told to stop.
enum Signals {
  /// On SIGINT, SIGTERM and SIGHUP the temporaries are removed and the process dies by that signal. A closed
  /// pipe and a full quota are ordinary write errors.
  static func install() {
    LiveTemporaries.prepare()
    _ = signal(SIGPIPE, SIG_IGN)
    _ = signal(SIGXFSZ, SIG_IGN)
    for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        LiveTemporaries.unlinkAll()
        // The handler was reset when it was called: this one kills.
        kill(getpid(), number)
      }
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | Int32(SA_NODEFER)
      sigaction(number, &action, nil)
    }
  }

  /// Whether whoever started the process wants the signal ignored, as `nohup` does.
  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0, let handler = action.__sigaction_handler.sa_handler else {
      return false
    }
    return unsafeBitCast(handler, to: Int.self) == 1
  }
}
