import Refx
import RefxStore

extension OpenedCheckpoint {
  /// The same checkpoint, whose payload is verified by all ranks together: each reads its part, and each is told of
  /// all problems, in the order in which one process would find them.
  ///
  /// What can only be checked as a whole is checked by one rank.
  package func verifiedTogether(by sharing: any LeafSharing) -> OpenedCheckpoint {
    var copy = self
    let ranks = UncheckedSharing(sharing)
    let tree = contents.tree
    let verify = verify
    let verifyLeaves = verifyLeaves
    copy.verify = { progress, report in
      var costs = [0]
      // What a rank that reads nothing says of the whole, it says of the first leaf.
      if verifyLeaves != nil { costs = try tree.verifiedLeaves().map(\.leaf.byteCount) }
      let paths = verifyLeaves == nil ? [] : try tree.verifiedLeaves().map(\.path)
      let numbers = Dictionary(paths.enumerated().map { ($1, $0) }) { first, _ in first }
      let found = try ranks.sharing.share(costs) { positions in
        var problems = [[Problem]](repeating: [], count: costs.count)
        func note(_ problem: Problem) {
          let number = problem.path.flatMap { numbers[$0] } ?? positions[0]
          problems[number].append(problem)
        }
        if let verifyLeaves {
          let chosen = Set(positions)
          try verifyLeaves({ chosen.contains($0) }, progress, note)
        } else {
          try verify(progress, note)
        }
        return positions.map { Problem.bytes(of: problems[$0]) }
      }
      for finding in found { for problem in try Problem.problems(in: finding) { report(problem) } }
    }
    return copy
  }
}

/// A sharing that a closure takes along.
private final class UncheckedSharing: @unchecked Sendable {
  // Sendable: collective calls are made by one thread at a time, as the communicator asks.
  let sharing: any LeafSharing
  init(_ sharing: any LeafSharing) { self.sharing = sharing }
}

extension Problem {
  fileprivate static func bytes(of problems: [Problem]) -> [UInt8] {
    if problems.isEmpty { return [] }
    let rows = problems.map { problem -> JSON in
      .array([
        problem.path.map { .array($0.keys.map { .string($0.string) }) } ?? .null, .string(problem.what),
      ])
    }
    return JSON.array(rows).bytes()
  }

  fileprivate static func problems(in bytes: [UInt8]) throws -> [Problem] {
    if bytes.isEmpty { return [] }
    guard case .array(let rows) = try JSON.parse(bytes) else { throw RefxError.ranksOutOfStep() }
    return try rows.map { row in
      guard case .array(let parts) = row, parts.count == 2, case .string(let what) = parts[1] else {
        throw RefxError.ranksOutOfStep()
      }
      guard case .array(let keys) = parts[0] else { return Problem(path: nil, what: what) }
      let path = Path(keys.compactMap { key in if case .string(let text) = key { Key(text) } else { nil } })
      return Problem(path: path, what: what)
    }
  }
}
