import Refx
import RefxHDF5
import RefxTestSupport

/// R3: whatever bits of our HDF5 are turned, nothing is ever read otherwise without an error.
///
/// libhdf5 may crash on such a file, which the library cannot prevent and the command can: each crash is shown to
/// the command, and so is a sample of the others.
struct HDF5Bits {
  private let setting: Setting

  init(_ setting: Setting) { self.setting = setting }

  func run() throws -> Figures {
    var figures = Figures()
    let golden = try Samples.golden(setting.fixtures + "/golden/hdf5/v1", HDF5Store.self, suffix: ".h5")
    let shapes = try Samples.files(of: HDF5Store.self, suffix: "h5")
    let rounds = (setting.isLong ? 50_000 : 5_000) / (golden.count + shapes.count)
    for (number, sample) in (golden + shapes).enumerated() {
      try randomBits(of: sample, number, rounds, &figures)
    }
    if setting.isLong, let sample = shapes.first(where: { (8_000..<16_000).contains($0.bytes.count) }) {
      try everyBit(of: sample, &figures)
    }
    return figures
  }

  private func bits(_ sample: Sample, _ number: Int, _ round: Int) -> [Int] {
    var random = SeededRandom(seed: setting.seed &+ UInt64(number << 32 + round))
    return Set((0..<(1 + random.below(8))).map { _ in random.below(sample.bytes.count * 8) }).sorted()
  }

  private func randomBits(
    of sample: Sample, _ number: Int, _ rounds: Int, _ figures: inout Figures
  ) throws {
    let command = try CommandCheck(sample, setting)
    let bits = bits
    figures.files += 1
    // A few are looked at by the command in any case.
    let step = max(1, rounds / (setting.isLong ? 100 : 5))
    try look(at: sample, rounds, &figures, command, { bits(sample, number, $0) })
    guard let command else { return }
    for round in stride(from: 0, to: rounds, by: step) {
      figures.executions += 1
      let bits = bits(sample, number, round)
      if let complaint = command.complaint(about: sample.bytes.flipping(bits)) {
        figures.violations.append("\(sample.name): bits \(bits): the command \(complaint)")
      }
    }
  }

  private func everyBit(of sample: Sample, _ figures: inout Figures) throws {
    figures.files += 1
    try look(at: sample, sample.bytes.count * 8, &figures, CommandCheck(sample, setting), { [$0] })
  }

  private func look(
    at sample: Sample, _ count: Int, _ figures: inout Figures, _ command: CommandCheck?,
    _ bits: (Int) -> [Int]
  ) throws {
    let whole = try Reading(sample.opened(sample.bytes))
    var children = Children(memoryLimit: sample.memoryLimit)
    children.casesInABatch = 500
    let outcome = children.run(count) { round in
      let bits = bits(round)
      do {
        let reading = try Reading(sample.opened(sample.bytes.flipping(bits)))
        return reading.lie(beside: whole).map { "bits \(bits): \($0)" }
      } catch {
        return error is RefxError ? nil : "bits \(bits): an error of another kind: \(error)"
      }
    }
    figures.add(outcome, of: sample.name) { round in
      guard let command else { return "and no command was given to contain it" }
      return command.complaint(about: sample.bytes.flipping(bits(round))).map { "and the command \($0)" }
    }
  }
}
