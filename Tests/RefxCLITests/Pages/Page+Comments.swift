import Foundation
import Testing

extension Page {
  /// The sources that have code in a comment, each as a page.
  static let sources: [Page] = {
    let paths = FileManager.default.enumerator(atPath: Repository.folder.appending(path: "Sources").path)
    let names = (paths?.compactMap { $0 as? String } ?? []).filter { name in
      [".swift", ".h", ".c", ".cpp", ".modulemap"].contains { name.hasSuffix($0) }
    }
    return names.sorted().compactMap { Page(path: "Sources/\($0)") }
      .filter { !$0.blocks.isEmpty || !$0.strays.isEmpty }
  }()

  var isSource: Bool { path.hasPrefix("Sources/") }

  /// The blocks in the documentation comments (`///`) of a source of Swift. A fence in any other comment is a stray:
  /// nobody would find it.
  static func comments(of text: String, in path: String) -> (blocks: [Block], strays: [Stray]) {
    let lines = text.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    var blocks: [Block] = []
    var strays: [Stray] = []
    var number = 0
    while number < lines.count {
      guard path.hasSuffix(".swift"), lines[number].hasPrefix("///") else {
        let line = lines[number]
        if ["//", "/*", "*"].contains(where: line.hasPrefix), line.contains("```") || line.contains("~~~") {
          strays.append(Stray(line: number + 1, what: "a block in a comment that is not `///`"))
        } else if path.hasSuffix(".swift"), line.hasPrefix("/**") {
          strays.append(Stray(line: number + 1, what: "a documentation comment that is not `///`"))
        }
        number += 1
        continue
      }
      let begin = number
      while number < lines.count, lines[number].hasPrefix("///") { number += 1 }
      let comment = lines[begin..<number].map { line in
        let words = line.dropFirst(3)
        return String(words.hasPrefix(" ") ? words.dropFirst() : words)
      }
      let found = markdown(comment.joined(separator: "\n"))
      for var block in found.blocks {
        block.line += begin
        blocks.append(block)
      }
      for var stray in found.strays {
        stray.line += begin
        strays.append(stray)
      }
    }
    return (blocks, strays)
  }
}
