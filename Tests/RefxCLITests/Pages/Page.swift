import Foundation
import Testing

/// A page of the documentation, and the blocks of code on it.
struct Page: Sendable, CustomTestStringConvertible {
  /// A fenced block.
  struct Block: Sendable {
    let language: String
    let text: String
    /// The line of the page on which it begins, from 1.
    let line: Int
    /// Why it is not run, as the comment above it says.
    let excuse: String?
    /// What is run in the shell before it, as the comment above it says.
    let setup: String?
  }

  /// Its path in the repository.
  let path: String
  let blocks: [Block]

  var testDescription: String { path }

  /// Every page: at the top of the repository, in Documentation, and the articles.
  static let all: [Page] = {
    let root = Repository.folder
    func pages(in folder: String) -> [String] {
      let path = root.appending(path: folder).path
      let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
      return names.filter { $0.hasSuffix(".md") }.sorted().map { folder.isEmpty ? $0 : "\(folder)/\($0)" }
    }
    let top = pages(in: "").filter { $0 != "CHANGELOG.md" }
    let catalogues = ["Refx", "RefxStore", "RefxIO", "RefxDistributed"].map { "Documentation/\($0).docc" }
    return (top + pages(in: "Documentation") + catalogues.flatMap(pages)).compactMap { Page(path: $0) }
  }()

  private init?(path: String) {
    guard let text = try? String(contentsOf: Repository.folder.appending(path: path), encoding: .utf8) else {
      return nil
    }
    self.path = path
    blocks = Page.blocks(of: text)
  }

  /// The fenced blocks of a page, with what the comment right above each says.
  static func blocks(of text: String) -> [Block] {
    let lines = text.components(separatedBy: "\n")
    var blocks: [Block] = []
    var comment = ""
    var number = 0
    while number < lines.count {
      let line = lines[number]
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
        let words = comment.replacing("<!--", with: "").replacing("-->", with: "")
          .trimmingCharacters(in: .whitespacesAndNewlines)
        blocks.append(
          Block(
            language: String(line.dropFirst(3)), text: lines[begin..<end].map { $0 + "\n" }.joined(),
            line: begin, excuse: words.hasPrefix("not run") ? words : nil,
            setup: words.hasPrefix("setup\n") ? String(words.dropFirst(6)) : nil))
        comment = ""
        number = end
      } else {
        comment = ""
      }
      number += 1
    }
    return blocks
  }
}

extension Page {
  /// The blocks of Swift that are run, as programs: a block that begins with an import begins one, and those after it
  /// go on with it.
  var programs: [(name: String, blocks: [Block])] {
    var programs: [(name: String, blocks: [Block])] = []
    for block in blocks where block.language == "swift" && block.excuse == nil {
      if block.text.hasPrefix("import ") || programs.isEmpty {
        programs.append((name: "\(path)#\(programs.count + 1)", blocks: []))
      }
      programs[programs.count - 1].blocks.append(block)
    }
    return programs
  }

  /// The blocks of shell that are run.
  var scripts: [Block] {
    blocks.filter { $0.language == "sh" && $0.excuse == nil }
  }

  /// All programs of all pages as one source file.
  static func source(of pages: [Page]) -> String {
    var imports: Set<String> = []
    var functions = ""
    var cases = ""
    for (number, program) in pages.flatMap(\.programs).enumerated() {
      functions += "\n// swift-format-ignore\nprivate func program\(number + 1)() throws {\n"
      for block in program.blocks {
        let lines = block.text.components(separatedBy: "\n")
        imports.formUnion(lines.filter { $0.hasPrefix("import ") })
        functions += "  // \(program.name)\n"
        for line in lines where !line.isEmpty && !line.hasPrefix("import ") { functions += "  \(line)\n" }
      }
      functions += "}\n"
      cases += "  case \"\(program.name)\": try program\(number + 1)()\n"
    }
    return """
      // Made out of the pages of the documentation; REFX_UPDATE_FIXTURES=1 swift test --filter PageTests makes it anew.

      \(imports.sorted().joined(separator: "\n"))

      /// Runs the program of that name; false where there is none.
      func runPage(_ name: String) throws -> Bool {
        switch name {
      \(cases)  default: return false
        }
        return true
      }
      \(functions)
      """
  }
}
