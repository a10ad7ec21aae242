import Glibc
import Refx

/// A language model small enough to train while one waits: the next letter of a text, from the last one.
///
/// The same matrix turns a letter into a vector and the vector into letters again: `embedding` and `head` are
/// one Ref at two sites.
struct DemoModel: Codable {
  var embedding: Ref<Tensor>
  var head: Ref<Tensor>
  var bias: Ref<Tensor>
  var optimizer: DemoAdam
  var activation: Static<String>

  static let width = 8

  /// A model of `letters` letters whose numbers come from `seed`.
  init(letters: Int, seed: UInt64) {
    var random = DemoRandom(state: seed)
    let count = letters * DemoModel.width
    let start = (0..<count).map { _ in random.number() * 0.2 }
    embedding = Ref(Tensor(start, shape: [letters, DemoModel.width]), collection: "params")
    head = embedding
    bias = Ref(Tensor([Float](repeating: 0, count: letters)), collection: "params")
    optimizer = DemoAdam(embedding: count, bias: letters)
    activation = Static("softmax")
  }

  var isTied: Bool { embedding === head }

  /// One step over all pairs of neighbours.
  ///
  /// - Returns: the mean cross entropy before the step.
  mutating func train(on text: [Int]) -> Float {
    let letters = bias.value.count
    let width = DemoModel.width
    let pairs = Float(text.count - 1)
    let table: [Float] = embedding.value.elements()
    let offsets: [Float] = bias.value.elements()
    var slope = [Float](repeating: 0, count: table.count)
    var biasSlope = [Float](repeating: 0, count: letters)
    var loss: Float = 0
    for (letter, next) in zip(text, text.dropFirst()) {
      let vector = Array(table[(letter * width)..<((letter + 1) * width)])
      var scores = offsets
      for candidate in 0..<letters {
        for axis in 0..<width { scores[candidate] += table[candidate * width + axis] * vector[axis] }
      }
      let top = scores.max() ?? 0
      let powers = scores.map { expf($0 - top) }
      let sum = powers.reduce(0, +)
      loss -= logf(powers[next] / sum) / pairs
      // The gradient of cross entropy behind softmax is what was predicted less what came.
      for candidate in 0..<letters {
        let error = (powers[candidate] / sum - (candidate == next ? 1 : 0)) / pairs
        biasSlope[candidate] += error
        for axis in 0..<width {
          // The matrix is met twice, as the head and as the embedding, and both uses add up in it.
          slope[candidate * width + axis] += error * vector[axis]
          slope[letter * width + axis] += error * table[candidate * width + axis]
        }
      }
    }
    optimizer.step.value += 1
    optimizer.embedding.update(embedding, slope, step: optimizer.step.value)
    optimizer.bias.update(bias, biasSlope, step: optimizer.step.value)
    return loss
  }
}

/// The state of the Adam optimizer.
struct DemoAdam: Codable {
  var step: Ref<Int>
  var embedding: DemoMoments
  var bias: DemoMoments

  init(embedding: Int, bias: Int) {
    step = Ref(0, collection: "optimizer")
    self.embedding = DemoMoments(embedding)
    self.bias = DemoMoments(bias)
  }
}

/// The moving averages of a gradient and of its square.
struct DemoMoments: Codable {
  var mean: Ref<[Float]>
  var square: Ref<[Float]>

  init(_ count: Int) {
    mean = Ref([Float](repeating: 0, count: count), collection: "optimizer")
    square = Ref([Float](repeating: 0, count: count), collection: "optimizer")
  }

  func update(_ weights: Ref<Tensor>, _ slope: [Float], step: Int) {
    let (rate, keep, keepSquare): (Float, Float, Float) = (0.05, 0.9, 0.999)
    let meanScale = 1 - powf(keep, Float(step))
    let squareScale = 1 - powf(keepSquare, Float(step))
    weights.value.withMutableElements(of: Float.self) { values in
      for place in values.indices {
        mean.value[place] = keep * mean.value[place] + (1 - keep) * slope[place]
        square.value[place] =
          keepSquare * square.value[place] + (1 - keepSquare) * slope[place] * slope[place]
        values[place] -=
          rate * (mean.value[place] / meanScale) / ((square.value[place] / squareScale).squareRoot() + 1e-8)
      }
    }
  }
}

/// Numbers that are the same on every run.
struct DemoRandom {
  var state: UInt64

  /// The next number between -1 and 1.
  mutating func number() -> Float {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    mixed ^= mixed >> 31
    return Float(mixed >> 40) / Float(1 << 23) - 1
  }
}
