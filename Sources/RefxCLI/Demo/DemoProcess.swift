import Glibc
import Refx
import RefxStore
import Synchronization

/// Runs this very command as a process of its own, as the person in front of the terminal would.
enum DemoProcess {
  /// How it ended.
  struct End {
    let code: Int32
    let signal: Int32?
    let output: [UInt8]
  }

  /// What is done with what the process prints.
  enum Output {
    /// It goes where ours goes, so that a terminal stays one.
    case shown
    /// It is kept, and given back.
    case kept
    /// It is kept, and each line is shown to somebody who may end the process by answering false.
    case watched((String) throws -> Bool)
  }

  /// - Throws: ``RefxError`` where no process can be had; ``Stopped`` where somebody wants us to end.
  static func run(_ arguments: [String], output: Output) throws -> End {
    try StandardOutput.flush()
    var ends: [Int32] = [-1, -1]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let keeps = if case .shown = output { false } else { true }
    if keeps {
      guard pipe(&ends) == 0 else {
        throw RefxError.system("cannot make a pipe", errno: errno, file: "refx")
      }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    }
    let words = (["refx"] + arguments).map { (word: String) in strdup(word) }
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let status = posix_spawn(&process, "/proc/self/exe", &actions, nil, words + [nil], environ)
    if keeps { close(ends[1]) }
    guard status == 0 else {
      if keeps { close(ends[0]) }
      throw RefxError.system("cannot start a process", errno: status, file: "refx")
    }
    var printed: [UInt8] = []
    do {
      if keeps { printed = try read(ends[0], of: process, output) }
    } catch {
      close(ends[0])
      kill(process, SIGKILL)
      _ = wait(for: process)
      throw error
    }
    if keeps { close(ends[0]) }
    let end = wait(for: process)
    if let signal = DemoStop.asked { throw Stopped(signal: signal) }
    return End(code: end.code, signal: end.signal, output: printed)
  }

  /// Reads until the process prints no more; where it is watched, it is killed as soon as the watcher wants it.
  private static func read(_ descriptor: Int32, of process: pid_t, _ output: Output) throws -> [UInt8] {
    var all: [UInt8] = []
    var line: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR {
        if let signal = DemoStop.asked { kill(process, signal) }
        continue
      }
      guard count > 0 else { return all }
      all += buffer[..<count]
      guard case .watched(let goesOn) = output else { continue }
      for byte in buffer[..<count] {
        guard byte == UInt8(ascii: "\n") else {
          line.append(byte)
          continue
        }
        // SIGKILL: nothing in the process gets to tidy up.
        if try !goesOn(String(decoding: line, as: UTF8.self)) { kill(process, SIGKILL) }
        line = []
      }
    }
  }

  private static func wait(for process: pid_t) -> (code: Int32, signal: Int32?) {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {
      if let signal = DemoStop.asked { kill(process, signal) }
    }
    let signal = status & 0x7F
    return signal == 0 ? ((status >> 8) & 0xFF, nil) : (128 + signal, signal)
  }
}

/// The command was told to end while a process of its own was at work.
struct Stopped: Error {
  let signal: Int32
}

/// While the demonstration runs, a signal ends what it has started, its folder is taken away, and only then does
/// it die by that signal itself.
enum DemoStop {
  private static let number = Atomic<Int32>(0)

  static var asked: Int32? {
    let signal = number.load(ordering: .sequentiallyConsistent)
    return signal == 0 ? nil : signal
  }

  static func watch() {
    _ = asked
    for signal in [SIGINT, SIGTERM, SIGHUP] {
      var action = sigaction()
      sigaction(signal, nil, &action)
      if let handler = action.__sigaction_handler.sa_handler, unsafeBitCast(handler, to: Int.self) == 1 {
        continue
      }
      action = sigaction()
      action.__sigaction_handler.sa_handler = { DemoStop.number.store($0, ordering: .sequentiallyConsistent) }
      sigaction(signal, &action, nil)
    }
  }

  static func die(by signal: Int32) -> Never {
    Glibc.signal(signal, SIG_DFL)
    kill(getpid(), signal)
    exit(128 + signal)
  }
}
