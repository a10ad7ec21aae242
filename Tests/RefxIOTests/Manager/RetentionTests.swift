import RefxTestSupport
import Testing

@testable import RefxIO

@Suite struct RetentionTests {
  private func step(
    _ number: Int, loss: Double? = nil, time: Double? = nil, base: Int? = nil, whole: Bool = false
  )
    -> SavedStep
  {
    SavedStep(
      step: number, metrics: loss.map { ["loss": $0] } ?? [:], metadata: [:], time: time ?? Double(number),
      path: "step-\(number)", byteCount: 1, base: base.map { "values\($0)" }, run: "run",
      digest: whole ? .init(structure: "s", topology: "t", values: "values\(number)") : nil)
  }

  @Test func eachRuleKeepsWhatItSays() {
    let steps = [5, 3, 9, 1, 4, 8].enumerated().map { step(($0.offset + 1) * 10, loss: Double($0.element)) }
    #expect(Retention.kept([.all], of: steps) == [10, 20, 30, 40, 50, 60])
    #expect(Retention.kept([.latest(1)], of: steps) == [60])
    #expect(Retention.kept([.latest(2)], of: steps) == [50, 60])
    #expect(Retention.kept([.best(1, by: "loss")], of: steps) == [40, 60])
    #expect(Retention.kept([.best(1, by: "loss", .higher)], of: steps) == [30, 60])
    #expect(Retention.kept([.best(2, by: "loss"), .latest(2)], of: steps) == [20, 40, 50, 60])
    #expect(Retention.kept([.every(20)], of: steps) == [20, 40, 60])
    #expect(Retention.kept([.period(seconds: 25)], of: steps) == [10, 40, 60])
    #expect(Retention.kept([.best(3, by: "accuracy")], of: steps) == [60])
    #expect(Retention.kept([.latest(1)], of: []) == [])
  }

  @Test func ofEqualMetricsTheLaterIsBetter() {
    let steps = (1...4).map { step($0, loss: 2) }
    #expect(Retention.kept([.best(1, by: "loss")], of: steps) == [4])
    #expect(Retention.kept([.best(1, by: "loss")], of: steps + [step(5)]) == [4, 5])
  }

  @Test func whatAKeptStepStandsOnStays() {
    let steps = [
      step(1, whole: true), step(2, base: 1), step(3, whole: true), step(4, base: 3), step(5, base: 3),
    ]
    #expect(Retention.kept([.latest(1)], of: steps) == [3, 5])
    #expect(Retention.kept([.latest(4)], of: steps) == [1, 2, 3, 4, 5])
  }

  /// Whatever the rules: the latest stays, the best does where a rule has a metric, what a kept step stands on does, and
  /// each rule's own promise holds. Adding a rule never loses a step.
  @Test(arguments: 0..<400) func promisesHold(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var steps: [SavedStep] = []
    var number = 0
    var wholes: [Int] = []
    for _ in 0..<random.below(14) {
      number += 1 + random.below(5)
      let isWhole = wholes.isEmpty || random.below(3) == 0
      steps.append(
        step(
          number, loss: random.below(4) == 0 ? nil : Double(random.below(5)),
          time: Double(number * 10), base: isWhole ? nil : wholes.last, whole: isWhole))
      if isWhole { wholes.append(number) }
    }
    let all: [Retention] = [
      .latest(1 + random.below(3)), .best(1 + random.below(3), by: "loss"), .every(2),
      .best(1, by: "loss", .higher), .period(seconds: 45), .all,
    ]
    let rules = (0..<random.below(3)).map { _ in all[random.below(all.count)] }
    let kept = Retention.kept(rules, of: steps.reversed())
    #expect(kept.isSubset(of: Set(steps.map(\.step))), "seed \(seed)")
    guard let last = steps.last else {
      #expect(kept.isEmpty)
      return
    }
    #expect(kept.contains(last.step), "seed \(seed)")
    for step in steps where kept.contains(step.step) {
      guard let base = step.base else { continue }
      #expect(kept.contains { "values\($0)" == base }, "seed \(seed): \(step.step)")
    }
    for rule in rules {
      #expect(Retention.kept([rule], of: steps).isSubset(of: kept), "seed \(seed)")
      if rule == .all { #expect(kept.count == steps.count) }
    }
    let losses = steps.compactMap { $0.metrics["loss"] }
    if rules.contains(.best(1, by: "loss")), let least = losses.min() {
      #expect(steps.contains { kept.contains($0.step) && $0.metrics["loss"] == least }, "seed \(seed)")
    }
    // Without the rules' help the latest is alone with what it stands on.
    #expect(Retention.kept([], of: steps).count == (last.base == nil ? 1 : 2), "seed \(seed)")
  }
}
