import Foundation
import Testing

/// A release has one version and one day, wherever they stand.
@Suite struct ReleaseTests {
  private static func text(_ path: String) throws -> String {
    try String(contentsOf: Repository.folder.appending(path: path), encoding: .utf8)
  }

  private static func first(_ pattern: Regex<(Substring, Substring)>, in path: String) throws -> String {
    String(try #require(try text(path).firstMatch(of: pattern), "\(path) says no version").1)
  }

  /// The newest heading of the changelog: its version, and its day where it is released.
  private static func newest() throws -> (version: String, day: String?) {
    let heading = try text("CHANGELOG.md").split(separator: "\n").first { $0.hasPrefix("## ") } ?? ""
    let match = try #require(
      heading.wholeMatch(of: /## (\d+\.\d+\.\d+) \((?:unreleased|(\d{4}-\d\d-\d\d))\)/),
      "CHANGELOG.md: '\(heading)' is neither '## 1.2.3 (unreleased)' nor '## 1.2.3 (2026-01-31)'")
    return (String(match.1), match.2.map(String.init))
  }

  @Test func oneVersionEverywhere() throws {
    let version = try ReleaseTests.newest().version
    #expect(try Command.run("--version").text == "refx \(version)\n")
    #expect(try ReleaseTests.first(/\nversion = "([^"]*)"/, in: "Tools/python/pyproject.toml") == version)
    #expect(
      try ReleaseTests.first(/\n__version__ = "([^"]*)"/, in: "Tools/python/refx_files/__init__.py")
        == version)
  }

  /// The day of the changelog's heading; while that is unreleased, some day.
  @Test func manPagesHaveTheDayOfTheRelease() throws {
    let scratch = try Scratch()
    let folder = scratch.path("man")
    #expect(try Command.run("---man", folder).code == 0)
    let page = try String(contentsOfFile: "\(folder)/refx.1", encoding: .utf8)
    let words = try #require(page.firstMatch(of: /\.Dd (.*)\n/), "the page has no day").1
    let form = DateFormatter()
    form.locale = Locale(identifier: "en_US_POSIX")
    form.timeZone = TimeZone(identifier: "UTC")
    form.dateFormat = "MMMM d, yyyy"
    let date = try #require(form.date(from: String(words)), "\(words) is no day")
    form.dateFormat = "yyyy-MM-dd"
    if let day = try ReleaseTests.newest().day { #expect(form.string(from: date) == day, "refxDate") }
  }
}
