import Glibc

/// What happens where the process crashes in spite of everything: it dies by the signal, and no more.
enum Crashes {
  /// Swift's runtime would start a program called `swift-backtrace`, which it looks for near the name that this
  /// process was started by; called by its bare name, in the folder that happens to be current, where it may
  /// have come with the file that crashes us.
  static func startNothing() {
    for number in [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP] {
      var action = sigaction()
      guard sigaction(number, nil, &action) == 0, let handler = action.__sigaction_handler.sa_handler,
        unsafeBitCast(handler, to: Int.self) != 1
      else { continue }
      signal(number, SIG_DFL)
    }
  }
}
