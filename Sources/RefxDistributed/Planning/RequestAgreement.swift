import Refx
import RefxStore

/// Whether all ranks ask for the same file.
struct RequestAgreement {
  /// What must be alike on all ranks, by its name in words.
  private var wishes: [(name: String, value: String)] = []

  mutating func add(_ name: String, _ value: String) { wishes.append((name, value)) }

  /// Collective.
  ///
  /// - Parameter body: names what this rank asks for; where it throws, every rank does.
  /// - Throws: ``RefxError``, on every rank the same, that names a rank and what it asks for otherwise than rank 0.
  static func check(over ranks: any Communicator, _ body: (inout RequestAgreement) throws -> Void) throws {
    let words = try ranks.gathering {
      var own = RequestAgreement()
      try body(&own)
      return JSON.array(own.wishes.map { .array([.string($0.name), .string($0.value)]) }).bytes()
    }
    guard let other = words.firstIndex(where: { $0 != words[0] }) else { return }
    let wishes = try [words[0], words[other]].map(RequestAgreement.wishes)
    for (expected, found) in zip(wishes[0], wishes[1]) where expected != found {
      throw RefxError.ranksAskForOther(expected.name, expected: expected.value, found: found.value)
        .onRank(other, of: ranks.size)
    }
    throw RefxError.ranksOutOfStep()
  }

  private static func wishes(_ bytes: [UInt8]) throws -> [(name: String, value: String)] {
    guard case .array(let rows) = try JSON.parse(bytes) else { throw RefxError.ranksOutOfStep() }
    return try rows.map { row in
      guard case .array(let parts) = row, parts.count == 2, case .string(let name) = parts[0],
        case .string(let value) = parts[1]
      else { throw RefxError.ranksOutOfStep() }
      return (name, value)
    }
  }
}
