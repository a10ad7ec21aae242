import Foundation
import Refx
import RefxIO
import RefxStore
import Testing

/// Limits on the command line and their library twins: each lets what is just within pass and refuses what is just
/// beyond, in every format.
@Suite struct LimitTests {
  /// Two levels, four nodes, ranks up to 2, names up to 5 bytes, 56 bytes of values.
  private let tree: Tree<Leaf> = [
    "outer": [
      "a": numbers([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]), "b": numbers([1, 2, 3, 4] as [Int64]),
    ]
  ]

  private static let cases: [(option: String, least: Int, change: @Sendable (inout Limits, Int) -> Void)] = [
    ("--max-bytes", 56, { $0.bytes = $1 }), ("--max-depth", 2, { $0.depth = $1 }),
    ("--max-nodes", 4, { $0.nodes = $1 }), ("--max-rank", 2, { $0.rank = $1 }),
    ("--max-name-bytes", 5, { $0.nameBytes = $1 }),
  ]

  @Test(arguments: ["refx", "h5", "safetensors"], 0..<5)
  func eachLimitIsExact(format: String, number: Int) throws {
    var (option, least, change) = LimitTests.cases[number]
    // There the names of a leaf's keys are one.
    if format == "safetensors", option == "--max-name-bytes" { least = "outer.a".utf8.count }
    let scratch = try Scratch()
    let file = try scratch.save(tree, as: "m.\(format)")
    for (limit, passes) in [(least, true), (least - 1, false)] {
      let result = try Command.run("inspect", file, "--json", option, "\(limit)")
      #expect(result.code == (passes ? 0 : 2), "\(option) \(limit) of \(format): \(result.errors)")
      var limits = Limits()
      change(&limits, limit)
      let error = refusal { try Checkpoint.open(file, options: OpenOptions(limits: limits)) }
      #expect((error == nil) == passes, "\(option) \(limit) of \(format)")
      if !passes { #expect(error?.code == .limit, "\(option) of \(format): \(error?.summary ?? "")") }
    }
  }

  @Test(arguments: ["-1", "10X", "K", "", "9223372036854775807K", "1.5M", "5ß", "5ﬁ"])
  func whatIsNoLimitIsAMistake(text: String) throws {
    let scratch = try Scratch()
    let file = try scratch.save(tree, as: "m.refx")
    #expect(try Command.run("inspect", file, "--max-bytes=\(text)").code == 2)
  }

  @Test func sharedValuesCountOnce() throws {
    let shared: Tree<Leaf> = ["a": first(numbers([1, 2] as [Double]), 0), "b": again(0), "c": again(0)]
    let scratch = try Scratch()
    let file = try scratch.save(shared, as: "m.refx")
    #expect(try Command.run("inspect", file, "--max-bytes", "16").code == 0)
    #expect(try Command.run("inspect", file, "--max-bytes", "15").code == 2)
  }

  @Test(arguments: ["refx", "h5"])
  func refsAndCollectionsCountAlike(format: String) throws {
    let tree: Tree<Leaf> = [
      "a": first(numbers([1] as [Double]), 0, "params"), "b": [again(0, "params"), first(["c": .none], 1)],
    ]
    let scratch = try Scratch()
    let file = try scratch.save(tree, as: "m.\(format)", metadata: ["by": "a test"])
    // The root, a leaf, a list with an index and a dictionary of one.
    for (option, least) in [("--max-nodes", 6), ("--max-name-bytes", 6)] {
      #expect(try Command.run("inspect", file, option, "\(least)").code == 0, "\(option)")
      let refused = try Command.run("inspect", file, option, "\(least - 1)")
      #expect(refused.code == 2, "\(option): \(refused.text)")
    }
  }

  @Test func verifyDoesNotCallWhatItDidNotReadDamaged() throws {
    let scratch = try Scratch()
    let file = try scratch.save(tree, as: "m.refx")
    #expect(try Command.run("verify", file, "--max-bytes", "1").code == 2)
  }

  @Test func noDepthIsBeyondWhatATreeCanHave() {
    var limits = Limits()
    limits.depth = .max
    #expect(limits.depth == maximumTreeDepth)
  }

  /// As deep as a tree may be, through every command that walks it; one level more is refused in words.
  @Test(arguments: ["refx", "h5"])
  func theDeepestTreeGoesThrough(format: String) throws {
    let scratch = try Scratch()
    let file = scratch.path("deep.\(format)")
    try withDeepStack {
      var tree: Tree<Leaf> = first(numbers([1, 2] as [Float]), 0, "params")
      for _ in 0..<maximumTreeDepth - 1 { tree = ["a": tree] }
      try Checkpoint.save(tree: ["a": tree], to: file)
    }
    let other = scratch.path(format == "refx" ? "other.h5" : "other.refx")
    for arguments in [
      ["verify", file], ["inspect", file, "--tree"], ["digest", file], ["lint", file],
      ["convert", file, other],
      ["verify", other], ["diff", file, other],
      ["partition", file, "-o", scratch.path("parts"), "--by-collection"],
      ["graph", file, "-o", scratch.path("graph.svg")], ["report", file, "-o", scratch.path("report.html")],
    ] {
      let result = try Command.run(arguments)
      #expect(result.code == 0, "\(arguments): \(result.signal ?? 0) \(result.errors)")
    }
    #expect(try Command.run("inspect", file, "--max-depth", "\(maximumTreeDepth - 1)").code == 2)
  }

  private func refusal(_ body: () throws -> OpenedCheckpoint) -> RefxError? {
    do {
      _ = try body()
      return nil
    } catch { return error as? RefxError }
  }
}
