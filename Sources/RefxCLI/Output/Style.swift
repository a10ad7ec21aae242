/// Text for a terminal: colours by what they mean, where they are wanted.
///
/// Nobody can ask a terminal whether it is light or dark, and its sixteen named colours are its own business:
/// yellow on white cannot be read. So the colours are of the fixed palette, and of such a lightness that each
/// has a contrast of about four to one both on black and on white.
struct Style {
  let isColoured: Bool

  // MARK: Meanings

  /// A collection.
  func collection(_ text: String) -> String { wrap(text, "38;5;133") }
  /// The #index of a value with several sites.
  func shared(_ text: String) -> String { wrap(text, "38;5;30") }
  /// What is wrong.
  func problem(_ text: String) -> String { red(text) }

  // MARK: Looks

  func bold(_ text: String) -> String { wrap(text, "1") }
  func faint(_ text: String) -> String { wrap(text, "2") }
  func red(_ text: String) -> String { wrap(text, "38;5;160") }
  func green(_ text: String) -> String { wrap(text, "38;5;28") }
  func yellow(_ text: String) -> String { wrap(text, "38;5;130") }
  func cyan(_ text: String) -> String { shared(text) }

  private func wrap(_ text: String, _ code: String) -> String {
    isColoured && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}
