import Foundation
import RefxIO
import RefxTestSupport
import Testing

/// The Swift of the README, compiled and run; and the README, held to what runs here.
@Suite struct ReadmeTests {
  @Test func theExampleRuns() throws {
    let folder = ScratchFolder()
    func at(_ name: String) -> String { folder.file(name) }
    // README
    struct Model: Codable {
      @RefField(collection: "params") var embedding = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
      @RefField(collection: "params") var head = Tensor([0, 0, 0, 0] as [Float], shape: [2, 2])
      @RefField(collection: "batch_stats") var mean: Float = 0
      var step = 7
    }

    var model = Model()
    model.$head = model.$embedding  // tie two fields: one Ref, two names

    try Checkpoint.save(model, to: at("run.refx"))  // or run.h5: the suffix decides
    let loaded = try Checkpoint.load(Model.self, from: at("run.refx"))
    assert(loaded.$head === loaded.$embedding)  // still tied

    let file = try Checkpoint.open(at("run.refx"))  // a lazy tree: no payload is read until asked for
    print(try file.contents.tree.sites().map(\.path))
    // README
    #expect(loaded.$head === loaded.$embedding)
    #expect(loaded.head == model.embedding && loaded.step == 7)
    #expect(try file.contents.tree.sites().map(\.path.text) == ["", "embedding", "head", "mean", "step"])
  }

  @Test func theReadmeShowsIt() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let shown = source.components(separatedBy: "    // README\n")[1]
      .components(separatedBy: "\n")
      .map { $0.hasPrefix("    ") ? String($0.dropFirst(4)) : $0 }
      .joined(separator: "\n")
      .replacingOccurrences(of: #"at\(("[^"]*")\)"#, with: "$1", options: .regularExpression)
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    #expect(readme.contains("```swift\nimport RefxIO\n\n" + shown + "```\n"))
  }
}
