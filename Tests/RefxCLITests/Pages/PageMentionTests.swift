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

  /// README's comparison repeats the benchmarks' run: milliseconds, sizes, day, commit and versions.
  @Test func theComparisonIsThatOfTheBenchmarks() throws {
    let readme = try PageMentionTests.prose(of: "README.md")
    let benchmarks = try PageMentionTests.prose(of: "Documentation/benchmarks.md")
    let jobs = [
      "`.refx`": ("refx.raw.save", "refx.raw.load.fresh"),
      "`.refx`, compressed": ("refx.fast.save", "refx.fast.load"),
      "HDF5, by Refx, compressed": ("h5.fast.save", "h5.fast.load"),
      "safetensors": ("peer:safetensors.save", "peer:safetensors.load"),
      "`torch.save`": ("peer:torch.save", "peer:torch.load"),
      "`numpy.savez`": ("peer:numpy.save", "peer:numpy.load"),
      "HDF5, by h5py": ("peer:h5py.save", "peer:h5py.load"),
      "HDF5, by h5py, shuffle and gzip 1": ("peer:h5py.gzip1.save", "peer:h5py.gzip1.load"),
      "Keras's `.keras`": ("peer:keras.save", "peer:keras.load"),
      "flax's msgpack": ("peer:flax.save", "peer:flax.load"),
    ]
    let table = try #require(readme.components(separatedBy: "## Beside what people use today").last)
    let rows = table.components(separatedBy: "\n").filter { $0.contains(" ms ") && $0.hasPrefix("| ") }
    #expect(rows.count == jobs.count)
    for row in rows {
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      let (save, load) = try #require(jobs[cells[0]], "\(cells[0])")
      let saved = try PageMentionTests.timed(save, in: benchmarks)
      let loaded = try PageMentionTests.timed(load, in: benchmarks)
      #expect(cells[3] == "\(saved.milliseconds) ms", "\(cells[0])")
      #expect(cells[4].hasPrefix("\(loaded.milliseconds) ms"), "\(cells[0])")
      #expect(cells[5] == "\(Int((saved.share * 100).rounded())) %", "\(cells[0])")
    }
    let run = try #require(
      benchmarks.firstMatch(of: #/Measured on ([0-9-]+) at commit `([0-9a-f]+)` beside ([^\n]+)\./#))
    let words = table.replacing("\n", with: " ").lowercased()
    #expect(words.contains("\(run.1), commit `\(run.2)`"), "\(run.1), commit `\(run.2)`")
    for peer in run.3.split(separator: ", ")
    where !["python", "ml_dtypes", "zipnn"].contains(peer.split(separator: " ")[0]) {
      #expect(words.contains(peer), "\(peer)")
    }
  }

  /// What the benchmarks say of a job on D1.
  private static func timed(_ job: String, in page: String) throws -> (milliseconds: Int, share: Double) {
    let row = try #require(
      page.components(separatedBy: "\n").first { $0.hasPrefix("| \(job) | D1 |") }, "\(job)")
    let cells = row.split(separator: "|", omittingEmptySubsequences: false)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    let wall = cells[3].split(separator: " ")
    let number = try #require(Double(wall[0]))
    return (Int((wall[1] == "s" ? number * 1000 : number).rounded()), Double(cells[6]) ?? 0)
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
