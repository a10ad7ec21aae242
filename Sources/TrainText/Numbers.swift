import Glibc

/// Random numbers whose state is saved with the training.
struct Generator: Codable, RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// The next number between -1 and 1.
  mutating func number() -> Float { Float(next() >> 40) / Float(1 << 23) - 1 }
}

func softsign(_ x: Float) -> Float { x / (1 + abs(x)) }

func logarithm(_ x: Float) -> Float { logf(x) }

func softmax(_ scores: [Float]) -> [Float] {
  let top = scores.max() ?? 0
  let powers = scores.map { expf($0 - top) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}
