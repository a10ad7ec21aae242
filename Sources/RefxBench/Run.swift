import Glibc
import RefxBenchC
import RefxIO

/// One run of a job: what it was asked, and what came out.
final class Run {
  /// What a process measures: looking at memory or counting allocations costs time, so each has a run of its
  /// own, whose times mean nothing.
  enum Measure: String { case time, memory, allocations }

  private let arguments: [String: String]
  private let measured: Measure
  private var result: JSONObject = [:]
  private var wasMeasured = false

  /// The logical bytes that were worked on.
  var bytes: Int?
  /// The leaves that were worked on.
  var leaves: Int?
  /// The bytes that the job must hold in the end, such as a loaded model; not counted as extra memory.
  var held = 0

  init(_ id: String, _ arguments: [String: String]) throws {
    self.arguments = arguments
    guard let measure = Measure(rawValue: arguments["measure"] ?? "time") else {
      throw Trouble("measure= is time, memory or allocations")
    }
    measured = measure
    result["id"] = .string(id)
  }

  /// Times `body`, or looks at what memory it takes. Once in a run.
  func measure<R>(_ body: () throws -> R) throws -> R {
    guard !wasMeasured else { throw Trouble("a job measures once") }
    wasMeasured = true
    let memoryBefore = refx_bench_anonymous_bytes()
    switch measured {
    case .time: break
    case .memory: guard refx_bench_watch_memory() == 0 else { throw Trouble("no thread to watch memory") }
    case .allocations: refx_bench_count_allocations()
    }
    let cpuBefore = seconds(of: CLOCK_PROCESS_CPUTIME_ID)
    let wallBefore = seconds(of: CLOCK_MONOTONIC)
    let value = try body()
    let wallAfter = seconds(of: CLOCK_MONOTONIC)
    let cpuAfter = seconds(of: CLOCK_PROCESS_CPUTIME_ID)
    switch measured {
    case .time: break
    case .memory:
      let peak = refx_bench_peak_anonymous_bytes()
      result["peakExtraBytes"] = .integer(max(0, peak - memoryBefore - Int64(held)))
    case .allocations: result["allocations"] = .integer(refx_bench_allocations())
    }
    result["wallSeconds"] = .number(wallAfter - wallBefore)
    result["cpuSeconds"] = .number(cpuAfter - cpuBefore)
    return value
  }

  /// One more field of the line, such as `stored`.
  func note(_ name: Key, _ value: JSON) { result[name] = value }

  /// The line; nil where nothing was measured.
  func line() -> JSON? {
    guard wasMeasured else { return nil }
    if let bytes { result["bytes"] = .integer(Int64(bytes)) }
    if let leaves { result["leaves"] = .integer(Int64(leaves)) }
    return .object(result)
  }
}

// MARK: - Keys

extension Run {
  /// The value of a key; nil where it was not given.
  subscript(key: String) -> String? { arguments[key] }

  /// The value of a key that must be given.
  func text(_ key: String) throws -> String {
    guard let value = arguments[key] else { throw Trouble("\(key)= is missing") }
    return value
  }

  /// A whole number of at least 0.
  func count(_ key: String, default other: Int? = nil) throws -> Int {
    guard let text = arguments[key] else {
      guard let other else { throw Trouble("\(key)= is missing") }
      return other
    }
    guard let value = Int(text), value >= 0 else { throw Trouble("\(key)=\(text) is no count") }
    return value
  }

  /// Whether `key=1` was given.
  func flag(_ key: String) -> Bool { arguments[key] == "1" }

  /// Ends the run as a failure where what was made is not right.
  func check(_ holds: Bool, _ what: String) throws {
    guard holds else { throw Trouble("what was timed is wrong: expected \(what)") }
  }
}

/// Why a run could not be made, in a sentence.
struct Trouble: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What a clock of the system shows.
func seconds(of clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
