import Foundation
import Refx
import RefxStore
import RefxTestSupport
import Testing

/// Several files are replaced together.
@Suite struct AtomicBatchTests {
  private let folder = ScratchFolder()

  private func write(_ text: String, to name: String, in batch: AtomicBatch, overwrite: Bool = true) throws {
    try batch.write(folder.file(name), overwrite: overwrite) { target in
      try Array(text.utf8).withUnsafeBytes { try target.append($0) }
    }
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: folder.file(name), encoding: .utf8)
  }

  @Test func nothingIsSeenBeforeTheEnd() throws {
    try "old".write(toFile: folder.file("a"), atomically: false, encoding: .utf8)
    let batch = AtomicBatch()
    for number in 0..<100 { try write("\(number)", to: number == 0 ? "a" : "b\(number)", in: batch) }
    #expect(try text("a") == "old")
    #expect(folder.contents().filter { !$0.hasPrefix(".") } == ["a"])
    try batch.commit()
    #expect(folder.contents().count == 100 && folder.contents().allSatisfy { !$0.hasPrefix(".") })
    #expect(try text("a") == "0")
    #expect(try text("b99") == "99")
    try batch.commit()
    #expect(folder.contents().count == 100)
  }

  /// A link that leads nowhere yet is a second name of the file that it will lead to.
  @Test func twoNamesOfOneFileAreRefused() throws {
    try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "a")
    let batch = AtomicBatch()
    try write("1", to: "a", in: batch)
    #expect(throws: RefxError.self) { try write("2", to: "link", in: batch) }
    try batch.commit()
    #expect(try text("a") == "1")
    try write("3", to: "link", in: batch)
    try batch.commit()
    #expect(try text("a") == "3")
  }

  @Test func whatIsNotCommittedIsRemoved() throws {
    do {
      let batch = AtomicBatch()
      try write("x", to: "a", in: batch)
      #expect(folder.contents().count == 1)
    }
    #expect(folder.contents().isEmpty)
  }

  @Test func anErrorInOneLeavesAllOfThem() throws {
    struct Mine: Error {}
    try "old".write(toFile: folder.file("a"), atomically: false, encoding: .utf8)
    do {
      let batch = AtomicBatch()
      try write("new", to: "a", in: batch)
      #expect(throws: Mine.self) { try batch.write(folder.file("b")) { _ in throw Mine() } }
    }
    #expect(folder.contents() == ["a"])
    #expect(try text("a") == "old")
  }

  @Test func aRenameThatFailsTakesBackWhatWasMade() throws {
    try "old".write(toFile: folder.file("old"), atomically: false, encoding: .utf8)
    let batch = AtomicBatch(durable: false)
    try write("new", to: "old", in: batch)
    try write("new", to: "made", in: batch)
    try write("new", to: "taken", in: batch, overwrite: false)
    try write("new", to: "later", in: batch)
    try "other".write(toFile: folder.file("taken"), atomically: false, encoding: .utf8)
    let error = #expect(throws: RefxError.self) { try batch.commit() }
    #expect(error?.code == .exists && error?.file == folder.file("taken"))
    #expect(error?.details == ["replaced before that, and whole: \(folder.file("old"))"])
    #expect(folder.contents() == ["old", "taken"])
    #expect(try text("old") == "new")
    #expect(try text("taken") == "other")
  }

  @Test func theFileStaysInItsFolderWhereTheCurrentOneChanges() async {
    await #expect(processExitsWith: .success) {
      let folder = ScratchFolder()
      for name in ["one", "two"] { precondition(mkdir(folder.file(name), 0o755) == 0) }
      precondition(chdir(folder.file("one")) == 0)
      try AtomicFile.replace("a") { target in
        precondition(chdir(folder.file("two")) == 0)
        try [UInt8(7)].withUnsafeBytes { try target.append($0) }
      }
      precondition(access(folder.file("one/a"), F_OK) == 0)
      precondition(access(folder.file("two/a"), F_OK) != 0)
      precondition(chdir("/") == 0)
    }
  }

  @Test func aLinkThatIsNoTextIsRefused() throws {
    let target: [CChar] = [CChar(bitPattern: 0xFF), 0]
    #expect(symlink(target, folder.file("link")) == 0)
    let batch = AtomicBatch()
    let error = #expect(throws: RefxError.self) { try write("x", to: "link", in: batch) }
    #expect(error?.description.contains("no UTF-8") == true)
    #expect(folder.contents() == ["link"])
  }

  @Test func afterASignalNothingIsWritten() async {
    await #expect(processExitsWith: .success) {
      LiveTemporaries.prepare()
      let folder = ScratchFolder()
      let batch = AtomicBatch()
      // More than a block of the table holds.
      for number in 0..<200 { try batch.write(folder.file("a\(number)")) { _ in } }
      precondition(folder.contents().count == 200)
      LiveTemporaries.unlinkAll()
      precondition(folder.contents().isEmpty)
      do {
        try AtomicFile.replace(folder.file("b")) { _ in }
        preconditionFailure("it was written")
      } catch let error as RefxError {
        precondition(error.description.contains("being stopped"))
      }
      precondition(folder.contents().isEmpty)
    }
  }

  @Test func foldersAreMadeAndKept() throws {
    for name in ["new", "new", "new/", "other//"] { try AtomicFile.makeFolder(folder.file(name)) }
    #expect(folder.contents() == ["new", "other"])
    try "x".write(toFile: folder.file("file"), atomically: false, encoding: .utf8)
    let error = #expect(throws: RefxError.self) { try AtomicFile.makeFolder(folder.file("file")) }
    #expect(error?.code == .notAFile && error?.expected == "a folder" && error?.found == "a file")
    #expect(throws: RefxError.self) { try AtomicFile.makeFolder(folder.file("missing/new")) }
  }
}
