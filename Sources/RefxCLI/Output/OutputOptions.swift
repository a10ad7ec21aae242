import ArgumentParser
import Glibc

/// When something is done that suits a terminal.
enum When: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never
}

/// The options that every command has.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print one JSON document.")
  var json = false

  @Flag(name: [.short, .long], help: "Say nothing but what was asked for, what is lost, and errors.")
  var quiet = false

  @Option(help: ArgumentHelp("Colour: auto, always or never.", valueName: "when"))
  var color = When.auto

  @Option(help: ArgumentHelp("A progress bar on standard error: auto, always or never.", valueName: "when"))
  var progress = When.auto

  /// Whether standard output is to be coloured.
  var isColoured: Bool { !json && OutputOptions.isColoured(color) }

  var showsProgress: Bool {
    switch progress {
    case .always: Crews.current.isFirst
    case .never: false
    case .auto: !json && !quiet && isTerminal(2) && OutputOptions.knowsSequences
    }
  }

  private static func isColoured(_ color: When) -> Bool {
    switch color {
    case .always: true
    case .never: false
    case .auto: isTerminal(1) && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true) && knowsSequences
    }
  }

  /// The same of a command line that has not been read yet, or cannot be.
  static func isColoured(_ words: some Sequence<String>) -> Bool {
    let words = Array(words)
    for (position, word) in words.enumerated().reversed() {
      if word.hasPrefix("--color=") { return isColoured(When(rawValue: String(word.dropFirst(8))) ?? .auto) }
      if word == "--color", position + 1 < words.count {
        return isColoured(When(rawValue: words[position + 1]) ?? .auto)
      }
    }
    return isColoured(.auto)
  }

  /// Whether the terminal understands more than text: an editor's often does not.
  private static var knowsSequences: Bool {
    getenv("TERM").map { String(cString: $0) != "dumb" } ?? true
  }
}
