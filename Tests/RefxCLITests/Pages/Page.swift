import Foundation
import Testing

/// A page of the documentation, or the documentation comments of a source, and the blocks of code there.
struct Page: Sendable, CustomTestStringConvertible {
  /// A fenced block.
  struct Block: Sendable {
    let language: String
    let text: String
    /// The line of the file on which it begins, from 1.
    var line: Int
    /// Why it is not run, as the comment above it says.
    let excuse: String?
    /// What is run in the shell before it, as the comment above it says.
    let setup: String?
  }

  /// Code, or what looks like it, that is in no block, and so would be run by nobody.
  struct Stray: Sendable {
    var line: Int
    let what: String
  }

  /// Its path in the repository.
  let path: String
  let blocks: [Block]
  let strays: [Stray]

  var testDescription: String { path }

  /// Every page: at the top of the repository, in Documentation, and the articles.
  static let all: [Page] = {
    let documentation = names(in: "Documentation")
    let catalogues = documentation.filter { $0.hasSuffix(".docc") }.map { "Documentation/\($0)" }
    let folders = ["", "Documentation"] + catalogues
    return folders.flatMap { folder in
      names(in: folder).filter { $0.hasSuffix(".md") }.compactMap {
        Page(path: folder.isEmpty ? $0 : "\(folder)/\($0)")
      }
    }
  }()

  private static func names(in folder: String) -> [String] {
    let path = Repository.folder.appending(path: folder).path
    return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  init?(path: String) {
    guard let text = try? String(contentsOf: Repository.folder.appending(path: path), encoding: .utf8) else {
      return nil
    }
    self.init(path: path, text: text)
  }

  init(path: String, text: String) {
    self.path = path
    let found = path.hasSuffix(".md") ? Page.markdown(text) : Page.comments(of: text, in: path)
    (blocks, strays) = (found.blocks, found.strays)
  }

  /// The fenced blocks of a page, with what the comment right above each says, and the code outside of them.
  static func markdown(_ text: String) -> (blocks: [Block], strays: [Stray]) {
    let lines = text.components(separatedBy: "\n")
    var blocks: [Block] = []
    var strays: [Stray] = []
    var comment = ""
    var isInList = false
    var number = 0
    while number < lines.count {
      let line = lines[number]
      let words = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("<!--") {
        comment = line
        while !comment.hasSuffix("-->"), number + 1 < lines.count {
          number += 1
          comment += "\n" + lines[number]
        }
      } else if line.hasPrefix("```") {
        let begin = number + 1
        var end = begin
        while end < lines.count, lines[end] != "```" { end += 1 }
        if end == lines.count { strays.append(Stray(line: begin, what: "a block without an end")) }
        blocks.append(
          Block(
            language: String(line.dropFirst(3)), text: lines[begin..<end].map { $0 + "\n" }.joined(),
            line: begin,
            saying: comment))
        comment = ""
        number = end
      } else {
        if words.hasPrefix("```") || words.hasPrefix("~~~") {
          strays.append(Stray(line: number + 1, what: "a fence that is not ``` at the beginning of a line"))
        } else if Page.isIndentedCode(line, after: number == 0 ? "" : lines[number - 1], inList: isInList) {
          strays.append(Stray(line: number + 1, what: "indented code; a fence says of what language it is"))
        }
        if words.firstMatch(of: #/^([-*+]|[0-9]+\.) /#) != nil {
          isInList = true
        } else if let first = line.first, first != " " {
          isInList = false
        }
        comment = ""
      }
      number += 1
    }
    return (blocks, strays)
  }

  /// Whether a line begins a block of code by its indent alone, which is greater in a list.
  private static func isIndentedCode(_ line: String, after previous: String, inList: Bool) -> Bool {
    let indent = line.prefix { $0 == " " || $0 == "\t" }
    return indent.count < line.count && (indent.count >= (inList ? 6 : 4) || indent.contains("\t"))
      && previous.allSatisfy(\.isWhitespace)
  }
}

extension Page.Block {
  /// A block, with what the comment above it says.
  fileprivate init(language: String, text: String, line: Int, saying comment: String) {
    let words = comment.replacing("<!--", with: "").replacing("-->", with: "")
      .trimmingCharacters(in: .whitespacesAndNewlines)
    self.init(
      language: language, text: text, line: line, excuse: words.hasPrefix("not run") ? words : nil,
      setup: words.hasPrefix("setup\n") ? String(words.dropFirst(6)) : nil)
  }
}
