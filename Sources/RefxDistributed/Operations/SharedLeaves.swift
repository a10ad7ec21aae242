import Refx
import RefxStore

/// Ranks that look through the payload of a checkpoint together: each reads whole leaves, about as many bytes as every
/// other.
package final class SharedLeaves: LeafSharing {
  private let ranks: any Communicator

  package init(_ ranks: any Communicator) {
    self.ranks = ranks
  }

  package func share(_ costs: [Int], _ find: ([Int]) throws -> [[UInt8]]) throws -> [[UInt8]] {
    let owners = LeafShares.owners(of: costs, ranks: ranks.size)
    let mine = owners.indices.filter { owners[$0] == ranks.rank }
    let given = try ranks.gathering {
      let found = try mine.isEmpty ? [] : find(mine)
      guard found.count == mine.count else { throw RefxError.ranksOutOfStep() }
      return FindingsOnTheWire.bytes(of: found)
    }
    var findings = try given.map { try FindingsOnTheWire.findings(in: $0)[...] }
    return try owners.map { owner in
      guard let next = findings[owner].popFirst() else { throw RefxError.ranksOutOfStep() }
      return next
    }
  }
}

/// Which rank reads which leaf.
enum LeafShares {
  /// The largest go one by one to the rank that has least; the others lie side by side, as they do in the file, and
  /// fill up what the ranks have left.
  ///
  /// - Returns: the rank of each leaf; the same on every rank. No rank has more than a fair share and one leaf.
  static func owners(of costs: [Int], ranks: Int) -> [Int] {
    var owners = [Int](repeating: 0, count: costs.count)
    if ranks < 2 || costs.isEmpty { return owners }
    // A leaf without bytes costs a look.
    let costs = costs.map { max($0, 0).addingSaturated(256) }
    let share = costs.reduce(0) { $0.addingSaturated($1) } / ranks
    let large = costs.indices.filter { costs[$0] > share / 16 }.sorted { (costs[$0], $1) > (costs[$1], $0) }
    var loads = [Int](repeating: 0, count: ranks)
    var isGiven = [Bool](repeating: false, count: costs.count)
    for leaf in large {
      // There are at most sixteen for each rank.
      let rank = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
      owners[leaf] = rank
      loads[rank] = loads[rank].addingSaturated(costs[leaf])
      isGiven[leaf] = true
    }
    var rank = 0
    for leaf in costs.indices where !isGiven[leaf] {
      while rank + 1 < ranks, loads[rank] >= share { rank += 1 }
      owners[leaf] = rank
      loads[rank] = loads[rank].addingSaturated(costs[leaf])
    }
    return owners
  }
}

extension Communicator {
  /// Gives what `body` brings on each rank to all.
  ///
  /// - Parameter namingRanks: false where one rank does what others could do as well.
  /// - Throws: on every rank what `body` throws on the first where it does. The rank is named unless all throw the
  ///   same.
  package func gathering(namingRanks: Bool = true, _ body: () throws -> [UInt8]) throws -> [[UInt8]] {
    var words: [UInt8]
    do { words = RankReport.bytes(of: nil) + (try body()) } catch {
      words = RankReport.bytes(of: RefxError.from(error))
    }
    return try reports(words, namingRanks: namingRanks).map { Array($0.dropFirst()) }
  }

  /// Meets the other ranks: all go on, or none does.
  ///
  /// - Parameter failure: what went wrong on this rank.
  /// - Throws: as ``gathering(_:)``.
  package func meet(_ failure: RefxError?) throws {
    _ = try reports(RankReport.bytes(of: failure), namingRanks: true)
  }

  private func reports(_ words: [UInt8], namingRanks: Bool) throws -> [[UInt8]] {
    let all = try gatherToAll(words)
    let failures = try all.map { try RankReport.failure(in: $0) }
    guard let rank = failures.firstIndex(where: { $0 != nil }), let failure = failures[rank] else {
      return all
    }
    let isEverywhere = failures.allSatisfy { $0 != nil } && all.allSatisfy { $0 == all[0] }
    throw isEverywhere || !namingRanks ? failure : failure.onRank(rank, of: size)
  }
}

/// Findings as one rank gives them to the others: how many, and each with its length before it, in 8 bytes.
enum FindingsOnTheWire {
  static func bytes(of findings: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    func add(_ count: Int) { withUnsafeBytes(of: UInt64(count).littleEndian) { bytes += $0 } }
    add(findings.count)
    for finding in findings {
      add(finding.count)
      bytes += finding
    }
    return bytes
  }

  static func findings(in bytes: [UInt8]) throws -> [[UInt8]] {
    var rest = bytes[...]
    func next() throws -> Int {
      guard rest.count >= 8 else { throw RefxError.ranksOutOfStep() }
      let value = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      rest = rest.dropFirst(8)
      // Neither a count nor a length is more than there are bytes.
      guard value <= UInt64(rest.count) else { throw RefxError.ranksOutOfStep() }
      return Int(value)
    }
    let count = try next()
    var findings: [[UInt8]] = []
    findings.reserveCapacity(count)
    for _ in 0..<count {
      let length = try next()
      findings.append(Array(rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return findings
  }
}
