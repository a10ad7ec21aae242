import Refx
import RefxStore

/// What the demonstration did, for `demo --json`: each step, its commands, how they ended, what they printed.
struct DemoRecord {
  private struct Step {
    let title: String
    var runs: [JSON] = []
  }

  private var steps: [Step] = []

  var count: Int { steps.count }

  mutating func began(_ title: String) {
    steps.append(Step(title: title))
  }

  mutating func ran(_ arguments: [String], _ end: DemoProcess.End) {
    let output = end.output.withUnsafeBytes { try? JSON.parse($0) }
    steps[steps.count - 1].runs.append([
      "command": .array((["refx"] + arguments).map { .string($0) }),
      "exit": .integer(Int64(end.code)),
      "signal": end.signal.map { .integer(Int64($0)) } ?? .null,
      "output": output ?? .string(String(decoding: end.output, as: UTF8.self)),
    ])
  }

  /// The step of the last save that a training said it made.
  static func lastStep(in output: [UInt8]) -> Int? {
    String(decoding: output, as: UTF8.self).split(separator: "\n")
      .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }.last
  }

  func json(folder: String) -> JSON {
    [
      "folder": .string(folder),
      "steps": .array(steps.map { ["title": .string($0.title), "runs": .array($0.runs)] }),
    ]
  }
}
