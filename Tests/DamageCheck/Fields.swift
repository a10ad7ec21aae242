import Refx
import RefxHDF5
import RefxIO
import RefxStore
import RefxTestSupport

/// R5: whatever an integer of a file says, with every checksum right: an error or a tree, no trap, no hang, and no
/// memory beyond 64 MiB and twice the file.
struct Fields {
  private let setting: Setting

  init(_ setting: Setting) { self.setting = setting }

  func run() throws -> Figures {
    var figures = Figures()
    for sample in try Samples.files(of: RefxFormat.self, suffix: "refx") {
      try look(at: sample, try RefxFields(sample.bytes).variants, &figures)
    }
    for sample in try Samples.files(of: SafetensorsStore.self, suffix: "safetensors") {
      try look(at: sample, SafetensorsFields.variants(of: sample.bytes), &figures)
    }
    if setting.isLong {
      for sample in try Samples.files(of: HDF5Store.self, suffix: "h5") where sample.bytes.count < 20_000 {
        // At every place and of every width there are some 200,000 for each file: the seed says which.
        var random = SeededRandom(seed: setting.seed)
        let variants = HDF5Fields(sample.bytes).variants.shuffled(using: &random)
        try look(at: sample, Array(variants.prefix(20_000)), &figures)
      }
    }
    return figures
  }

  /// The numbers that a field of `width` bytes is set to, where `now` stands there.
  static func extremes(width: Int, now: UInt64) -> [UInt64] {
    let most = width == 8 ? UInt64.max : 1 << (8 * UInt64(width)) - 1
    let all: [UInt64] = [
      0, 1, most, most - 1, most >> 1, most >> 1 + 1, 1 << 31, 1 << 31 - 1, 1 << 32, 1 << 63, now &+ 1,
      now &- 1,
    ]
    var seen: Set<UInt64> = [now]
    return all.filter { $0 <= most && seen.insert($0).inserted }
  }

  private func look(
    at sample: Sample, _ variants: [(what: String, make: @Sendable () -> [UInt8])], _ figures: inout Figures
  ) throws {
    guard !variants.isEmpty else { throw RefxError(.damaged, "no field was found", file: sample.name) }
    guard !sample.isRefused(sample.bytes) else {
      throw RefxError(.damaged, "the sound file is refused", file: sample.name)
    }
    figures.files += 1
    var children = Children(memoryLimit: sample.memoryLimit)
    children.casesInABatch = 500
    let outcome = children.run(variants.count) { number in
      let bytes = variants[number].make()
      do {
        let opened = try sample.opened(bytes)
        try opened.verify(nil) { _ in }
        _ = try Reading(opened)
        return nil
      } catch {
        return error is RefxError ? nil : "\(variants[number].what): an error of another kind: \(error)"
      }
    }
    figures.executions += outcome.executions
    figures.largestMemory = max(figures.largestMemory, outcome.largestMemory)
    figures.violations += outcome.violations.map { "\(sample.name): \($0)" }
    for death in outcome.deaths {
      let command = try CommandCheck(sample, setting)
      let variant = variants[death.case]
      if sample.store.format.name == HDF5Store.format.name, let command,
        command.complaint(about: variant.make()) == nil
      {
        figures.contained += 1
      } else {
        figures.violations.append("\(sample.name): \(variant.what): \(death.words)")
      }
    }
  }
}
