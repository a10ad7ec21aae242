/// A line as it stands in bash before the cursor, taken apart as bash would, without expanding anything.
struct ShellLine {
  enum Quote { case none, single, double }

  /// The words, the last one being the one that is written; empty where it has not begun.
  private(set) var words: [String] = []
  /// How the last word is quoted where the line ends.
  private(set) var quote = Quote.none
  /// What of the last word stands before the last of the characters at which bash breaks words.
  private(set) var beforeBreak = ""

  init(_ line: String, breaks: String) {
    var word = ""
    var isWord = false
    var isEscaped = false
    for character in line {
      if isEscaped {
        word.append(character)
        isEscaped = false
        continue
      }
      switch (quote, character) {
      case (.none, " "), (.none, "\t"), (.none, "\n"):
        if isWord { words.append(word) }
        (word, beforeBreak, isWord) = ("", "", false)
        continue
      case (.none, "'"): quote = .single
      case (.single, "'"), (.double, "\""): quote = .none
      case (.none, "\""): quote = .double
      case (.none, "\\"), (.double, "\\"): isEscaped = true
      default:
        word.append(character)
        if quote == .none, breaks.contains(character), character == ":" || character == "=" {
          beforeBreak = word
        }
      }
      isWord = true
    }
    words.append(word)
  }

  /// `answer` as it is put in the place of the last word: quoted as that is, without what bash leaves there.
  func replacement(_ answer: String) -> String {
    var rest = answer
    if !beforeBreak.isEmpty {
      guard answer.hasPrefix(beforeBreak) else { return "" }
      rest = String(answer.dropFirst(beforeBreak.count))
    }
    switch quote {
    case .none: return ShellLine.quoted(rest)
    case .single:
      return rest.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
    case .double:
      return rest.reduce(into: "") { text, character in
        if "\"\\$`".contains(character) { text.append("\\") }
        text.append(character)
      }
    }
  }

  /// `text` with a backslash before everything that a shell would take for itself.
  private static func quoted(_ text: String) -> String {
    let plain = "_-./:=,+@%^"
    return text.reduce(into: "") { quoted, character in
      let isPlain =
        character.isLetter || character.isNumber || plain.contains(character) || !character.isASCII
      if !isPlain { quoted.append("\\") }
      quoted.append(character)
    }
  }
}
