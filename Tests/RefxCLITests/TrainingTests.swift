import Foundation
import Refx
import RefxIO
import Testing

/// The example `train-text`, broken off and gone on with.
@Suite struct TrainingTests {
  private func program() throws -> String {
    try #require(Command.executable).deletingLastPathComponent().appending(path: "TrainText").path
  }

  private func train(_ line: String, in scratch: Scratch) throws -> (text: String, losses: [Int: String]) {
    let text = try Command.shell("P='\(program())'; \(line)", in: scratch).text
    var losses: [Int: String] = [:]
    for line in text.split(separator: "\n") where line.hasPrefix("step ") {
      let words = line.split(separator: " ").map(String.init)
      losses[try #require(Int(words[1]))] = words[5]
    }
    return (text, losses)
  }

  /// Ended by SIGTERM, which saves, and by SIGKILL, which does not: the losses are the same bits.
  @Test(arguments: ["", "--changes 3"]) func aRunThatWasBrokenOffComesToTheSameBits(_ manner: String) throws {
    let scratch = try Scratch()
    let whole = try train("$P whole --steps 80 --every 7 --fast \(manner)", in: scratch)
    #expect(whole.losses.count == 8 && whole.losses[80] != nil)
    // Enough attempts for a machine that is busy; the first that is ended in the middle counts.
    for (signal, folder) in [("TERM", "term"), ("KILL", "kill")] {
      let limit = signal == "TERM" ? "timeout -s TERM" : "timeout -s KILL"
      let first = try train("\(limit) 1 $P \(folder) --steps 80 --every 7 --pause 25 \(manner)", in: scratch)
      #expect(first.losses[80] == nil, "\(first.text)")
      let second = try train("$P \(folder) --steps 80 --every 7 \(manner)", in: scratch)
      #expect(second.losses[80] == whole.losses[80], "\(signal): \(second.text)")
      for (step, bits) in first.losses.merging(second.losses, uniquingKeysWith: { $1 }) {
        if let expected = whole.losses[step] { #expect(bits == expected, "step \(step)") }
      }
      if signal == "TERM" {
        #expect(first.text.contains("stopped at step") && second.text.contains("goes on from step"))
      }
    }
    let files = ["whole", "term", "kill"].map { scratch.path("\($0)/step-0000000080.refx") }
    if manner.isEmpty {
      for file in files.dropFirst() {
        #expect(try Command.run("diff", files[0], file).text.hasPrefix("equal"))
      }
    }
    #expect(try Command.run(["verify"] + files).code == 0)
  }

  /// The process ends only when what is under way is on the disk.
  @Test func theEndWaitsForSaves() throws {
    let scratch = try Scratch()
    let check = try #require(Command.executable).deletingLastPathComponent().appending(
      path: "ReliabilityCheck"
    ).path
    let ended = try Command.shell("'\(check)' exit run; echo $?; ls run | wc -l", in: scratch)
    #expect(ended.text == "0\n20\n", "\(ended.text)")
    let files = (1...20).map { scratch.path("run/step-00000000\($0 < 10 ? "0" : "")\($0).refx") }
    #expect(try Command.run(["verify"] + files).code == 0)
  }

  @Test func aStepOfChangesIsMadeWholeByTheCommand() throws {
    let scratch = try Scratch()
    struct Model: Codable {
      @RefField(collection: "frozen") var frozen = Tensor((0..<20_000).map { Float($0) })
      @RefField(collection: "frozen") var tied = Tensor([0] as [Float])
      @RefField(collection: "adapter") var adapter = Tensor([0, 0] as [Float])
    }
    var settings = CheckpointManager.Settings()
    settings.durability = .none
    settings.changesBetweenWholes = 4
    let manager = try CheckpointManager(scratch.path("run"), settings: settings)
    var model = Model()
    model.$tied = model.$frozen
    try manager.saveNow(model, step: 1)
    model.adapter = Tensor([1, 2] as [Float])
    try manager.saveNow(model, step: 2)
    try Checkpoint.save(model, to: scratch.path("expected.refx"), durability: .none)
    let (base, step) = (manager.steps[0].path, manager.steps[1].path)
    for out in ["whole.refx", "whole.h5", "whole.safetensors"] {
      let made = try Command.run("convert", "--base", base, step, scratch.path(out))
      #expect(made.code == 0, "\(made.errors)")
      #expect(
        try Command.run("diff", scratch.path("expected.refx"), scratch.path(out)).text.hasPrefix("equal"))
    }
    // Not to be put on another step, nor on itself, and only changes can be put on anything.
    let expected = scratch.path("expected.refx")
    for (wrong, words) in [
      (["--base", expected, step], "was made from another checkpoint"), (["--base", step, step], "was made"),
      (["--base", base, expected], "no patch"), (["--base", "-", "-"], "given once"),
      (["--base", base, "--salvage", step], "cannot be used together"),
    ] {
      let result = try Command.run(["convert"] + wrong + [scratch.path("no.refx")])
      #expect(result.code == 2, "\(wrong)")
      #expect(result.errors.contains(words), "\(result.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path("no.refx")))
    // It is a patch like any other.
    let applied = try Command.run("patch", "apply", base, step, "-o", scratch.path("applied.refx"))
    #expect(applied.code == 0)
    #expect(try Command.run("diff", expected, scratch.path("applied.refx")).code == 0)
  }
}
