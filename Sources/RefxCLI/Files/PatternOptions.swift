import ArgumentParser
import Refx
import RefxIO

/// Which paths are meant.
struct PatternOptions: ParsableArguments {
  @Flag(help: "Read each PATTERN as a regular expression over the joined path.")
  var regex = false

  func patterns(_ texts: [String]) throws -> [PathPattern] {
    try texts.map { try regex ? PathPattern(regex: $0) : PathPattern(glob: $0) }
  }
}

/// Reads a path as the command line has it.
func path(from text: String) throws -> Path {
  guard let path = Path(text: text) else { throw RefxError.badPath(text) }
  return path
}
