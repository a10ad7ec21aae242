import Glibc
import RefxStore

/// What a worker may take while it reads a file: in proportion to the file, and many times what a real one
/// needs.
struct WorkerLimits {
  private let fileBytes: Int

  init(_ file: InputFile) {
    fileBytes = file.byteCount
  }

  /// Computing time for one answer, in seconds.
  private var seconds: Int { 3 + fileBytes >> 19 }

  /// The time in seconds after which an answer is not waited for any more, where computing time is not counted
  /// or not given.
  var patience: Int { 60 + 10 * seconds }

  /// The most bytes that an answer may have: what it lists takes room in the file, too.
  var answerBytes: Int { 1 << 20 + fileBytes.multipliedClamping(by: 16) }

  func apply() {
    limit(Int32(RLIMIT_CORE.rawValue), to: 0)
    limit(Int32(RLIMIT_FSIZE.rawValue), to: 0)
    limit(Int32(RLIMIT_DATA.rawValue), to: takenBytes + 128 << 20 + fileBytes.multipliedClamping(by: 8))
  }

  /// No file can be opened any more.
  func closeDoors() {
    limit(Int32(RLIMIT_NOFILE.rawValue), to: 0)
  }

  /// The system ends the process where an answer takes longer.
  func startClock() { setClock(seconds) }

  func stopClock() { setClock(0) }

  private func setClock(_ seconds: Int) {
    var timer = itimerval()
    timer.it_value.tv_sec = seconds
    setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
  }

  /// What the process has before it begins; some builds reserve a lot.
  private var takenBytes: Int {
    let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 256)
    let count = read(descriptor, &text, text.count)
    let fields = text[..<max(0, count)].split { $0 == 0x20 || $0 == 0x0A }
    guard fields.count > 5, let pages = Int(String(decoding: fields[5], as: UTF8.self)) else { return 0 }
    return pages.multipliedClamping(by: sysconf(Int32(_SC_PAGESIZE)))
  }

  private func limit(_ resource: Int32, to most: Int) {
    var limits = rlimit()
    guard getrlimit(resource, &limits) == 0 else { return }
    limits.rlim_max = min(rlim_t(most), limits.rlim_max)
    limits.rlim_cur = limits.rlim_max
    setrlimit(resource, &limits)
  }
}
