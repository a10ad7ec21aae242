import Refx

/// Which steps stay when a new one was saved: those that any of the rules keeps.
///
/// The latest step always stays, whatever the rules say, and so does each step that another one needs. With a rule
/// about a metric, the best step by that metric stays as well.
public struct Retention: Sendable, Hashable {
  /// Which end of a metric is the better one.
  public enum Better: Sendable, Hashable {
    /// A loss.
    case lower
    /// An accuracy.
    case higher
  }

  private enum Rule: Sendable, Hashable {
    case all
    case latest(Int)
    case best(Int, metric: String, Better)
    case every(Int)
    case period(Double)
  }

  private let rule: Rule

  /// Every step.
  public static let all = Retention(rule: .all)

  /// The last `count` steps.
  ///
  /// - Precondition: `count` is at least 1.
  public static func latest(_ count: Int) -> Retention {
    precondition(count >= 1, "the latest step always stays")
    return Retention(rule: .latest(count))
  }

  /// The best `count` steps by a metric; of equal ones the later is better. A step that was saved without the metric
  /// is none of them.
  ///
  /// - Precondition: `count` is at least 1.
  public static func best(_ count: Int, by metric: String, _ better: Better = .lower) -> Retention {
    precondition(count >= 1, "with a metric, the best step always stays")
    return Retention(rule: .best(count, metric: metric, better))
  }

  /// The steps whose number is a multiple of `steps`.
  ///
  /// - Precondition: `steps` is at least 1.
  public static func every(_ steps: Int) -> Retention {
    precondition(steps >= 1, "steps are counted")
    return Retention(rule: .every(steps))
  }

  /// The first step, and from each on the next that was saved at least `seconds` later.
  ///
  /// - Precondition: `seconds` is positive and finite.
  public static func period(seconds: Double) -> Retention {
    precondition(seconds > 0 && seconds.isFinite, "a period lasts")
    return Retention(rule: .period(seconds))
  }

  /// The numbers of the steps that stay.
  ///
  /// - Parameter steps: all that are whole, in any order, no number twice.
  static func kept(_ rules: [Retention], of steps: [SavedStep]) -> Set<Int> {
    choice(of: rules, steps)
  }

  /// Those of the steps that stay which are the reason that others need not: the latest and the best, and what they
  /// are changes of.
  static func reliedOn(_ rules: [Retention], of steps: [SavedStep]) -> Set<Int> {
    choice(
      of: rules.filter { rule in
        switch rule.rule {
        case .latest, .best: true
        case .all, .every, .period: false
        }
      }, steps)
  }

  private static func choice(of rules: [Retention], _ steps: [SavedStep]) -> Set<Int> {
    let steps = steps.sorted { $0.step < $1.step }
    guard let last = steps.last else { return [] }
    var kept: Set<Int> = [last.step]
    for rule in rules { kept.formUnion(rule.choice(of: steps).map(\.step)) }
    // What a kept step is a change of stays with it: of several that it could be, the newest.
    var bases: [String: [Int]] = [:]
    for step in steps where !step.isIncremental {
      if let digest = step.digest { bases[digest.values, default: []].append(step.step) }
    }
    for step in steps where kept.contains(step.step) {
      guard let base = step.base, let found = bases.removeValue(forKey: base), let newest = found.last
      else { continue }
      if !found.contains(where: { kept.contains($0) }) { kept.insert(newest) }
    }
    return kept
  }

  private func choice(of steps: [SavedStep]) -> [SavedStep] {
    switch rule {
    case .all: return steps
    case .latest(let count): return steps.suffix(count)
    case .every(let number): return steps.filter { $0.step % number == 0 }
    case .best(let count, let metric, let better):
      return Array(Retention.ranking(steps, by: metric, better).prefix(count))
    case .period(let seconds):
      var chosen: [SavedStep] = []
      for step in steps where chosen.last.map({ step.time - $0.time >= seconds }) ?? true {
        chosen.append(step)
      }
      return chosen
    }
  }

  /// The steps that have a metric, the best first; of equal ones the later.
  static func ranking(_ steps: [SavedStep], by metric: String, _ better: Better) -> [SavedStep] {
    steps.compactMap { step in step.metrics[metric].map { (step, $0) } }
      .sorted { a, b in
        if a.1 != b.1 { return better == .lower ? a.1 < b.1 : a.1 > b.1 }
        return a.0.step > b.0.step
      }.map(\.0)
  }
}
