import Foundation
import Testing

/// What the pages name outside of their blocks is there: files of the repository, and figures of the benchmarks.
@Suite struct PageMentionTests {
  @Test(arguments: Page.all) func theFilesThatItNamesAreThere(_ page: Page) throws {
    let files = FileManager.default
    let prose = try PageMentionTests.prose(of: page.path)
    // `Refx/Coding` in a text is that folder of Sources.
    for match in prose.matches(
      of: #/`((?:Documentation|Fixtures|Sources|Tests|Tools|C?Refx[A-Za-z0-9]*)\/[^` ]+)[^`]*`/#)
    {
      let name = String(match.1)
      // A placeholder, or a row of files.
      if name.contains(#/[<*]|\/[A-Z]+$/#) { continue }
      let isThere = ["", "Sources/", "Tests/"].contains { folder in
        files.fileExists(atPath: Repository.folder.appending(path: folder + name).path)
          || files.fileExists(atPath: Repository.folder.appending(path: folder + name + ".swift").path)
      }
      #expect(isThere, "\(page.path) names \(name)")
    }
    let folder = Repository.folder.appending(path: page.path).deletingLastPathComponent()
    for match in prose.matches(of: #/\]\(([^)#:\s]+)(?:#[^)]*)?\)/#) {
      let target = folder.appending(path: String(match.1)).standardized.path
      #expect(files.fileExists(atPath: target), "\(page.path) links to \(match.1)")
    }
  }

  /// The article about performance says that every figure of it is in the page of the benchmarks.
  @Test func theFiguresAreThoseOfTheBenchmarks() throws {
    let article = try PageMentionTests.prose(of: "Documentation/RefxIO.docc/Performance.md")
    let benchmarks = try PageMentionTests.prose(of: "Documentation/benchmarks.md")
    let figures = article.matches(of: #/(?:^|[ |(])([0-9]+\.[0-9]{2,})\b/#).map(\.1)
    #expect(figures.count > 25)
    let unknown = figures.filter { !benchmarks.contains($0) }
    #expect(unknown.isEmpty, "no figures of the benchmarks")
    for commit in article.matches(of: #/commit `([0-9a-f]+)`/#) {
      let isTheirs = benchmarks.contains("`\(commit.1)`")
      #expect(isTheirs, "the benchmarks are those of another commit than \(commit.1)")
    }
    let verdicts = benchmarks.firstMatch(of: #/([0-9]+) budgets within, ([0-9]+) short/#)
    let (within, short) = try #require(verdicts.map { ($0.1, $0.2) })
    let saysSo = article.contains("\(within) were within and \(short) short")
    #expect(saysSo, "\(within) were within and \(short) short")
  }

  /// What a page says outside of its blocks.
  private static func prose(of path: String) throws -> String {
    let text = try String(contentsOf: Repository.folder.appending(path: path), encoding: .utf8)
    var isInBlock = false
    return text.components(separatedBy: "\n").filter { line in
      if line.hasPrefix("```") { isInBlock.toggle() }
      return !isInBlock && !line.hasPrefix("```")
    }.joined(separator: "\n")
  }
}
