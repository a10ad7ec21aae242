import Glibc
import Refx

/// All that a training is at a moment. What is not in here is lost when it is broken off, so all of it is: the model,
/// the optimizer, the schedule, the random state, the place in the data, the step.
struct Training: Codable {
  var model: TextModel
  var optimizer: Adam
  var schedule = Schedule()
  var random: Generator
  var data: DataPosition
  var step = 0

  init(text: TrainingText, seed: UInt64) {
    random = Generator(seed: seed)
    model = TextModel(letters: text.alphabet.count, width: 12, random: &random)
    optimizer = Adam(for: model)
    data = DataPosition(in: text)
  }

  /// One step on the next places of the text.
  ///
  /// - Returns: the mean cross entropy before it.
  mutating func advance(on text: TrainingText) -> Float {
    let places = data.next(32, of: text, &random)
    let (loss, gradients) = model.loss(of: text.letters, at: places)
    step += 1
    optimizer.update(model.parameters, gradients, rate: schedule.rate(at: step), step: step)
    return loss
  }
}

/// The Adam optimizer's moving averages, one pair for each parameter.
struct Adam: Codable {
  private var means: [Ref<[Float]>]
  private var squares: [Ref<[Float]>]

  init(for model: TextModel) {
    func zeros() -> [Ref<[Float]>] {
      model.parameters.map { Ref([Float](repeating: 0, count: $0.value.count), collection: "optimizer") }
    }
    means = zeros()
    squares = zeros()
  }

  mutating func update(_ parameters: [Ref<Tensor>], _ gradients: [[Float]], rate: Float, step: Int) {
    let (keep, keepSquare): (Float, Float) = (0.9, 0.999)
    let meanScale = 1 - powf(keep, Float(step))
    let squareScale = 1 - powf(keepSquare, Float(step))
    for number in parameters.indices {
      let slope = gradients[number]
      let (mean, square) = (means[number], squares[number])
      parameters[number].value.withMutableElements(of: Float.self) { values in
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
}

/// The learning rate: it rises over the first steps, and falls in a half cosine to a tenth.
struct Schedule: Codable {
  var top: Float = 0.02
  var warmUp = 20
  var length = 400

  func rate(at step: Int) -> Float {
    if step < warmUp { return top * Float(step) / Float(warmUp) }
    let done = min(1, Float(step - warmUp) / Float(max(1, length - warmUp)))
    return top * (0.1 + 0.45 * (1 + cosf(done * .pi)))
  }
}

/// Where in the data a training is: in the middle of an order in which every place comes once.
struct DataPosition: Codable {
  private(set) var epoch = 0
  private var order: [Int32]
  private var next: Int

  /// At its end, so that the first step makes the first order. The array has its length from the beginning: a model
  /// takes only arrays of the shapes that it has.
  init(in text: TrainingText) {
    order = (TextModel.context..<text.letters.count).map { Int32($0) }
    next = order.count
  }

  mutating func next(_ count: Int, of text: TrainingText, _ random: inout Generator) -> [Int] {
    (0..<count).map { _ in
      if next == order.count {
        order.shuffle(using: &random)
        next = 0
        epoch += 1
      }
      next += 1
      return Int(order[next - 1])
    }
  }
}
