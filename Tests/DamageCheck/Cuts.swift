import Glibc
import Refx
import RefxHDF5
import RefxIO
import RefxStore
import RefxTestSupport

/// R4: a file that was cut anywhere, or to which bytes were appended, is refused; our HDF5 is refused, or nothing
/// that is read differs.
struct Cuts {
  private let setting: Setting

  init(_ setting: Setting) { self.setting = setting }

  func run() throws -> Figures {
    var figures = Figures()
    var samples: [Sample] = []
    for (store, suffix) in Cuts.formats { samples += try Samples.files(of: store, suffix: suffix) }
    samples += try Samples.golden(setting.fixtures + "/golden/refx/v1", RefxFormat.self, suffix: ".refx")
    for sample in samples where sample.bytes.count <= 16 << 10 { try everyLength(of: sample, &figures) }
    if setting.isLong { try largeFiles(&figures) }
    return figures
  }

  /// Those that the other checks of this folder are about, too; `ForeignFiles` has all others.
  static let formats: [(store: any CheckpointStore.Type, suffix: String)] = [
    (RefxFormat.self, "refx"), (HDF5Store.self, "h5"), (SafetensorsStore.self, "safetensors"),
  ]

  private func everyLength(of sample: Sample, _ figures: inout Figures) throws {
    let whole = try Reading(sample.opened(sample.bytes))
    let mayBeWhole = sample.store.format.name == HDF5Store.format.name
    let sound = sample.bytes
    // What is appended: zeros, something, the file's own end.
    let appended = [1, 7, 512].flatMap { count in
      [
        [UInt8](repeating: 0, count: count), [UInt8](repeating: 0xA5, count: count),
        Array(sound.suffix(count)),
      ]
    }
    figures.files += 1
    let outcome = Children(memoryLimit: sample.memoryLimit).run(sound.count + appended.count) { number in
      let isCut = number < sound.count
      let bytes = isCut ? Array(sound[..<number]) : sound + appended[number - sound.count]
      let what = isCut ? "cut to \(number) bytes" : "with \(appended[number - sound.count].count) bytes more"
      do {
        let reading = try Reading(sample.opened(bytes))
        guard mayBeWhole else { return "\(what): opened" }
        return reading.lie(beside: whole).map { "\(what): \($0)" }
      } catch {
        return error is RefxError ? nil : "\(what): an error of another kind: \(error)"
      }
    }
    figures.add(outcome, of: sample.name)
  }

  /// Files of about 100 MiB, cut at 64 lengths, the last first.
  private func largeFiles(_ figures: inout Figures) throws {
    let folder = ScratchFolder()
    var random = SeededRandom(seed: setting.seed)
    let count = 100 << 20
    let bytes = MemoryBytes(count: count) { buffer in
      var random = SeededRandom(seed: 3)
      for place in stride(from: 0, to: buffer.count, by: 8) {
        buffer.storeBytes(of: random.next(), toByteOffset: place, as: UInt64.self)
      }
    }
    let tree: Tree<Leaf> = [
      "large": .leaf(Leaf(dtype: .uint8, shape: [count], source: bytes)), "small": .leaf(Leaf(Int8(3))),
    ]
    let sum = CRC32.of(UnsafeRawBufferPointer(bytes.memory))
    for (store, suffix) in Cuts.formats {
      let path = folder.file("large.\(suffix)")
      try AtomicFile.replace(path, durable: false) { target in
        try store.write(CheckpointContents(tree: tree), to: target, options: WriteOptions())
      }
      let whole = try InputFile(path: path).byteCount
      var lengths = Set((0..<56).map { _ in random.below(whole) })
      lengths.formUnion([0, 1, 64, 4096, whole / 2, whole - 4096, whole - 64, whole - 1])
      let ordered = lengths.sorted(by: >)
      figures.files += 1
      var children = Children(memoryLimit: 256 << 20)
      children.casesInABatch = 8
      let outcome = children.run(ordered.count) { number in
        guard truncate(path, off_t(ordered[number])) == 0 else { return "cannot be cut" }
        do {
          let opened = try store.open(InputFile(path: path), options: OpenOptions())
          var found: UInt32?
          if case .leaf(let leaf)? = opened.contents.tree.member("large") {
            var running = CRC32()
            try leaf.forEachPiece { running.update($0) }
            found = running.value
          }
          return found == sum && suffix == "h5" ? nil : "cut to \(ordered[number]) of \(whole): read"
        } catch {
          return error is RefxError ? nil : "\(error)"
        }
      }
      figures.add(outcome, of: "large.\(suffix)")
    }
  }
}
