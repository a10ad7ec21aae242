/// Finds what somebody who misspelled a name meant.
package enum Nearest {
  /// How many letters must be put in, taken out, replaced or swapped with their neighbour to make the other; of
  /// long names only so far.
  package static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8.prefix(64))
    let b = Array(b.utf8.prefix(64))
    var before: [Int] = []
    var last = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var row = [i + 1]
      row.reserveCapacity(b.count + 1)
      for (j, other) in b.enumerated() {
        var steps = min(last[j] + (letter == other ? 0 : 1), row[j] + 1, last[j + 1] + 1)
        if i > 0, j > 0, letter == b[j - 1], a[i - 1] == other { steps = min(steps, before[j - 1] + 1) }
        row.append(steps)
      }
      before = last
      last = row
    }
    return last[b.count]
  }

  /// The one of `known` that is spelled most like `name`, the first where several are; nil where none is near
  /// enough to have been meant.
  package static func to(_ name: String, among known: [String]) -> String? {
    let wanted = name.lowercased()
    var best: (name: String, steps: Int)?
    for candidate in known {
      // A start of a name is near, however much is missing.
      let steps =
        wanted.utf8.count >= 3 && candidate.lowercased().hasPrefix(wanted)
        ? 1 : distance(wanted, candidate.lowercased())
      if steps < best?.steps ?? .max { best = (candidate, steps) }
    }
    guard let best, best.steps <= max(1, wanted.utf8.count / 3) else { return nil }
    return best.name
  }

  /// `did you mean NAME?`, where one is near.
  package static func advice(_ name: String, among known: [String], shown: (String) -> String = { $0 })
    -> String?
  {
    to(name, among: known).map { "did you mean \(shown($0))?" }
  }
}
