import Refx

/// A language model of letters: three letters' embeddings go through a hidden layer and come out as scores by the
/// same embedding, which is tied to the head.
struct TextModel: Codable {
  /// How many letters it looks back.
  static let context = 3

  @RefField(collection: "params") var embedding: Tensor
  @RefField(collection: "params") var head: Tensor
  @RefField(collection: "params") var hidden: Tensor
  @RefField(collection: "params") var hiddenBias: Tensor
  @RefField(collection: "params") var bias: Tensor

  let letters: Int
  let width: Int

  init(letters: Int, width: Int, random: inout Generator) {
    func numbers(_ count: Int, scale: Float) -> [Float] { (0..<count).map { _ in random.number() * scale } }
    self.letters = letters
    self.width = width
    _embedding = RefField(
      wrappedValue: Tensor(numbers(letters * width, scale: 0.3), shape: [letters, width]),
      collection: "params")
    _head = RefField(wrappedValue: Tensor([Float]()), collection: "params")
    _hidden = RefField(
      wrappedValue: Tensor(
        numbers(width * TextModel.context * width, scale: 0.3), shape: [width, TextModel.context * width]),
      collection: "params")
    _hiddenBias = RefField(
      wrappedValue: Tensor([Float](repeating: 0, count: width)), collection: "params")
    _bias = RefField(wrappedValue: Tensor([Float](repeating: 0, count: letters)), collection: "params")
    $head = $embedding
  }

  var isTied: Bool { $embedding === $head }

  /// The arrays that are trained, each once, in a fixed order.
  var parameters: [Ref<Tensor>] { [$embedding, $hidden, $hiddenBias, $bias] }

  /// The mean cross entropy over some places of a text, and its gradient by each of ``parameters``.
  func loss(of text: [Int], at places: [Int]) -> (loss: Float, gradients: [[Float]]) {
    let table: [Float] = embedding.elements()
    let weights: [Float] = hidden.elements()
    let offsets: [Float] = hiddenBias.elements()
    let lift: [Float] = bias.elements()
    var tableSlope = [Float](repeating: 0, count: table.count)
    var weightSlope = [Float](repeating: 0, count: weights.count)
    var offsetSlope = [Float](repeating: 0, count: width)
    var liftSlope = [Float](repeating: 0, count: letters)
    var loss: Float = 0
    let share = 1 / Float(places.count)
    let span = TextModel.context * width

    for place in places {
      let seen = (0..<TextModel.context).map { text[place - TextModel.context + $0] }
      let input = seen.flatMap { table[($0 * width)..<(($0 + 1) * width)] }
      var state = offsets
      for unit in 0..<width {
        for axis in 0..<span { state[unit] += weights[unit * span + axis] * input[axis] }
        state[unit] = softsign(state[unit])
      }
      var scores = lift
      for letter in 0..<letters {
        for axis in 0..<width { scores[letter] += table[letter * width + axis] * state[axis] }
      }
      let chances = softmax(scores)
      loss -= logarithm(chances[text[place]]) * share

      var stateSlope = [Float](repeating: 0, count: width)
      for letter in 0..<letters {
        let error = (chances[letter] - (letter == text[place] ? 1 : 0)) * share
        liftSlope[letter] += error
        for axis in 0..<width {
          // The head's share of the gradient falls on the embedding: they are one Ref.
          tableSlope[letter * width + axis] += error * state[axis]
          stateSlope[axis] += error * table[letter * width + axis]
        }
      }
      var inputSlope = [Float](repeating: 0, count: span)
      for unit in 0..<width {
        let room = 1 - abs(state[unit])
        let slope = stateSlope[unit] * room * room
        offsetSlope[unit] += slope
        for axis in 0..<span {
          weightSlope[unit * span + axis] += slope * input[axis]
          inputSlope[axis] += slope * weights[unit * span + axis]
        }
      }
      for (position, letter) in seen.enumerated() {
        for axis in 0..<width { tableSlope[letter * width + axis] += inputSlope[position * width + axis] }
      }
    }
    return (loss, [tableSlope, weightSlope, offsetSlope, liftSlope])
  }
}
