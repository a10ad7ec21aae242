import Foundation
import RefxIO
import RefxTestSupport
import Testing

/// The Swift of the guide to restoring, compiled and run; and the guide, held to what runs here.
@Suite struct RestoringGuideTests {
  @Test func theExamplesRun() throws {
    let folder = ScratchFolder()
    func at(_ name: String) -> String { folder.file(name) }
    // GUIDE
    struct Model: Codable {
      @RefField(collection: "params") var embedding = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
      @RefField(collection: "params") var output = Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
      @RefField(collection: "batch_stats") var mean: [Float] = [0, 0]
      var step = 0
    }

    var model = Model()
    model.$output = model.$embedding  // tied: one Ref at two sites
    try Checkpoint.save(model, to: at("run.refx"))

    try Checkpoint.restore(&model, from: at("run.refx"))
    // GUIDE
    #expect(model.$output === model.$embedding)
    model.step = 5
    // GUIDE
    try Checkpoint.restore(&model, from: at("run.refx"), select: .collections(["params", "batch_stats"]))
    try Checkpoint.restore(&model, from: at("run.refx"), select: .pattern("emb*"))
    try Checkpoint.restore(
      &model, from: at("run.refx"), select: [.collection("params"), .pattern("mean")])
    // GUIDE
    #expect(model.step == 5)
    // GUIDE
    try Checkpoint.restore(
      &model, from: at("run.refx"),
      allowing: [.missing("head/**"), .unexpected("ema/**"), .shape("classes/**")])
    // GUIDE
    #expect(model.step == 0)
    // GUIDE
    var untied = Model()
    try Checkpoint.restore(&untied, from: at("run.refx"), topology: .acceptTies)
    assert(untied.$output !== untied.$embedding)  // still apart, with equal values
    try Checkpoint.save(untied, to: at("untied.refx"))

    try Checkpoint.restore(&model, from: at("untied.refx"), topology: .acceptUnties)
    assert(model.$output === model.$embedding)  // still tied
    // GUIDE
    #expect(untied.output == model.embedding && untied.$output !== untied.$embedding)
    // GUIDE
    try Checkpoint.restore(
      &model, from: at("run.refx"), allowing: .missing, requiring: ["params", "batch_stats"])
    let loaded = try Checkpoint.load(Model.self, from: at("run.refx"), requiring: ["batch_stats"])
    // GUIDE
    #expect(loaded.$output === loaded.$embedding)
    // GUIDE
    let contents = try Checkpoint.open(at("run.refx")).contents
    try Checkpoint.restore(&model, from: contents, select: .collection("params"))
    // GUIDE
    #expect(model.embedding == Model().embedding)
  }

  @Test func theGuideShowsThem() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let parts = source.components(separatedBy: "    // GUIDE\n")
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let guide = try String(
      contentsOf: root.appendingPathComponent("Documentation/restoring.md"), encoding: .utf8)
    var blocks = guide.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
    #expect(blocks.first?.hasPrefix("import RefxIO\n\n") == true)
    blocks[0] = blocks[0].replacingOccurrences(of: "import RefxIO\n\n", with: "")
    // Every second part stands in the guide; the last one is this test.
    let shown = stride(from: 1, to: parts.count - 1, by: 2).map { number in
      parts[number].components(separatedBy: "\n")
        .map { $0.hasPrefix("    ") ? String($0.dropFirst(4)) : $0 }.joined(separator: "\n")
        .replacingOccurrences(of: #"at\(("[^"]*")\)"#, with: "$1", options: .regularExpression)
    }
    #expect(blocks == shown)
    #expect(shown.count == 6)
  }
}
