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
  /// - Parameters:
  ///   - steps: all that are whole, in any order, no number twice.
  ///   - run: the training whose steps the rules are about. Those of others all stay, and push nothing out: who puts a
  ///     file into the folder does not say what becomes of the training's own.
  ///   - saved: the one that was just saved, which stays even where later ones are there.
  static func kept(
    _ rules: [Retention], of steps: [SavedStep], run: String, saved: Int
  ) -> Set<Int> {
    let others = steps.filter { $0.run != run }.map(\.step)
    return kept(rules, of: steps.filter { $0.run == run }, among: steps, besides: Set(others).union([saved]))
  }

  static func kept(_ rules: [Retention], of steps: [SavedStep]) -> Set<Int> {
    kept(rules, of: steps, among: steps, besides: [])
  }

  /// Those of the steps that stay which are the reason that others need not: the latest and the best of the training,
  /// and what they are changes of.
  static func reliedOn(_ rules: [Retention], of steps: [SavedStep], run: String) -> Set<Int> {
    let choosing = rules.filter { rule in
      switch rule.rule {
      case .latest, .best: true
      case .all, .every, .period: false
      }
    }
    return kept(choosing, of: steps.filter { $0.run == run }, among: steps, besides: [])
  }

  private static func kept(
    _ rules: [Retention], of own: [SavedStep], among all: [SavedStep], besides others: Set<Int>
  ) -> Set<Int> {
    let own = own.sorted { $0.step < $1.step }
    var kept = others
    if let last = own.last { kept.insert(last.step) }
    for rule in rules { kept.formUnion(rule.choice(of: own).map(\.step)) }
    // What a kept step is a change of stays with it: of several that it could be, the newest. Of those that have the
    // same values and are otherwise another, one of each.
    var bases: [String: [SavedStep]] = [:]
    for step in all.sorted(by: { $0.step < $1.step }) where !step.isIncremental {
      if let digest = step.digest { bases[digest.values, default: []].append(step) }
    }
    for step in all where kept.contains(step.step) {
      // Once for all that stand on the same.
      guard let base = step.base, let found = bases.removeValue(forKey: base) else { continue }
      let groups = Dictionary(grouping: found) { [$0.run, $0.digest?.topology, $0.digest?.structure] }
      for same in groups.values where !same.contains(where: { kept.contains($0.step) }) {
        if let newest = same.last { kept.insert(newest.step) }
      }
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
