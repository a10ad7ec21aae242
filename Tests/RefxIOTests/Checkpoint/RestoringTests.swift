import Refx
import RefxIO
import RefxStore
import RefxTestSupport
import Synchronization
import Testing

/// Restoring from files: what is read, what is refused, by every format that is written.
@Suite struct RestoringTests {
  struct Model: Codable {
    @RefField(collection: "params") var a: Tensor
    @RefField(collection: "params") var b: Tensor
    @RefField(collection: "batch_stats") var c: Tensor
    var z: Tensor

    init(_ a: Float, _ b: Float, _ c: Float, count: Int = 3000) {
      func tensor(_ number: Float) -> Tensor { Tensor((0..<count).map { Float($0) + number }) }
      z = tensor(a)
      self.a = tensor(a)
      self.b = tensor(b)
      self.c = tensor(c)
    }
  }

  private static let formats: [FormatName] = [.refx, .hdf5, .safetensors]

  /// An open checkpoint of `model`, in memory.
  private func contents<M: Codable>(_ model: M, _ format: FormatName = .refx) throws -> CheckpointContents {
    let bytes = try Checkpoint.encode(model, as: format)
    return try Checkpoint.open(InputFile(MemoryBytes(sharing: bytes), name: "saved"), format: format).contents
  }

  // MARK: Damage

  /// Every byte of the last leaf's payload is flipped in turn of some: nothing is assigned.
  @Test(arguments: [FormatName.refx, .hdf5], [Compression.none, .fast])
  func aFlippedByteOfTheLastLeaf(_ format: FormatName, _ compression: Compression) throws {
    struct Two: Codable {
      @RefField(collection: "params") var a: Tensor
      @RefField(collection: "rest") var z: Tensor
      init(_ first: [UInt32], _ last: [UInt32]) {
        a = Tensor(first)
        z = Tensor(last)
      }
    }
    var random = SeededRandom(seed: 5)
    func row() -> [UInt32] { (0..<20_000).map { _ in UInt32(random.below(1 << 20)) } }
    let (first, last) = (row(), row())
    let saved = Two(first, last)
    let whole = try Checkpoint.encode(saved, as: format, compression: compression)
    let zeros = Tensor([UInt32](repeating: 0, count: 20_000))
    var places = 0
    // The payload of z follows that of a; the middle between the end of a and that of the file lies in it.
    for part in 5..<9 {
      var bytes = whole
      bytes[bytes.count * part / 10] ^= 0x10
      let file = InputFile(MemoryBytes(sharing: bytes), name: "damaged")
      guard let opened = try? Checkpoint.open(file, format: format) else { continue }
      guard case .leaf(let leaf)? = opened.contents.tree["z"].map(content) else { continue }
      guard (try? leaf.tensor()) == nil || (try? leaf.tensor()) != Tensor(last) else { continue }
      var model = Two([UInt32](repeating: 0, count: 20_000), [UInt32](repeating: 0, count: 20_000))
      let error = refusal { try Checkpoint.restore(&model, from: opened.contents) }
      // HDF5 has no checksum over raw payload.
      if format == .hdf5, compression == .none, error == nil { continue }
      places += 1
      #expect(error?.path == ["z"], "\(format) \(part)")
      #expect(model.a == zeros && model.z == zeros, "\(format) \(part)")
      // What is not damaged can be restored from the same file.
      try Checkpoint.restore(&model, from: opened.contents, select: .collection("params"))
      #expect(model.a == Tensor(first) && model.z == zeros, "\(format) \(part)")
    }
    #expect(places > 0 || format == .hdf5 && compression == .none)
  }

  private func content(_ tree: Tree<Leaf>) -> Tree<Leaf> {
    if case .value(let value) = tree { value.value } else { tree }
  }

  // MARK: What is read

  /// Counts the bytes that are read of it.
  private final class CountingSource: LeafSource {
    let byteCount: Int
    private let bytesRead = Mutex(0)

    init(_ byteCount: Int) { self.byteCount = byteCount }

