import Refx
import RefxIO
import RefxStore
import RefxTestSupport

/// R2: whatever bits of a `.refx` file are turned, who opens it and reads everything gets an error, and
/// verification names the leaves that were hit, and no others.
struct RefxBits {
  private let setting: Setting

  init(_ setting: Setting) { self.setting = setting }

  func run() throws -> Figures {
    var figures = Figures()
    let golden = try Samples.golden(
      setting.fixtures + "/golden/refx/v1", RefxFormat.self, suffix: ".refx")
    let shapes = try Samples.files(of: RefxFormat.self, suffix: "refx")
    for sample in golden + shapes where sample.bytes.count <= 4500 {
      try everyBit(of: sample, &figures)
    }
    let large = (golden + shapes).filter { $0.bytes.count > 4500 }
    // What inflates to much takes long to read: those files get a tenth of the others' rounds.
    let shares = try large.map { try $0.opened($0.bytes).contents.tree.payloadByteCount > 1 << 18 ? 1 : 10 }
    let rounds = setting.isLong ? 200_000 : 20_000
    let all = shares.reduce(0, +)
    for (number, sample) in large.enumerated() {
      try randomBits(of: sample, number, 1 + rounds * shares[number] / all, &figures)
    }
    return figures
  }

  private func everyBit(of sample: Sample, _ figures: inout Figures) throws {
    let judge = try Judge(sample)
    let children = Children(memoryLimit: sample.memoryLimit)
    figures.files += 1
    figures.add(children.run(sample.bytes.count * 8) { judge.complaint(about: [$0]) }, of: sample.name)
  }

  private func randomBits(
    of sample: Sample, _ number: Int, _ rounds: Int, _ figures: inout Figures
  ) throws {
    let judge = try Judge(sample)
    let children = Children(memoryLimit: sample.memoryLimit)
    figures.files += 1
    let outcome = children.run(rounds) { round in
      var random = SeededRandom(seed: setting.seed &+ UInt64(number << 32 + round))
      let bits = Set((0..<(1 + random.below(8))).map { _ in random.below(sample.bytes.count * 8) })
      return judge.complaint(about: bits.sorted()).map { "bits \(bits.sorted()): \($0)" }
    }
    figures.add(outcome, of: sample.name)
  }
}

/// Knows a sound file and says what is wrong with how a damaged one is read.
private struct Judge {
  private let sample: Sample
  private let whole: Reading
  private let map: RefxMap

  init(_ sample: Sample) throws {
    self.sample = sample
    let opened = try sample.opened(sample.bytes)
    whole = try Reading(opened)
    map = try RefxMap(sample.bytes, leaves: opened.contents.tree.leaves())
    guard !whole.hasRefusals, !sample.isRefused(sample.bytes) else {
      throw RefxError(.damaged, "the sound file is refused", file: sample.name)
    }
  }

  func complaint(about bits: [Int]) -> String? {
    let damaged = sample.bytes.flipping(bits)
    let opened: OpenedCheckpoint
    do { opened = try sample.opened(damaged) } catch {
      guard error is RefxError else { return "an error of another kind: \(error)" }
      return map.leaves(of: bits) == nil ? nil : "refused, though the damage is in the payload: \(error)"
    }
    guard let hit = map.leaves(of: bits) else { return "opened, though the catalogue is damaged" }
    do {
      let reading = try Reading(opened)
      if let lie = reading.lie(beside: whole) { return lie }
      let refused = Set(reading.values.indices.filter { reading.values[$0] == nil })
      guard refused == hit else { return "the leaves \(hit) are damaged and \(refused) are refused" }
      var named: Set<Path> = []
      try opened.verify(nil) { if let path = $0.path { named.insert(path) } }
      let expected = Set(hit.map { whole.paths[$0] })
      return named == expected ? nil : "verify names \(named.map(\.text)) and not \(expected.map(\.text))"
    } catch {
      return "\(error)"
    }
  }
}
