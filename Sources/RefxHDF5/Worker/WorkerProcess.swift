import CConfine
import Glibc
import Refx
import RefxStore

/// A worker that runs, seen from the process that started it. It is ended with the last reference.
///
/// For one thread at a time.
final class WorkerProcess {
  private let process: pid_t
  private let connection: Int32
  private let limits: WorkerLimits
  private var isReaped = false
  /// When the answer to what was asked last is too late.
  private var deadline = 0

  /// Starts `executable` as a worker that reads `file`.
  ///
  /// - Throws: ``RefxError`` where it cannot be started.
  init(_ file: InputFile, executable: String) throws {
    limits = WorkerLimits(file)
    // Before a process is made for it, which costs much more than to look.
    guard access(executable, X_OK) == 0 else {
      throw RefxError.workerNotStarted(executable, errno: errno, file: file.name)
    }
    var pair: (Int32, Int32) = (-1, -1)
    let made = withUnsafeMutableBytes(of: &pair) {
      socketpair(
        AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0,
        $0.bindMemory(to: Int32.self).baseAddress)
    }
    guard made == 0 else { throw RefxError.workerNotStarted(executable, errno: errno, file: file.name) }
    connection = pair.0
    defer { close(pair.1) }
    do {
      process = try WorkerProcess.start(executable, connection: pair.1, reading: file)
    } catch {
      close(connection)
      isReaped = true
      throw error
    }
    // Nobody is waited for longer than patience says, whatever becomes of the other side.
    var patience = timeval(tv_sec: limits.patience, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(connection, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  deinit {
    close(connection)
    if !isReaped {
      kill(process, SIGKILL)
      reap()
    }
  }

  /// - Returns: the answer's first message; nil where the worker is gone, or never answers.
  func ask(_ request: WorkerRequest) -> [UInt8]? {
    guard Wire.send(request.bytes, to: connection) else { return nil }
    deadline = Wire.now() + limits.patience
    return Wire.receive(from: connection, most: limits.answerBytes, deadline: deadline)
  }

  /// Receives stored bytes that follow an answer.
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Bool {
    Wire.receive(into: buffer, from: connection, deadline: deadline)
  }

  /// Ends the worker, whatever it does.
  ///
  /// - Returns: what became of it.
  func end() -> WorkerDeath {
    // What crashed is dead or about to be; what hangs is killed here, and has not found an end.
    var status: Int32 = 0
    var tries = 0
    var isKilledHere = false
    while !isReaped {
      let found = waitpid(process, &status, WNOHANG)
      if found == process || found < 0 && errno != EINTR { isReaped = true }
      if isReaped { break }
      tries += 1
      if tries == 200 {
        kill(process, SIGKILL)
        isKilledHere = true
      }
      usleep(5000)
    }
    switch status & 0x7F {
    case SIGPROF: return .foundNoEnd
    case SIGKILL: return isKilledHere ? .foundNoEnd : .killed
    case 0: return .ended
    case let signal: return .crashed(signal)
    }
  }

  private func reap() {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    isReaped = true
  }

  // MARK: Starting

  private static func start(
    _ executable: String, connection: Int32, reading file: InputFile
  ) throws -> pid_t {
    let source = try descriptor(of: file)
    defer { close(source) }
    // Out of the way of the numbers that they get in the worker.
    let other = fcntl(connection, F_DUPFD_CLOEXEC, 16)
    guard other >= 0 else { throw RefxError.workerNotStarted(executable, errno: errno, file: file.name) }
    defer { close(other) }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, other, HDF5Worker.Descriptor.connection)
    for number: Int32 in [1, 2] {
      posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_WRONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, source, HDF5Worker.Descriptor.file)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own, so that what is meant for this process does not end the worker; no signal is ignored
    // or blocked, whoever started us.
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)

    // By that name Swift looks for what prints a crash: by a bare one, in the folder that happens to be current.
    let words = [executable, HDF5Worker.argument].map { (word: String) in strdup(word) }
    let settings = environment.map { (word: String) in strdup(word) }
    defer { for word in words + settings { free(word) } }
    var process: pid_t = 0
    let status = posix_spawn(
      &process, executable, &actions, &attributes, words + [nil], settings + [nil])
    guard status == 0 else { throw RefxError.workerNotStarted(executable, errno: status, file: file.name) }
    return process
  }

  /// All that a worker gets to know: where libraries lie, so that it finds the ones that we found.
  private static var environment: [String] {
    var environment = ["SWIFT_BACKTRACE=enable=no"]
    if let folders = getenv("LD_LIBRARY_PATH") {
      environment.append("LD_LIBRARY_PATH=" + String(cString: folders))
    }
    return environment
  }

  /// A descriptor of the file, high enough to be out of the way; bytes in memory are given one.
  private static func descriptor(of file: InputFile) throws -> Int32 {
    let file = try file.standingAlone()
    if let descriptor = file.descriptor {
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 16)
      guard copy >= 0 else { throw RefxError.system("cannot open the file", errno: errno, file: file.name) }
      return copy
    }
    let made = refx_memory_file()
    guard made >= 0 else { throw RefxError.system("cannot take memory", errno: errno, file: file.name) }
    defer { close(made) }
    try file.memory?.withBytes { bytes in
      guard Wire.send(bytes, to: made) else {
        throw RefxError.system("cannot take memory", errno: errno, file: file.name)
      }
    }
    let copy = fcntl(made, F_DUPFD_CLOEXEC, 16)
    guard copy >= 0 else { throw RefxError.system("cannot take memory", errno: errno, file: file.name) }
    return copy
  }
}

/// What became of a worker that answers no more.
enum WorkerDeath {
  /// It did what it must not, by that signal.
  case crashed(Int32)
  /// It took longer than it may.
  case foundNoEnd
  /// Somebody else ended it, which says nothing about the file.
  case killed
  /// It ended of itself.
  case ended
}

extension RefxError {
  static func workerDied(_ death: WorkerDeath, file: String) -> RefxError {
    switch death {
    case .crashed(let signal): .readerDied(signal, file: file)
    case .foundNoEnd: .readerDied(nil, file: file)
    case .killed: .workerKilled(file: file)
    case .ended: .workerMisunderstood(file: file)
    }
  }

  fileprivate static func workerNotStarted(_ executable: String, errno number: Int32, file: String)
    -> RefxError
  {
    .workerNotStarted(
      executable, reason: strerror(number).map { String(cString: $0) } ?? "error \(number)", file: file)
  }
}
