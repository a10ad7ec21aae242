import Glibc

/// Damages files in every way that is written down, and reads them: `Tools/checks/damage` and the tests run it.
///
/// Prints one line of figures for each check. What is damaged is read in child processes, so that a crash is
/// counted as one; exits with 1 where anything went wrong.
@main struct DamageCheck {
  static func main() {
    var arguments = Array(CommandLine.arguments.dropFirst())
    var setting = Setting()
    func value(of option: String) -> String? {
      guard let place = arguments.firstIndex(of: option) else { return nil }
      guard arguments.indices.contains(place + 1) else { fail("\(option) needs a value") }
      defer { arguments.removeSubrange(place...(place + 1)) }
      return arguments[place + 1]
    }
    if let place = arguments.firstIndex(of: "--long") {
      setting.isLong = true
      arguments.remove(at: place)
    }
    if let text = value(of: "--seed") {
      guard let seed = UInt64(text) else { fail("--seed needs a number") }
      setting.seed = seed
    }
    setting.command = value(of: "--refx")
    if let folder = value(of: "--fixtures") { setting.fixtures = folder }
    guard let name = arguments.first, arguments.count == 1, let check = checks[name] else {
      fail(
        "usage: DamageCheck \(checks.keys.sorted().joined(separator: "|")) [--long] [--seed N] [--refx PATH]"
          + " [--fixtures DIR]")
    }
    let started = now()
    do {
      let figures = try check(setting)
      say("\(name): \(figures.line), \(Int(now() - started)) s, seed \(setting.seed)", to: 1)
      for violation in figures.violations.prefix(20) { say("\(name): VIOLATION: \(violation)") }
      exit(figures.violations.isEmpty ? 0 : 1)
    } catch {
      fail("\(name): \(error)")
    }
  }

  private static let checks: [String: @Sendable (Setting) throws -> Figures] = [
    "refx-bits": { try RefxBits($0).run() },
    "hdf5-bits": { try HDF5Bits($0).run() },
    "cuts": { try Cuts($0).run() },
    "fields": { try Fields($0).run() },
    "bombs": { try Bombs($0).run() },
    "foreign": { try ForeignFiles($0).run() },
  ]
}

/// What a run was asked for.
struct Setting: Sendable {
  var isLong = false
  var seed: UInt64 = 20_240_601
  /// The built `refx`.
  var command: String?
  /// The folder `Fixtures`.
  var fixtures = "Fixtures"
}

/// What a check found.
struct Figures {
  var files = 0
  var executions = 0
  var violations: [String] = []
  /// Of a child process, beyond what its parent had.
  var largestMemory = 0
  /// Crashes inside libhdf5 that the command turned into a sentence.
  var contained = 0

  var line: String {
    let crashes = contained == 0 ? "" : ", \(contained) crashes of the library contained by the command"
    return "\(files) files, \(executions) executions, \(violations.count) violations\(crashes), "
      + "largest memory \(largestMemory >> 20) MiB"
  }
}

/// Seconds of a clock that only goes forward.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func say(_ line: String, to descriptor: Int32 = 2) {
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, bytes.count) }
}

func fail(_ message: String) -> Never {
  say("DamageCheck: \(message)")
  exit(2)
}
