import Glibc
import Refx
import RefxIO
import RefxStore
import RefxTestSupport

/// R2 and R4 for the formats that others made: whatever bits are turned and wherever the file is cut, it is read to an
/// error or to a tree, without a trap, a hang or a flood; and where it has checksums, nothing is read otherwise.
struct ForeignFiles {
  private let setting: Setting

  init(_ setting: Setting) { self.setting = setting }

  func run() throws -> Figures {
    var figures = Figures()
    let own = Set(Cuts.formats.map { $0.store.format.name })
    let foreign = Formats.all.stores.filter { !own.contains($0.format.name) }
    let all = try foreign.flatMap { try samples(of: $0) }
    guard all.count > 40 else { throw RefxError(.damaged, "only \(all.count) samples") }
    for (number, sample) in all.enumerated() where sample.bytes.count <= 64 << 10 {
      try look(at: sample, number, &figures)
    }
    return figures
  }

  /// What is written here in a format, and the files of others in `Fixtures/foreign` under its name: a new one joins
  /// by standing in `Formats.all`.
  private func samples(of store: any CheckpointStore.Type) throws -> [Sample] {
    let name = store.format.name
    var samples: [Sample] = []
    if store.format.canWrite {
      let array = CheckpointContents(tree: .leaf(Leaf(Tensor((0..<30).map { Float($0) }, shape: [5, 6]))))
      samples.append(Sample("array.\(name)", try Samples.bytes(array, .none, in: store), store))
      samples += try Samples.files(of: store, suffix: name, least: 0)
      samples += try Samples.files(of: store, suffix: "packed.\(name)", .best, least: 0).suffix(3)
    }
    for suffix in store.format.suffixes {
      // Some are there because they are refused.
      samples += ((try? Samples.golden("\(setting.fixtures)/foreign/\(name)", store, suffix: suffix)) ?? [])
        .filter { (try? $0.opened($0.bytes)) != nil }
    }
    guard !samples.isEmpty else {
      throw RefxError(.damaged, "there is no file of \(name) in Fixtures/foreign/\(name)")
    }
    return samples
  }

  /// A file of up to this many bits has each of them turned, a larger one a sample of them.
  private var mostBits: Int { setting.isLong ? 1 << 20 : 600 }
  private var mostCuts: Int { setting.isLong ? 1 << 16 : 100 }

  private func look(at sample: Sample, _ number: Int, _ figures: inout Figures) throws {
    let sound = try sample.opened(sample.bytes)
    let whole = try Reading(sound)
    let hasChecksums = sound.hasChecksums
    var random = SeededRandom(seed: setting.seed &+ UInt64(number))
    let count = sample.bytes.count
    let bits =
      count * 8 <= mostBits
      ? (0..<(count * 8)).map { [$0] }
      : (0..<mostBits).map { _ in (0..<(1 + random.below(3))).map { _ in random.below(count * 8) } }
    let cuts = count <= mostCuts ? Array(0..<count) : (0..<mostCuts).map { _ in random.below(count) }
    // An array of HDF5 that was never written may be of any size, and values are read whole here.
    var limits = Limits()
    limits.bytes = 16 << 20
    figures.files += 1
    // What our reader of HDF5 does not know it asks libhdf5, here in this process, and no limit of ours bounds what that
    // takes of a damaged file; the command asks it in a process of its own that has a limit.
    let asksLibrary = sample.store.format.name == KerasStore.format.name
    var children = Children(memoryLimit: asksLibrary ? .max : sample.memoryLimit)
    children.casesInABatch = 500
    let outcome = children.run(bits.count + cuts.count) { [limits] number in
      let isCut = number >= bits.count
      let what =
        isCut ? "cut to \(cuts[number - bits.count]) bytes" : "bits \(bits[number])"
      let bytes =
        isCut
        ? Array(sample.bytes[..<cuts[number - bits.count]]) : sample.bytes.flipping(Set(bits[number]))
      do {
        let opened = try sample.opened(bytes, limits: limits)
        let reading = try Reading(opened)
        var problems = 0
        try opened.verify(nil) { _ in problems += 1 }
        // What has no checksums may say anything, but not after it was cut.
        guard hasChecksums || isCut else { return nil }
        // A sum over all of a member is compared when its values are read, and its shape is known before.
        if reading.structure != whole.structure, problems > 0 { return nil }
        return reading.lie(beside: whole).map { "\(what): \($0)" }
      } catch {
        return error is RefxError ? nil : "\(what): an error of another kind: \(error)"
      }
    }
    figures.add(outcome, of: sample.name)
  }
}
