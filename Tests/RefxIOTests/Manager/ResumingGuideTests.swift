import Foundation
import RefxIO
import RefxStore
import RefxTestSupport
import Testing

/// The Swift of the guide to resuming, compiled and run; and the guide, held to what runs here.
@Suite struct ResumingGuideTests {
  @Test func theLoopRuns() throws {
    let folder = ScratchFolder()
    try AtomicFile.makeFolder(folder.file("runs"))
    func at(_ name: String) -> String { folder.file(name) }
    defer {
      folder.removeFolder("runs/7")
      folder.removeFolder("runs")
    }
    // GUIDE
    struct Training: Codable {
      @RefField(collection: "params") var weights = Tensor([0.5, 0.25] as [Float])
      @RefField(collection: "optimizer") var moments: [Float] = [0, 0]
      var step = 0

      mutating func advance() -> Double {
        weights.withMutableElements(of: Float.self) { for place in $0.indices { $0[place] *= 0.9 } }
        step += 1
        return Double(weights.elements(of: Float.self)[0])
      }
    }

    let manager = try CheckpointManager(at("runs/7"), keep: .latest(3), .best(2, by: "loss"))
    var training = Training()
    try manager.resume(&training)  // the latest step that is whole; nothing where there is none yet
    while training.step < 100 {
      let loss = training.advance()
      if training.step % 10 == 0 {
        try manager.save(training, step: training.step, metrics: ["loss": loss])
      }
    }
    try manager.finish()  // waits for the last save, and throws where one failed
    // GUIDE
    #expect(manager.steps.map(\.step) == [80, 90, 100])
    var again = Training()
    #expect(try StepFolder(at("runs/7")).resume(&again)?.step == 100)
    #expect(again.weights == training.weights && again.step == 100)
  }

  @Test func thePoliciesAreTaken() throws {
    let folder = ScratchFolder()
    try AtomicFile.makeFolder(folder.file("runs"))
    func at(_ name: String) -> String { folder.file(name) }
    defer {
      folder.removeFolder("runs/8")
      folder.removeFolder("runs")
    }
    // GUIDE
    var settings = CheckpointManager.Settings()
    settings.policies = [
      .collection("optimizer", dtype: .bfloat16),  // half the bytes; loaded as float32 again
      .collection("embeddings", compression: Compression.none),
      try .path("**/square", dtype: .float16),  // of these, with a finer mantissa
      .leavingOut("cache"),
    ]
    settings.changesBetweenWholes = 9
    let manager = try CheckpointManager(at("runs/8"), keep: .latest(3), settings: settings)
    // GUIDE
    struct Model: Codable {
      @RefField(collection: "optimizer") var moments = Tensor([1, 2] as [Float])
      @RefField(collection: "cache") var cache = Tensor([1, 2] as [Float])
    }
    let saved = try manager.saveNow(Model(), step: 1)
    #expect(try Checkpoint.open(saved.path).contents.tree.leaves().map(\.dtype) == [.bfloat16])
  }

  @Test func aPartIsTaken() throws {
    let folder = ScratchFolder()
    try AtomicFile.makeFolder(folder.file("runs"))
    func at(_ name: String) -> String { folder.file(name) }
    defer {
      folder.removeFolder("runs/9")
      folder.removeFolder("runs")
    }
    struct Network: Codable {
      @RefField(collection: "params") var weights = Tensor([1, 2] as [Float])
      @RefField(collection: "optimizer") var moments = Tensor([3, 4] as [Float])
    }
    // GUIDE
    let parts = try CheckpointManager(at("runs/9"))
    var network = Network()
    try parts.saveNow(network, step: 40)
    try parts.saveNow(network, step: 50, select: [.collection("params")])
    // `try parts.resume(&network)` throws: step 50 has no optimizer.
    try parts.resume(&network, select: .collection("params"))  // the params of step 50; all else is as it was
    try parts.folder.restore(&network, step: 40)  // or all of step 40
    // GUIDE
    network.weights = Tensor([5, 6] as [Float])
    network.moments = Tensor([7, 8] as [Float])
    do {
      try parts.resume(&network)
      Issue.record("a part was taken for the whole")
    } catch let error as RefxError {
      #expect(error.file == parts.steps[1].path && "\(error)".contains("moments"), "\(error)")
    }
    #expect(network.weights == Tensor([5, 6] as [Float]))
    #expect(try parts.resume(&network, select: .collection("params"))?.step == 50)
    #expect(network.weights == Tensor([1, 2] as [Float]) && network.moments == Tensor([7, 8] as [Float]))
  }

  @Test func theGuideShowsThem() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let parts = source.components(separatedBy: "    // GUIDE\n")
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let guide = try String(
      contentsOf: root.appendingPathComponent("Documentation/resuming.md"), encoding: .utf8)
    let blocks = guide.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```")[0].replacingOccurrences(of: "import RefxIO\n\n", with: "")
    }
    let shown = [1, 3, 5].map { number in
      parts[number].components(separatedBy: "\n")
        .map { $0.hasPrefix("    ") ? String($0.dropFirst(4)) : $0 }.joined(separator: "\n")
        .replacingOccurrences(of: #"at\(("[^"]*")\)"#, with: "$1", options: .regularExpression)
    }
    #expect(blocks == shown)
  }
}
