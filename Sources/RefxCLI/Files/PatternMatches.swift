import Refx
import RefxIO

/// The patterns of a command line, and which of them have matched something.
struct PatternMatches {
  private let patterns: [PathPattern]
  private var hasMatched: [Bool]

  init(_ patterns: [PathPattern]) {
    self.patterns = patterns
    hasMatched = patterns.map { _ in false }
  }

  /// Whether one of them matches `path`; all do where there are none.
  mutating func matches(_ path: Path) throws -> Bool {
    var isWanted = patterns.isEmpty
    for (position, pattern) in patterns.enumerated() where try pattern.matches(path) {
      hasMatched[position] = true
      isWanted = true
    }
    return isWanted
  }

  /// Says of each pattern that has matched nothing that it is so, and which names were meant.
  func noteOthers(than paths: some Sequence<Path>, of file: String, _ output: OutputOptions) {
    for (pattern, hasMatched) in zip(patterns, hasMatched) where !hasMatched {
      let sentence = RefxError.patternWithoutMatch(pattern.text, near: pattern.nearestNames(on: paths))
      StandardError.note("\(visible(file)): \(visible(sentence))", output)
    }
  }
}
