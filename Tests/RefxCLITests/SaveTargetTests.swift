import Foundation
import Refx
import Testing

/// What the command does to targets that are no plain file, and to one that two write at once: R17, 25 cases.
@Suite struct SaveTargetTests {
  static let formats = ["refx", "h5", "safetensors"]

  private let folder: Scratch
  /// Two models that differ, as files.
  private let sources: [String]

  init() throws {
    let folder = try Scratch()
    self.folder = folder
    sources = try (1...2).map { seed in
      let elements = (0..<40_000).map { Float($0 * seed) }
      return try folder.save(["w": numbers(elements), "tied": .list([.nothing])], as: "source\(seed).refx")
    }
    try FileManager.default.createDirectory(atPath: folder.path("t"), withIntermediateDirectories: false)
  }

  private func target(_ name: String) -> String { folder.path("t/" + name) }

  private func save(_ model: Int, _ path: String, _ format: String) throws -> Command.Result {
    try Command.run("convert", sources[model], path, "--force", "--to", format)
  }

  /// What a save of the model makes.
  private func expected(_ model: Int, _ format: String) throws -> Data {
    let path = folder.path("expected-\(model).\(format)")
    if !FileManager.default.fileExists(atPath: path) { #expect(try save(model, path, format).code == 0) }
    return try content(path)
  }

  private func content(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  private func contents() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path("t")).sorted()
  }

  private func status(_ path: String) -> stat {
    var status = stat()
    lstat(path, &status)
    return status
  }

  /// Two processes for each of some rounds, each with its model and its name of the target.
  private func race(_ first: String, _ second: String, _ format: String) throws {
    let script = """
      for round in 1 2 3 4 5; do
        $REFX convert '\(sources[0])' '\(first)' --force --to \(format) & one=$!
        $REFX convert '\(sources[1])' '\(second)' --force --to \(format) & two=$!
        wait $one || exit 1; wait $two || exit 2
        cmp -s '\(first)' '\(folder.path("expected-0.\(format)"))' \
          || cmp -s '\(first)' '\(folder.path("expected-1.\(format)"))' || exit 3
      done
      """
    _ = try (expected(0, format), expected(1, format))
    #expect(try Command.shell(script, in: folder).code == 0)
  }

  @Test(arguments: formats) func twoWritersDoNotMix(format: String) throws {
    try race(target("m"), target("m"), format)
    #expect(try contents() == ["m"])
  }

  @Test func twoWritersOfWhichOneGoesThroughALink() throws {
    #expect(try save(0, target("m"), "refx").code == 0)
    #expect(symlink("m", target("link")) == 0)
    try race(target("link"), target("m"), "refx")
    #expect(try contents() == ["link", "m"])
    #expect(status(target("link")).st_mode & S_IFMT == S_IFLNK)
  }

  @Test(arguments: formats) func aSymbolicLinkStaysOne(format: String) throws {
    #expect(try save(0, target("m"), format).code == 0)
    #expect(symlink("m", target("link")) == 0)
    let result = try save(1, target("link"), format)
    #expect(result.code == 0, "\(result.errors)")
    #expect(status(target("link")).st_mode & S_IFMT == S_IFLNK)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: target("link")) == "m")
    #expect(try content(target("m")) == expected(1, format))
    #expect(try contents() == ["link", "m"])
  }

  @Test func aLinkToALinkInAnotherFolderIsFollowed() throws {
    mkdir(folder.path("other"), 0o755)
    #expect(symlink("../other/link", target("link")) == 0)
    #expect(symlink("m", folder.path("other/link")) == 0)
    #expect(try save(0, folder.path("other/m"), "refx").code == 0)
    #expect(try save(1, target("link"), "refx").code == 0)
    #expect(try content(folder.path("other/m")) == expected(1, "refx"))
    #expect(status(folder.path("other/link")).st_mode & S_IFMT == S_IFLNK)
    #expect(try contents() == ["link"])
    let other = try FileManager.default.contentsOfDirectory(atPath: folder.path("other"))
    #expect(other.sorted() == ["link", "m"])
  }

  @Test func aDanglingLinkGetsItsFile() throws {
    #expect(symlink("m", target("link")) == 0)
    #expect(try Command.run("convert", sources[1], target("link"), "--to", "refx").code == 0)
    #expect(status(target("link")).st_mode & S_IFMT == S_IFLNK)
    #expect(try content(target("m")) == expected(1, "refx"))
  }

  @Test func linksInACircleAreRefused() throws {
    #expect(symlink("two", target("one")) == 0 && symlink("one", target("two")) == 0)
    let result = try save(1, target("one"), "refx")
    #expect(result.code == 2)
    #expect(result.errors.contains("Too many levels of symbolic links"))
    #expect(try contents() == ["one", "two"])
  }

  @Test(arguments: formats) func otherHardLinksKeepTheOldContent(format: String) throws {
    #expect(try save(0, target("m"), format).code == 0)
    #expect(link(target("m"), target("other")) == 0)
    #expect(try save(1, target("m"), format).code == 0)
    #expect(try content(target("m")) == expected(1, format))
    #expect(try content(target("other")) == expected(0, format))
    #expect(status(target("other")).st_nlink == 1 && status(target("m")).st_nlink == 1)
    #expect(try contents() == ["m", "other"])
  }

  @Test(arguments: formats) func aFileThatMayNotBeWrittenIsReplacedAndKeepsItsMode(format: String) throws {
    #expect(try save(0, target("m"), format).code == 0)
    #expect(chmod(target("m"), 0o400) == 0)
    #expect(try save(1, target("m"), format).code == 0)
    #expect(try content(target("m")) == expected(1, format))
    #expect(status(target("m")).st_mode & 0o7777 == 0o400)
    #expect(try contents() == ["m"])
  }

  @Test(arguments: formats) func aFolderIsRefused(format: String) throws {
    mkdir(target("m"), 0o755)
    let result = try save(1, target("m"), format)
    #expect(result.code == 2)
    #expect(result.errors.contains("\(target("m")): expected a file, found a folder"), "\(result.errors)")
    #expect(try contents() == ["m"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: target("m")).isEmpty)
  }

  @Test(arguments: formats) func aFIFOIsRefusedAndNotWaitedFor(format: String) throws {
    #expect(mkfifo(target("m"), 0o644) == 0)
    let result = try save(1, target("m"), format)
    #expect(result.code == 2)
    #expect(result.errors.contains("\(target("m")): expected a file, found a FIFO"), "\(result.errors)")
    #expect(status(target("m")).st_mode & S_IFMT == S_IFIFO)
    #expect(try contents() == ["m"])
  }

  @Test(arguments: formats) func namesMayBeAsLongAsTheSystemAllows(format: String) throws {
    let name = String(repeating: "n", count: 255)
    for model in [0, 1] {
      let result = try save(model, target(name), format)
      #expect(result.code == 0, "\(result.errors)")
      #expect(try content(target(name)) == expected(model, format))
    }
    #expect(try contents() == [name])
    let tooLong = try save(1, target(name + "n"), format)
    #expect(tooLong.code == 2 && tooLong.errors.contains("File name too long"))
    #expect(try contents() == [name])
  }
}
