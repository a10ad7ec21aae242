import Glibc
import RefxIO

/// What a training pays for its checkpoints: the time for which the call blocks, and what copies on writing cost while
/// the file is being made, beside the time that the save takes.
enum ManagerJobs {
  static let all: [Job] = [
    Job(
      "manager.save", "the call that saves a step in the background",
      keys: "bytes= out= [arrays=64] [compression=fast] [durable=1] [changed=ARRAYS]"
    ) { run in
      let bytes = try run.count("bytes")
      let arrays = max(1, try run.count("arrays", default: 64))
      let changed = min(arrays, try run.count("changed", default: arrays))
      var settings = CheckpointManager.Settings()
      settings.compression = Compression(rawValue: run["compression"] ?? "fast") ?? .fast
      settings.durability = run.flag("durable") ? .full : .none
      let manager = try CheckpointManager(run.text("out"), keep: .latest(1), settings: settings)
      let model = StepModel(bytes: bytes, arrays: arrays)
      run.bytes = bytes
      run.leaves = arrays

      // The memory of the model is touched, and the worker's thread is there.
      try manager.saveNow(StepModel(bytes: 1 << 16, arrays: 1), step: 0)
      let begun = seconds(of: CLOCK_MONOTONIC)
      let pending = try run.measure { try manager.save(model, step: 1) }
      let captured = seconds(of: CLOCK_MONOTONIC)
      // The next step of the training writes to its arrays while the save still reads the old ones.
      model.train(changed)
      let trained = seconds(of: CLOCK_MONOTONIC)
      let saved = try pending.wait()
      let ended = seconds(of: CLOCK_MONOTONIC)
      model.train(changed)
      let alone = seconds(of: CLOCK_MONOTONIC) - ended
      run.note("saveSeconds", .number(ended - begun))
      run.note("stepSecondsMeanwhile", .number(trained - captured))
      run.note("stepSecondsAlone", .number(alone))
      run.note("stored", .integer(Int64(saved.byteCount)))
      let tree = try manager.folder.contents(of: saved).tree
      try run.check(try tree.leaves()[0].tensor().elements(of: Float.self)[0] == 0.5, "the state at the call")
    }
  ]
}

/// Arrays of numbers like a model's, each a Ref.
private struct StepModel: Codable {
  private var arrays: [Ref<Tensor>]

  init(bytes: Int, arrays count: Int) {
    var state: UInt32 = 1
    arrays = (0..<count).map { _ in
      var numbers = (0..<max(1, bytes / 4 / count)).map { _ -> Float in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Float(Int32(bitPattern: state) >> 8) / Float(1 << 23)
      }
      numbers[0] = 0.5
      return Ref(Tensor(numbers), collection: "params")
    }
  }

  /// Writes to every number of some arrays, as an optimizer does.
  func train(_ count: Int) {
    for array in arrays.prefix(count) {
      array.value.withMutableElements(of: Float.self) { numbers in
        for place in numbers.indices { numbers[place] += 1 }
      }
    }
  }
}