    var count: Int { bytesRead.withLock { $0 } }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) {
      bytesRead.withLock { $0 += buffer.count }
      _ = buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }
  }

  @Test func ofAPartTheChosenAlone() throws {
    let model = Model(1, 2, 3, count: 200_000)
    var sources: [CountingSource] = []
    func counting() throws -> CheckpointContents {
      sources = []
      return CheckpointContents(
        tree: try TreeEncoder().encode(model).map { leaf in
          sources.append(CountingSource(leaf.byteCount))
          return Leaf(dtype: leaf.dtype, shape: leaf.shape, source: sources[sources.count - 1])
        })
    }
    // The leaves are those of a, b, c and z.
    let selections: [(RestoreSelection, [Int])] = [
      (.collection("params"), [1, 1, 0, 0]), (.collections(["batch_stats"]), [0, 0, 1, 0]),
      (try .pattern("*a*"), [1, 0, 0, 0]), (try .pattern("z"), [0, 0, 0, 1]), (.all, [1, 1, 1, 1]),
    ]
    for (selection, times) in selections {
      var model = model
      try Checkpoint.restore(&model, from: counting(), select: selection)
      #expect(sources.map(\.count) == times.map { $0 * 800_000 })
    }
    // A refusal reads nothing where no value is concerned.
    var smaller = Model(1, 2, 3, count: 10)
    let contents = try counting()
    #expect(
      refusal { try Checkpoint.restore(&smaller, from: contents, select: .collection("params")) } != nil)
    #expect(sources.allSatisfy { $0.count == 0 })
  }

  // MARK: Topology

  @Test(arguments: formats) func howFarTiesAreApart(_ format: FormatName) throws {
    var tied = Model(0, 0, 0)
    tied.$b = tied.$a
    let untiedFile = try contents(Model(1, 1.25, 2), format)
    let untie = refusal { try Checkpoint.restore(&tied, from: untiedFile) }
    #expect(
      untie?.details == [
        "b: topology: expected one value at a, b, found 2 values: a | b; the checkpoint's values differ by at most 0.25"
      ])
    let refused = refusal { try Checkpoint.restore(&tied, from: untiedFile, topology: .acceptUnties) }
    #expect(refused?.details == untie?.details)
    #expect(tied.a == Model(0, 0, 0).a)
    let equal = try contents(Model(3, 3, 4), format)
    #expect(
      refusal { try Checkpoint.restore(&tied, from: equal) }?.details.first?.hasSuffix(
        "; the checkpoint's values are equal byte for byte") == true)
    try Checkpoint.restore(&tied, from: equal, topology: .acceptUnties)
    #expect(tied.$a === tied.$b && tied.a == Model(3, 3, 4).a && tied.c == Model(3, 3, 4).c)

    var apart = Model(1, 1.5, 2)
    let tiedFile = try contents(tied, format)
    #expect(
      refusal { try Checkpoint.restore(&apart, from: tiedFile) }?.details == [
        "b: topology: expected 2 values: a | b, found one value at a, b; the model's values differ by at most 0.5"
      ])
    let (a, b) = (apart.$a, apart.$b)
    try Checkpoint.restore(&apart, from: tiedFile, topology: .acceptTies)
    #expect(apart.$a === a && apart.$b === b && a !== b && apart.a == tied.a && apart.b == tied.a)
  }

  /// Tied across: both sides are named, and both distances.
  @Test func retied() throws {
    var model = Model(0, 0.5, 8)
    model.$b = model.$a
    model.$c = Ref(model.c, collection: "params")
    var saved = Model(1, 2, 3)
    saved.$c = saved.$b
    let error = refusal { try Checkpoint.restore(&model, from: contents(saved)) }
    #expect(
      error?.details == [
        "b: topology: expected 2 values: a, b | c, found 2 values: a | b, c; the checkpoint's values differ by at most 1.0, the model's values differ by at most 8.0"
      ])
  }

  // MARK: By name and by place

  struct Wide: Codable {
    var body: [String: Ref<[Float]>]
    var head: [String: Ref<[Float]>]?
    var ema: [String: [Float]]?
    var step: Int

    /// Without a head or averages the key itself is absent.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(body, forKey: .body)
      if let head { try container.encode(head, forKey: .head) }
      if let ema { try container.encode(ema, forKey: .ema) }
      try container.encode(step, forKey: .step)
    }
  }

  @Test(arguments: formats) func globs(_ format: FormatName) throws {
    func wide(_ number: Float, head: Bool, ema: Bool) -> Wide {
      Wide(
        body: ["w": Ref([number])], head: head ? ["w": Ref([number])] : nil, ema: ema ? ["w": [number]] : nil,
        step: Int(number))
    }
    let file = try contents(wide(9, head: false, ema: true), format)
    var model = wide(1, head: true, ema: false)
    try Checkpoint.restore(&model, from: file, allowing: [.missing("head/**"), .unexpected("ema/**")])
    #expect(model.body["w"]?.value == [9] && model.head?["w"]?.value == [1] && model.step == 9)
    let error = refusal {
      try Checkpoint.restore(&model, from: file, allowing: [.missing("haed/**"), .unexpected("ema/**")])
    }
    #expect(
      error?.details == [
        "head/w: missing: expected float32 [1]",
        "nothing that is missing was found at haed/**, where it is allowed",
      ])
    for glob in ["a\\", "a~9"] {
      #expect(
        refusal { try Checkpoint.restore(&model, from: file, allowing: [.missing(glob)]) }?.code == .usage)
      #expect(refusal { try Checkpoint.restore(&model, from: file, select: .pattern(glob)) }?.code == .usage)
    }
    #expect(
      refusal { try Checkpoint.restore(&model, from: file, select: .pattern("body")) }?.summary.hasPrefix(
        "the selection of body chooses nothing in the model") == true)
    let loaded = try Checkpoint.load(Wide.self, from: file, allowing: [.missing("head")])
    #expect(loaded.head == nil && loaded.ema?["w"] == [9])
  }

  @Test func requiredCollections() throws {
    let file = try contents(Model(1, 2, 3))
    var model = Model(0, 0, 0)
    let error = refusal {
      try Checkpoint.restore(
        &model, from: file, select: .collection("params"), requiring: ["params", "batch_stats"])
    }
    #expect(
      error?.summary
        == "the collection 'batch_stats' is required, and would not be restored at c; nothing was assigned")
    #expect(model.a == Model(0, 0, 0).a)
    try Checkpoint.restore(
      &model, from: file, select: .collections(["params", "batch_stats"]),
      requiring: ["params", "batch_stats"])
    #expect(model.a == Model(1, 2, 3).a && model.c == Model(1, 2, 3).c && model.z == Model(0, 0, 0).z)

    struct Part: Codable {
      @RefField(collection: "params") var a = Tensor([0] as [Float])
      @RefField(collection: "params") var b = Tensor([0] as [Float])
    }
    #expect(
      refusal {
        try Checkpoint.load(Part.self, from: file, allowing: .unexpected, requiring: ["batch_stats"])
      }?.details == ["c: required: the model does not take it"])
    #expect(try Checkpoint.load(Part.self, from: file, allowing: .unexpected).a == Model(1, 2, 3).a)
  }

  // MARK: Versions

  struct Old: Codable {
    @RefField(collection: "params") var encoder_w = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    @RefField(collection: "params") var decoder_w = Tensor([0] as [Float])
    var step = 7
  }

  struct New: Codable, VersionedModel {
    @RefField(collection: "params") var enc = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [3, 2])
    @RefField(collection: "params") var dec = Tensor([0, 0, 0, 0, 0, 0] as [Float], shape: [3, 2])
    var steps = 0

    static var structureVersion: Int { 3 }
    static var migrations: [Migration] {
      get throws {
        [
          Migration(from: 1, to: 2, rules: [try .rename("(enc|dec)oder_w", to: "$1")]),
          Migration(from: 2, to: 3) {
            try $0.applying([.rename("step", to: "steps"), .transpose("enc")])
          },
        ]
      }
    }
  }

  @Test(arguments: [".refx", ".h5", ".safetensors"]) func olderVersions(_ suffix: String) throws {
    let folder = ScratchFolder()
    let path = folder.file("old" + suffix)
    var old = Old()
    old.$decoder_w = old.$encoder_w
    try Checkpoint.save(old, to: path)

    let loaded = try Checkpoint.load(New.self, from: path)
    #expect(loaded.$enc === loaded.$dec && loaded.steps == 7)
    let wanted: [Float] = [1, 4, 2, 5, 3, 6]
    #expect(loaded.enc.elements(of: Float.self) == wanted)

    var model = New()
    model.$dec = model.$enc
    let enc = model.$enc
    try Checkpoint.restore(&model, from: path)
    #expect(model.$enc === enc && model.$dec === enc && model.steps == 7)
    #expect(enc.value.elements(of: Float.self) == wanted && enc.value.shape == [3, 2])

    // A part, strictly; and a model that holds apart what the old file ties.
    var untied = New()
    #expect(
      refusal { try Checkpoint.restore(&untied, from: path, select: .collection("params")) }?.details.count
        == 1)
    try Checkpoint.restore(&untied, from: path, select: .collection("params"), topology: .acceptTies)
    #expect(untied.steps == 0 && untied.$enc !== untied.$dec)
    #expect(untied.dec.elements(of: Float.self) == wanted)

    // The new version is written down, and read as it is.
    try Checkpoint.save(model, to: path)
    #expect(try Checkpoint.open(path).contents.metadata["refx_structure_version"] == 3)
    var again = New()
    again.$dec = again.$enc
    try Checkpoint.restore(&again, from: path)
    #expect(again.enc.elements(of: Float.self) == wanted)

    // A version that is not known yet changes nothing.
    struct Early: Codable, VersionedModel {
      @RefField(collection: "params") var enc = Tensor([0] as [Float])
      static var structureVersion: Int { 2 }
      static var migrations: [Migration] { [] }
    }
    var early = Early()
    let error = refusal { try Checkpoint.restore(&early, from: path) }
    #expect(error?.code == .version && error?.file == path)
    #expect(early.enc == Tensor([0] as [Float]))
  }
}
