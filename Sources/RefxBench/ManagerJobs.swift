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
    },
    Job(
      "manager.list", "the steps of a folder listed, with its list of them or (cold=1) without",
      keys: "out= [steps=1000] [cold=1]"
    ) { run in
      let steps = try run.count("steps", default: 1000)
      let folder = try run.text("out")
      try filled(folder, steps)
      if run.flag("cold") { unlink(folder + "/.refx-steps") }
      let listing = try run.measure { try StepFolder(folder).list() }
      run.leaves = steps
      try run.check(listing.steps.count == steps && listing.problems.isEmpty, "\(steps) steps")
    },
    Job(
      "manager.save.late", "64 small saves into a folder that has many steps", keys: "out= [steps=1000]"
    ) { run in
      let steps = try run.count("steps", default: 1000)
      try filled(run.text("out"), steps)
      let manager = try CheckpointManager(run.text("out"), settings: quick)
      let model = StepModel(bytes: 64, arrays: 2)
      try manager.saveNow(model, step: steps)
      run.leaves = 64
      try run.measure { for step in 1...64 { try manager.saveNow(model, step: steps + step) } }
      try run.check(manager.steps.count == steps + 65, "all steps")
    },
    Job(
      "manager.restore", "a model restored as a whole, or (part=1) the first of its four collections",
      keys: "bytes= out=FILE [arrays=64] [compression=fast] [part=1]"
    ) { run in
      let arrays = max(4, try run.count("arrays", default: 64))
      let file = try run.text("out")
      var model = StepModel(
        bytes: try run.count("bytes"), arrays: arrays, collections: ["one", "two", "three", "four"])
      let compression = Compression(rawValue: run["compression"] ?? "fast") ?? .fast
      try Checkpoint.save(model, to: file, compression: compression, durability: .none)
      model.train(arrays)
      let selection: RestoreSelection = run.flag("part") ? .collection("one") : .all
      try run.measure { try Checkpoint.restore(&model, from: file, select: selection) }
      run.leaves = run.flag("part") ? (arrays + 3) / 4 : arrays
      try run.check(model.first(of: 0) == 0.5, "the values of the file")
      try run.check(model.first(of: 1) == (run.flag("part") ? 1.5 : 0.5), "what was chosen and no more")
    },
  ]

  private static var quick: CheckpointManager.Settings {
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    return settings
  }

  /// A folder with so many steps of a small model.
  private static func filled(_ folder: String, _ steps: Int) throws {
    let manager = try CheckpointManager(folder, settings: quick)
    for step in 0..<steps {
      try manager.save(StepModel(bytes: 64, arrays: 2), step: step, metrics: ["loss": 1 / Double(step + 1)])
    }
    try manager.finish()
  }
}

/// Arrays of numbers like a model's, each a Ref.
private struct StepModel: Codable {
  private var arrays: [Ref<Tensor>]

  init(bytes: Int, arrays count: Int, collections: [CollectionTag] = ["params"]) {
    var state: UInt32 = 1
    arrays = (0..<count).map { number in
      var numbers = (0..<max(1, bytes / 4 / count)).map { _ -> Float in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Float(Int32(bitPattern: state) >> 8) / Float(1 << 23)
      }
      numbers[0] = 0.5
      return Ref(Tensor(numbers), collection: collections[number % collections.count])
    }
  }

  func first(of array: Int) -> Float { arrays[array].value.elements(of: Float.self)[0] }

  /// Writes to every number of some arrays, as an optimizer does.
  func train(_ count: Int) {
    for array in arrays.prefix(count) {
      array.value.withMutableElements(of: Float.self) { numbers in
        for place in numbers.indices { numbers[place] += 1 }
      }
    }
  }
}
