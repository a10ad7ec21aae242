import Glibc

/// Runs many cases in child processes, a batch in each, so that a crash, a hang or a flood of memory is one case's
/// and not the end of the run.
struct Children {
  /// The most memory that a batch may take beyond what its parent has.
  var memoryLimit = Int.max
  /// The most seconds for one case.
  var secondsForACase: UInt32 = 20
  var casesInABatch = 2000

  /// What became of the cases.
  struct Outcome {
    var executions = 0
    var violations: [String] = []
    var largestMemory = 0
    /// Cases whose process died by a signal, which is said in words.
    var deaths: [(case: Int, words: String)] = []
  }

  /// Runs `body` for each number below `count`; what it returns is a violation, in words.
  func run(_ count: Int, _ body: (Int) -> String?) -> Outcome {
    var outcome = Outcome()
    let shared = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let shared, shared != MAP_FAILED else { fail("no memory to share") }
    let reached = shared.assumingMemoryBound(to: Int.self)
    defer { munmap(shared, 4096) }
    var next = 0
    while next < count {
      let batch = next..<min(count, next + casesInABatch)
      reached.pointee = batch.lowerBound
      let (words, status, memory) = runBatch(batch, reached, body)
      outcome.violations += words
      outcome.largestMemory = max(outcome.largestMemory, memory)
      let signal = status & 0x7F
      if signal == 0 && status >> 8 == 0 {
        next = batch.upperBound
      } else {
        // The case that was under way; the rest of the batch has another child.
        let place = reached.pointee
        next = place + 1
        outcome.deaths.append(
          (
            place,
            signal == SIGALRM
              ? "took longer than \(secondsForACase) s"
              : signal == 0 ? "ended with \(status >> 8)" : "died by signal \(signal)"
          ))
      }
      outcome.executions += next - batch.lowerBound
      if memory > memoryLimit {
        outcome.violations.append(
          "cases \(batch) took \(memory >> 20) MiB, more than \(memoryLimit >> 20)")
      }
    }
    return outcome
  }

  private func runBatch(
    _ batch: Range<Int>, _ reached: UnsafeMutablePointer<Int>, _ body: (Int) -> String?
  ) -> (words: [String], status: Int32, memory: Int) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { fail("no pipe") }
    let child = fork()
    if child == 0 {
      close(ends[0])
      // What it starts with is not what a case takes.
      reached[1] = Children.residentBytes()
      var limit = rlimit(rlim_cur: 0, rlim_max: 0)
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
      // What a library says as it dies, once for each case, helps nobody.
      let nowhere = open("/dev/null", O_WRONLY)
      if nowhere >= 0 { dup2(nowhere, 2) }
      // A crash is told by the signal; to print its backtrace takes seconds.
      for number in [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP] { signal(number, SIG_DFL) }
      for number in batch {
        reached.pointee = number
        alarm(secondsForACase)
        guard let words = body(number) else { continue }
        let line = Array("case \(number): \(words.replacingNewlines)\n".utf8)
        _ = line.withUnsafeBytes { write(ends[1], $0.baseAddress, line.count) }
      }
      _exit(0)
    }
    guard child > 0 else { fail("no child process") }
    close(ends[1])
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(ends[0], $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 { break }
      text += buffer[..<count]
    }
    close(ends[0])
    var status: Int32 = 0
    var usage = rusage()
    while wait4(child, &status, 0, &usage) < 0 { guard errno == EINTR else { fail("no child to wait for") } }
    let words = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    return (words, status, max(0, usage.ru_maxrss * 1024 - reached[1]))
  }

  private static func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return 0 }
    let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      .split(separator: " ")
    return (words.count > 1 ? Int(words[1]) ?? 0 : 0) * Int(getpagesize())
  }
}

extension String {
  fileprivate var replacingNewlines: String {
    String(decoding: utf8.map { $0 == 0x0A ? UInt8(ascii: " ") : $0 }, as: UTF8.self)
  }
}

extension Figures {
  /// Adds what the children found; a death is a violation unless `mend` says that somebody contains it.
  mutating func add(
    _ outcome: Children.Outcome, of file: String, mend: (Int) -> String? = { _ in "" }
  ) {
    executions += outcome.executions
    largestMemory = max(largestMemory, outcome.largestMemory)
    violations += outcome.violations.map { "\(file): \($0)" }
    for death in outcome.deaths {
      if let complaint = mend(death.case) {
        violations.append("\(file): case \(death.case): \(death.words) \(complaint)")
      } else {
        contained += 1
      }
    }
  }
}
