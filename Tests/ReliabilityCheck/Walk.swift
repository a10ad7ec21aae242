import Refx

/// A training whose state at a step follows from the number of the step and from nothing else, so that whoever reads
/// one knows what must be in it: a part that is the step itself, everywhere, a part that is the sum of all that was,
/// and a part that never changes.
struct Walk: Codable {
  @RefField(collection: "params") var weights = Tensor([Float]())
  @RefField(collection: "params") var head = Tensor([Float]())
  @RefField(collection: "optimizer") var average = Tensor([Float]())
  @RefField(collection: "frozen") var frozen = Tensor([Float]())
  private var random: UInt64 = 0
  private(set) var step = 0

  /// - Parameter size: how many numbers change from step to step; five times as many never do.
  init(size: Int) {
    weights = Tensor([Float](repeating: 0, count: size))
    average = Tensor([Float](repeating: 0, count: 64))
    frozen = Tensor((0..<size * 5).map { Float($0) })
    $head = $weights
  }

  /// One step.
  mutating func advance() {
    step += 1
    random &+= 0x9E37_79B9_7F4A_7C15
    let now = Float(step)
    weights.withMutableElements(of: Float.self) { for place in $0.indices { $0[place] = now } }
    var mixed = random
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed ^= mixed >> 31
    let push = Float(mixed >> 40) / Float(1 << 24) - 0.5
    average.withMutableElements(of: Float.self) {
      for place in $0.indices { $0[place] = $0[place] * 0.999 + push * Float(place + 1) }
    }
  }

  /// A number that follows from all steps so far.
  var loss: Float {
    average.withElements(of: Float.self) { $0.reduce(0, +) } + weights.withElements(of: Float.self) { $0[0] }
  }

  /// What retention goes by: another number for each step.
  static func metric(of step: Int) -> Double { Double(step * 7919 % 10007) / 10007 }

  /// What is not of one and the same step; nil where all is.
  var flaw: String? {
    let now = Float(step)
    if $head !== $weights { return "the head and the weights are apart" }
    if !weights.withElements(of: Float.self, { $0.allSatisfy { $0 == now } }) {
      return "weights of another step than \(step)"
    }
    if random != UInt64(step) &* 0x9E37_79B9_7F4A_7C15 {
      return "the random state of another step than \(step)"
    }
    let isOrdered = frozen.withElements(of: Float.self) { numbers in
      numbers.indices.allSatisfy { numbers[$0] == Float($0) }
    }
    return isOrdered ? nil : "what never changes has changed"
  }
}
