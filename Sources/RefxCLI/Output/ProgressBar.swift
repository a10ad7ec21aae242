import Glibc
import RefxStore
import Synchronization

/// A bar on standard error with rate and time left, for work that takes more than about a second.
final class ProgressBar: Sendable {
  private struct State {
    var shownAt: ContinuousClock.Instant?
    var isShown = false
  }

  private let label: String
  private let isEnabled: Bool
  private let isPatient: Bool
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(_ label: String, _ options: OutputOptions) {
    self.label = label
    isEnabled = options.showsProgress
    isPatient = options.progress != .always
  }

  /// To be handed to what does the work.
  var handler: ProgressHandler? {
    guard isEnabled else { return nil }
    return { done, total in self.update(done, total) }
  }

  func update(_ done: Int, _ total: Int) {
    guard isEnabled else { return }
    let now = ContinuousClock.now
    let elapsed = start.duration(to: now)
    state.withLock { state in
      let isOver = done >= total
      if isPatient && elapsed < .seconds(1) { return }
      if let shownAt = state.shownAt, shownAt.duration(to: now) < .milliseconds(100), !isOver { return }
      state.shownAt = now
      state.isShown = true
      write("\r" + line(done, total, elapsed) + "\u{1B}[K")
    }
  }

  /// Takes the bar away.
  func finish() {
    state.withLock { state in
      guard state.isShown else { return }
      state.isShown = false
      write("\r\u{1B}[K")
    }
  }

  private func line(_ done: Int, _ total: Int, _ elapsed: Duration) -> String {
    let share = total > 0 ? min(1, Double(done) / Double(total)) : 0
    let width = 24
    let filled = Int(share * Double(width))
    let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    let rate = seconds > 0 ? Double(done) / seconds : 0
    var text = "\(label) [\(bar)] \(Int(share * 100))%  \(humanBytes(Int(rate)))/s"
    if rate > 0, done < total { text += "  \(humanTime((Double(total - done)) / rate)) left" }
    return text
  }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, bytes.count) }
  }
}

private func humanTime(_ seconds: Double) -> String {
  let whole = Int(min(seconds.rounded(.up), 359_999))
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
  return "\(whole / 3600) h \(whole % 3600 / 60) min"
}
