import Glibc
import Refx
import RefxIO
import RefxStore

/// Whether a file can be opened at all, found out by a child process.
///
/// libhdf5 may crash or never return on a damaged file, and nothing in its own process can hold it. So a child
/// opens the catalogue first; where it dies, the file is damaged. Costs one more reading of the catalogue.
struct Probe {
  private let file: InputFile
  private let store: any CheckpointStore.Type
  private let options: OpenOptions

  /// - Throws: ``RefxError`` where the child died.
  static func check(_ file: InputFile, format: FormatName?, options: OpenOptions) throws {
    let store = try format.map { try Formats.all.named($0) } ?? Formats.all.store(of: file)
    // The other formats are read by code of this project, which does not crash.
    guard store.format.name == FormatName.hdf5.rawValue else { return }
    try Probe(file: file, store: store, options: options).check()
  }

  private func check() throws {
    let child = fork()
    if child == 0 { open() }
    // Where no process can be made, the file is opened without one.
    guard child > 0 else { return }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 { guard errno == EINTR else { return } }
    let signal = status & 0x7F
    if signal == 0 { return }
    let foundNoEnd = [SIGXCPU, SIGKILL, SIGALRM].contains(signal)
    throw RefxError.readerDied(foundNoEnd ? nil : signal, file: file.name)
  }

  /// In the child: what goes wrong in order is found again by the parent.
  private func open() -> Never {
    for number in [
      SIGINT, SIGTERM, SIGHUP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGXCPU, SIGALRM,
    ] {
      signal(number, SIG_DFL)
    }
    // Whoever started the command may have blocked them.
    var none = sigset_t()
    sigemptyset(&none)
    sigprocmask(SIG_SETMASK, &none, nil)
    limit(Int32(RLIMIT_CORE.rawValue), to: 0)
    limit(Int32(RLIMIT_CPU.rawValue), to: seconds)
    // And a clock, for where computing time is not counted.
    alarm(UInt32(clamping: 60 + 10 * seconds))
    _ = try? store.open(file, options: options)
    _exit(0)
  }

  /// The most computing time, in seconds: many times what an object of a few hundred bytes takes.
  private var seconds: UInt { 3 + UInt(file.byteCount >> 19) }

  /// Past the second limit the system kills without asking.
  private func limit(_ resource: Int32, to most: UInt) {
    var limits = rlimit()
    guard getrlimit(resource, &limits) == 0 else { return }
    limits.rlim_max = min(most + 1, limits.rlim_max)
    limits.rlim_cur = min(most, limits.rlim_max)
    setrlimit(resource, &limits)
  }
}
