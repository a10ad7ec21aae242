import Glibc
import RefxStore
import Synchronization

/// A bar on standard error with rate and time left, for work that takes more than about a second.
final class ProgressBar: Sendable {
  private struct State {
    var shownAt: ContinuousClock.Instant?
    /// When the work was first heard of, and how much was done by then: what came before is no part of its rate.
    var begun: (at: ContinuousClock.Instant, done: Int)?
    var isShown = false
    var text = ""
  }

  private let label: String
  private let isEnabled: Bool
  private let isPatient: Bool
  /// Whether the line can be written over; else each is one of its own.
  private let isTerminal: Bool
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(_ label: String, _ options: OutputOptions) {
    self.label = label
    isEnabled = options.showsProgress
    isPatient = options.progress != .always
    isTerminal = RefxCLI.isTerminal(2)
  }

  /// To be handed to what does the work.
  var handler: ProgressHandler? {
    guard isEnabled else { return nil }
    return { done, total in self.update(done, total) }
  }

  func update(_ done: Int, _ total: Int) {
    guard isEnabled else { return }
    let now = ContinuousClock.now
    state.withLock { state in
      let isOver = done >= total
      let begun = state.begun ?? (now, done)
      state.begun = begun
      if isPatient && start.duration(to: now) < .seconds(1) { return }
      let pause = Duration.milliseconds(isTerminal ? 100 : 1000)
      if let shownAt = state.shownAt, shownAt.duration(to: now) < pause, !isOver { return }
      state.shownAt = now
      let text = line(done, total, rate(done - begun.done, begun.at.duration(to: now)))
      // In a log nothing is gained by saying the same again.
      if !isTerminal && text == state.text { return }
      state.text = text
      state.isShown = isTerminal
      write(isTerminal ? "\r" + text + "\u{1B}[K" : text + "\n")
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

  /// Bytes in a second; nil before there is enough to judge by.
  private func rate(_ done: Int, _ elapsed: Duration) -> Double? {
    if elapsed < .milliseconds(500) { return nil }
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    return Double(done) / seconds
  }

  /// As much as the terminal has room for: the share first, then the bar, the time left, the rate.
  private func line(_ done: Int, _ total: Int, _ rate: Double?) -> String {
    let share = total > 0 ? min(1, max(0, Double(done) / Double(total))) : 0
    let speed = rate.map { "  \(humanBytes(Int(min($0, 1e15))))/s" } ?? ""
    let left =
      rate.map { $0 > 0 && done < total ? "  \(humanTime(Double(total - done) / $0)) left" : "" } ?? ""
    let percent = "\(Int(share * 100))%"
    func bar(_ width: Int) -> String {
      let filled = Int(share * Double(width))
      return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
        + "] "
    }
    // The last column stays free: some terminals would go on to the next line.
    let room = (terminalWidth(of: 2) ?? 80) - 1
    let forms = [
      "\(label) \(bar(24))\(percent)\(speed)\(left)", "\(label) \(bar(10))\(percent)\(speed)\(left)",
      "\(label) \(percent)\(speed)\(left)", "\(label) \(percent)\(left)", "\(percent)\(left)", percent,
    ]
    return forms.first { columns($0) <= room } ?? ""
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
