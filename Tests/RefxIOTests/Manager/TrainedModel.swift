import Glibc
import Refx
import RefxTestSupport
import Synchronization

/// What a training loop saves: tied weights, statistics, an optimizer's state, a counter.
struct TrainedModel: Codable {
  @RefField(collection: "params") var embedding = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
  @RefField(collection: "params") var head = Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
  @RefField(collection: "batch_stats") var mean = Tensor([0.5, 0.25] as [Float])
  @RefField(collection: "optimizer") var moments = [Double](repeating: 0, count: 3)
  var step = 0

  init() { $head = $embedding }

  mutating func train() {
    step += 1
    let rate = Float(step)
    embedding.withMutableElements(of: Float.self) { for place in $0.indices { $0[place] += rate } }
    mean = Tensor([Float(step), 1])
    for place in moments.indices { moments[place] += 0.5 }
  }

  var isTied: Bool { $embedding === $head }

  static func after(_ steps: Int) -> TrainedModel {
    var model = TrainedModel()
    for _ in 0..<steps { model.train() }
    return model
  }

  func isSame(as other: TrainedModel) -> Bool {
    isTied == other.isTied && embedding == other.embedding && head == other.head && mean == other.mean
      && moments == other.moments && step == other.step
  }
}

/// A tensor whose bytes can be read only after the gate was opened: a save that has one stays under way.
struct Gated: Codable, TensorRepresentable {
  let gate: Gate

  init(_ gate: Gate) { self.gate = gate }

  func snapshot() -> Leaf { Leaf(dtype: .uint8, shape: [4], source: gate) }
  init(leaf: Leaf) throws { gate = Gate(isOpen: true) }

  // A leaf is taken whole, so neither is called.
  func encode(to encoder: any Encoder) throws { throw RefxError(.model, "not asked for") }
  init(from decoder: any Decoder) throws { throw RefxError(.model, "not asked for") }
}

final class Gate: LeafSource {
  private let state: Mutex<(isOpen: Bool, failure: RefxError?, isReached: Bool)>

  init(isOpen: Bool = false) { state = Mutex((isOpen, nil, false)) }

  var byteCount: Int { 4 }

  func open() { state.withLock { $0.isOpen = true } }

  func fail(_ error: RefxError) {
    state.withLock { state in
      state.failure = error
      state.isOpen = true
    }
  }

  /// Waits until a save has come as far as this.
  func waitUntilReached() { while !state.withLock({ $0.isReached }) { usleep(1000) } }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    while true {
      let (isOpen, failure) = state.withLock { state in
        state.isReached = true
        return (state.isOpen, state.failure)
      }
      if let failure { throw failure }
      if isOpen { break }
      usleep(1000)
    }
    for place in buffer.indices { buffer[place] = UInt8(offset + place) }
  }
}

struct GatedModel: Codable {
  @RefField(collection: "params") var weights = Tensor([Float](repeating: 1, count: 4096))
  var gated: Gated
  init(_ gate: Gate) { gated = Gated(gate) }
}

extension ScratchFolder {
  /// The names of the steps in a folder, and of what else is not hidden.
  func visibleNames(in folder: String) -> [String] {
    guard let directory = opendir(file(folder)) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.utf8.starts(with: ".".utf8) { names.append(name) }
    }
    return names.sorted()
  }
}
