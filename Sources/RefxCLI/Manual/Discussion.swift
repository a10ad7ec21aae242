/// What a command says about itself, taken apart: help and man pages each set it in their own way.
///
/// It is written as plain text. An empty line ends a paragraph; a line with a run of spaces inside is a term and
/// what it means; an indented line stands as it is; a line `Examples:` begins the examples, in which a line that
/// starts with `#` says what the next command does.
struct Discussion {
  enum Block: Equatable {
    case paragraph(String)
    /// Terms and their meanings.
    case terms([Term])
    /// Lines as they are.
    case literal([String])
  }

  struct Term: Equatable {
    let term: String
    let meaning: String
  }

  struct Example: Equatable {
    var comment: String?
    let command: String
  }

  private(set) var blocks: [Block] = []
  private(set) var examples: [Example] = []

  init(_ text: String) {
    var isExample = false
    var comment: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let content = Discussion.trimmed(line)
      if content == "Examples:" {
        isExample = true
      } else if isExample && content.hasPrefix("#") {
        comment.append(Discussion.trimmed(String(content.dropFirst())))
      } else if isExample && !content.isEmpty {
        examples.append(
          Example(comment: comment.isEmpty ? nil : comment.joined(separator: " "), command: content))
        comment = []
      } else if !isExample && content.hasPrefix("refx ") && !line.hasPrefix(" ")
        && blocks.last == .paragraph("")
      {
        // A line that is a command is an example without the heading as well.
        examples.append(Example(comment: nil, command: content))
      } else if !isExample {
        add(line, content)
      }
    }
    blocks.removeAll { $0 == .paragraph("") }
  }

  private mutating func add(_ line: String, _ content: String) {
    if content.isEmpty {
      blocks.append(.paragraph(""))
    } else if line.hasPrefix("  ") {
      if case .literal(let lines)? = blocks.last {
        blocks[blocks.count - 1] = .literal(lines + [content])
      } else {
        blocks.append(.literal([content]))
      }
    } else if let term = Discussion.term(content) {
      if case .terms(let terms)? = blocks.last {
        blocks[blocks.count - 1] = .terms(terms + [term])
      } else {
        blocks.append(.terms([term]))
      }
    } else if case .paragraph(let before)? = blocks.last, !before.isEmpty {
      blocks[blocks.count - 1] = .paragraph(before + " " + content)
    } else {
      blocks.append(.paragraph(content))
    }
  }

  private static func term(_ line: String) -> Term? {
    let bytes = Array(line.utf8)
    let blank = UInt8(ascii: " ")
    guard let gap = bytes.indices.dropLast().first(where: { bytes[$0] == blank && bytes[$0 + 1] == blank })
    else { return nil }
    return Term(
      term: String(decoding: bytes[..<gap], as: UTF8.self),
      meaning: trimmed(String(decoding: bytes[gap...], as: UTF8.self)))
  }

  private static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
