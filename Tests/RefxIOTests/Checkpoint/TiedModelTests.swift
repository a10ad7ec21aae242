import RefxIO
import RefxTestSupport
import Testing

/// What this project exists for: a model with a tied embedding and its optimizer's state, there and back
/// through every format that can be written.
@Suite struct TiedModelTests {
  final class Layer: Codable {
    @RefField(collection: "params") var weight = Tensor((0..<4096).map { Float($0) / 64 }, shape: [32, 128])
    @RefField(collection: "batch_stats") var mean = Tensor([Float](repeating: 0.5, count: 128))
  }

  struct Moments: Codable {
    var first: Ref<Tensor>
    var second: Ref<Tensor>
  }

  struct Training: Codable {
    var embedding: Ref<Tensor>
    var head: Ref<Tensor>
    var layers: [Layer]
    var adam: [String: Moments]
    var step: Int
    var rate: Float?
    var activation: Static<String>
    /// Whose moments are whose: the parameters once more, by reference.
    var parameters: [Ref<Tensor>]
  }

  private func training() -> Training {
    let embedding = Ref(Tensor((0..<60_000).map { Float($0 % 97) }, shape: [600, 100]), collection: "params")
    let layer = Layer()
    func moments(_ value: Double) -> Moments {
      Moments(
        first: Ref(Tensor([Double](repeating: value, count: 700)), collection: "optimizer"),
        second: Ref(Tensor([BFloat16](repeating: BFloat16(Float(value)), count: 3)), collection: "optimizer"))
    }
    return Training(
      embedding: embedding, head: embedding, layers: [layer, Layer(), layer],
      adam: ["embedding": moments(0.25), "layers": moments(-1)], step: 1234, rate: nil,
      activation: Static("gelu"), parameters: [embedding, layer.$weight])
  }

  @Test(arguments: [".refx", ".h5", ".safetensors"], Compression.allCases)
  func whatWasTiedIsTied(suffix: String, compression: Compression) throws {
    let folder = ScratchFolder()
    let path = folder.file("training" + suffix)
    let saved = training()
    try Checkpoint.save(saved, to: path, compression: compression)
    let loaded = try Checkpoint.load(Training.self, from: path)

    #expect(loaded.embedding === loaded.head)
    #expect(loaded.parameters[0] === loaded.embedding)
    #expect(loaded.layers[0] === loaded.layers[2] && loaded.layers[0] !== loaded.layers[1])
    #expect(loaded.parameters[1] === loaded.layers[0].$weight)
    #expect(loaded.layers[0].$weight !== loaded.layers[1].$weight)
    #expect(loaded.embedding.collection == "params" && loaded.layers[1].$mean.collection == "batch_stats")

    #expect(loaded.embedding.value == saved.embedding.value)
    #expect(loaded.adam["layers"]?.first.value == saved.adam["layers"]?.first.value)
    #expect(loaded.adam["embedding"]?.second.value == saved.adam["embedding"]?.second.value)
    #expect(loaded.step == 1234 && loaded.rate == nil && loaded.activation.value == "gelu")

    let before = try TreeEncoder().encode(saved).digest()
    #expect(try Checkpoint.open(path).contents.tree.digest() == before)
  }

  @Test(arguments: [".refx", ".h5", ".safetensors"])
  func restoringKeepsTheRefs(suffix: String) throws {
    let folder = ScratchFolder()
    let path = folder.file("training" + suffix)
    try Checkpoint.save(training(), to: path)

    var model = training()
    let embedding = model.embedding
    embedding.value = Tensor([Float](repeating: 0, count: 60_000), shape: [600, 100])
    model.step = 0
    try Checkpoint.restore(&model, from: path)
    #expect(model.embedding === embedding && model.head === embedding)
    #expect(embedding.value == training().embedding.value)
    #expect(model.step == 1234)
  }

  @Test(arguments: [".refx", ".h5", ".safetensors"])
  func aModelOfAnotherStructureIsRefusedWhole(suffix: String) throws {
    let folder = ScratchFolder()
    let path = folder.file("training" + suffix)
    try Checkpoint.save(training(), to: path)

    var model = training()
    model.head = Ref(model.embedding.value, collection: "params")
    model.adam["layers"] = nil
    let untouched = try TreeEncoder().encode(model).digest()
    let error = #expect(throws: RefxError.self) { try Checkpoint.restore(&model, from: path) }
    let lines = try #require(error).details
    #expect(lines.contains { $0.hasPrefix("head:") && $0.contains("topology") })
    #expect(lines.contains { $0.hasPrefix("adam/layers") && $0.contains("unexpected") })
    #expect(try TreeEncoder().encode(model).digest() == untouched)
  }
}
