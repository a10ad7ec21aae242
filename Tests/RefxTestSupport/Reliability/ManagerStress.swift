import Glibc
import Refx
import RefxIO

/// A training that saves at random: some saves are waited for, some called off, some fail, and the model goes on changing
/// all the while. Whatever becomes of them, each step that is there holds the state at its call.
public struct ManagerStress {
  /// What was done.
  public struct Figures: Sendable {
    public var saved = 0
    public var cancelled = 0
    public var failed = 0
    public var restarts = 0

    public init() {}

    public mutating func add(_ other: Figures) {
      saved += other.saved
      cancelled += other.cancelled
      failed += other.failed
      restarts += other.restarts
    }
  }

  /// A training whose state follows from its step alone.
  private struct Model: Codable {
    @RefField(collection: "params") var weights = Tensor([Float](repeating: 0, count: 3000))
    @RefField(collection: "params") var head = Tensor([0] as [Float])
    @RefField(collection: "frozen") var frozen = Tensor((0..<20_000).map { Float($0) })
    var step = 0

    init(step: Int) {
      $head = $weights
      self.step = step
      weights.withMutableElements(of: Float.self) { for place in $0.indices { $0[place] = Float(step) } }
    }

    mutating func train() {
      step += 1
      let now = Float(step)
      weights.withMutableElements(of: Float.self) { for place in $0.indices { $0[place] = now } }
    }

    /// Whether all in it is of one step.
    var isWhole: Bool {
      let now = Float(step)
      return $head === $weights && weights.withElements(of: Float.self) { $0.allSatisfy { $0 == now } }
        && frozen.withElements(of: Float.self) { $0[19_999] == 19_999 }
    }
  }

  /// What cannot be saved.
  private struct Broken: Codable {
    var text = "\u{0}"
    func encode(to encoder: any Encoder) throws { throw RefxError(.model, "planted") }
  }

  private let folder: String
  private var random: SeededRandom

  public init(folder: String, seed: UInt64) {
    self.folder = folder
    random = SeededRandom(seed: seed)
  }

  /// - Throws: a sentence about the first thing that does not hold.
  public mutating func run(steps: Int) throws -> Figures {
    var figures = Figures()
    var model = Model(step: 0)
    while model.step < steps {
      figures.restarts += 1
      var settings = CheckpointManager.Settings()
      settings.durability = .none
      settings.mostPending = 1 + random.below(8)
      settings.changesBetweenWholes = random.below(4)
      settings.format = random.oneIn(2) ? .refx : .hdf5
      let manager = try CheckpointManager(folder, keep: .latest(2 + random.below(3)), settings: settings)
      model = Model(step: -1)
      let found = try manager.resume(&model)
      if found == nil { model = Model(step: 0) }
      guard model.isWhole, found.map({ $0.step == model.step }) ?? true else {
        throw Violation("step \(model.step) is not whole after a restart")
      }
      if let last = manager.steps.last, last.step != model.step {
        throw Violation("it goes on from \(model.step) and not from \(last.step)")
      }
      try train(&model, with: manager, until: min(steps, model.step + 1 + random.below(40)), &figures)
    }
    return figures
  }

  private mutating func train(
    _ model: inout Model, with manager: CheckpointManager, until end: Int, _ figures: inout Figures
  ) throws {
    var pending: [PendingSave] = []
    var called: Set<Int> = []
    while model.step < end {
      model.train()
      if random.oneIn(30) {
        do {
          try manager.save(Broken(), step: model.step)
          throw Violation("what cannot be encoded was saved")
        } catch let error as RefxError {
          guard error.message == "planted" else { throw error }
          figures.failed += 1
        }
      }
      let save = try manager.save(model, step: model.step, metrics: ["step": Double(model.step)])
      if random.oneIn(6), model.step < end {
        save.cancel()
        called.insert(save.step)
      } else if random.oneIn(5) {
        try save.wait()
      }
      pending.append(save)
    }
    try manager.finish()
    for save in pending {
      do {
        let saved = try save.wait()
        figures.saved += 1
        guard saved.step == save.step else { throw Violation("step \(save.step) was saved as \(saved.step)") }
      } catch let error as RefxError {
        guard error.code == .cancelled, called.contains(save.step) else { throw error }
        figures.cancelled += 1
      }
    }
    for step in manager.steps {
      var loaded = Model(step: -1)
      try manager.folder.restore(&loaded, step: step.step)
      guard loaded.step == step.step, loaded.isWhole else {
        throw Violation("step \(step.step) holds another state")
      }
    }
  }

  private struct Violation: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
