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

  @Flag(name: [.short, .long], help: "Say nothing but what was asked for, and errors.")
  var quiet = false

  @Option(help: ArgumentHelp("Colour: auto, always or never.", valueName: "when"))
  var color = When.auto

  @Option(help: ArgumentHelp("A progress bar on standard error: auto, always or never.", valueName: "when"))
  var progress = When.auto

  /// Whether standard output is to be coloured.
  var isColoured: Bool {
    switch color {
    case .always: !json
    case .never: false
    case .auto: !json && isatty(1) == 1 && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
    }
  }

  var showsProgress: Bool {
    switch progress {
    case .always: true
    case .never: false
    case .auto: !json && !quiet && isatty(2) == 1
    }
  }
}

/// Text for a terminal: colours where they are wanted.
struct Style {
  let isColoured: Bool

  func bold(_ text: String) -> String { wrap(text, "1") }
  func faint(_ text: String) -> String { wrap(text, "2") }
  func red(_ text: String) -> String { wrap(text, "31") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }
  func cyan(_ text: String) -> String { wrap(text, "36") }

  private func wrap(_ text: String, _ code: String) -> String {
    isColoured && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
