import RefxIO

/// The bridge between Codable models and trees, on a model of many small parts.
enum CodingJobs {
  static let all: [Job] = [
    Job("coding.encode", "a model to a dereffed tree", keys: "leaves=") { run in
      let model = Model(leaves: try run.count("leaves"))
      run.leaves = model.leafCount
      let tree = try run.measure { try TreeEncoder().encode(model) }
      try run.check(tree.leaves().count == model.leafCount, "\(model.leafCount) leaves")
    },
    Job("coding.decode", "a dereffed tree to a model", keys: "leaves=") { run in
      let before = Model(leaves: try run.count("leaves"))
      run.leaves = before.leafCount
      let tree = try TreeEncoder().encode(before)
      let after = try run.measure { try TreeDecoder().decode(Model.self, from: tree) }
      try run.check(after.layers.last?.bias.value == before.layers.last?.bias.value, "the same model")
    },
  ]

  /// Layers of three leaves: a tensor and a row of numbers in Refs, and a plain number.
  private struct Model: Codable {
    var layers: [Layer]

    struct Layer: Codable {
      var weight: Ref<Tensor>
      var bias: Ref<[Float]>
      var dropout: Double
    }

    init(leaves: Int) {
      layers = (0..<max(1, leaves / 3)).map { number in
        Layer(
          weight: Ref(Tensor([Float(number), 1, 2, 3]), collection: "params"),
          bias: Ref([Float(number)], collection: "params"), dropout: 0.1)
      }
    }

    var leafCount: Int { 3 * layers.count }
  }
}
