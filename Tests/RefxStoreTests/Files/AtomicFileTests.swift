import Foundation
import Refx
import RefxStore
import RefxTestSupport
import Testing

/// A file is replaced whole or not at all.
@Suite struct AtomicFileTests {
  private let folder = ScratchFolder()

  private func save(
    _ path: String, _ text: String, durable: Bool = true, overwrite: Bool = true
  ) throws {
    try AtomicFile.replace(path, durable: durable, overwrite: overwrite) { target in
      try Array(text.utf8).withUnsafeBytes { try target.append($0) }
    }
  }

  private func text(_ path: String) throws -> String {
    let file = try InputFile(path: path)
    return String(decoding: try file.bytes(at: 0, count: file.byteCount), as: UTF8.self)
  }

  private func mode(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode : 0
  }

  @Test func makesAndReplaces() throws {
    let path = folder.file("a")
    try save(path, "one")
    #expect(try text(path) == "one")
    try save(path, "two, longer")
    try save(path, "3", durable: false)
    #expect(try text(path) == "3")
    #expect(folder.contents() == ["a"])
  }

  @Test func givesBackWhatTheBodyReturns() throws {
    let position = try AtomicFile.replace(folder.file("a"), durable: false) { target in
      try [1, 2, 3].withUnsafeBytes { try target.append($0) }
      return target.position
    }
    #expect(position == 24)
  }

  // What belongs to the whole process (its umask, its user, its limits, its live temporaries) is tested in
  // one of its own.

  @Test func aNewFileHasTheModeOfTheUmask() async {
    await #expect(processExitsWith: .success) {
      let folder = ScratchFolder()
      umask(0o027)
      try AtomicFile.replace(folder.file("a")) { _ in }
      var status = stat()
      precondition(lstat(folder.file("a"), &status) == 0 && status.st_mode & 0o777 == 0o640)
    }
  }

  @Test(arguments: [0o640, 0o600, 0o444, 0o400, 0o755] as [mode_t]) func theModeIsKept(_ old: mode_t) throws {
    let path = folder.file("a")
    try save(path, "one")
    chmod(path, old)
    try save(path, "two")
    #expect(mode(path) & 0o777 == old)
    #expect(try text(path) == "two")
  }

  @Test func aSymbolicLinkStaysALink() throws {
    let path = folder.file("file")
    let link = folder.file("link")
    let outer = folder.file("outer")
    try save(path, "one")
    symlink("file", link)
    symlink(link, outer)
    try save(outer, "two")
    #expect(mode(outer) & S_IFMT == S_IFLNK && mode(link) & S_IFMT == S_IFLNK)
    #expect(try text(path) == "two")
    #expect(folder.contents() == ["file", "link", "outer"])
  }

  @Test func aDanglingLinkGetsItsFile() throws {
    symlink("missing", folder.file("link"))
    try save(folder.file("link"), "new")
    #expect(try text(folder.file("missing")) == "new")
  }

  @Test func linksInACircleAreRefused() {
    symlink("b", folder.file("a"))
    symlink("a", folder.file("b"))
    let error = #expect(throws: RefxError.self) { try save(folder.file("a"), "x") }
    #expect(error?.code == .system)
    #expect(folder.contents() == ["a", "b"])
  }

  @Test func otherNamesOfAHardLinkKeepTheOldContent() throws {
    try save(folder.file("a"), "one")
    link(folder.file("a"), folder.file("b"))
    try save(folder.file("a"), "two")
    #expect(try text(folder.file("a")) == "two")
    #expect(try text(folder.file("b")) == "one")
  }

  @Test func foldersFIFOsAndDevicesAreRefused() {
    mkdir(folder.file("folder"), 0o755)
    mkfifo(folder.file("fifo"), 0o644)
    symlink("/dev/null", folder.file("device"))
    for (name, kind) in [("folder", "a folder"), ("fifo", "a FIFO"), ("device", "a device")] {
      for overwrite in [true, false] {
        let error = #expect(throws: RefxError.self) { try save(folder.file(name), "x", overwrite: overwrite) }
        #expect(error?.code == .notAFile)
        #expect(error?.file == folder.file(name))
        #expect(error?.found == kind)
      }
    }
    #expect(folder.contents() == ["device", "fifo", "folder"])
  }

  @Test func aMissingFolderIsSaid() {
    let path = folder.file("missing/file")
    let error = #expect(throws: RefxError.self) { try save(path, "x") }
    #expect(error?.file == path)
    #expect(error?.description.contains("No such file or directory") == true)
  }

  @Test func anErrorInTheBodyLeavesTheOldFile() throws {
    struct Mine: Error {}
    let path = folder.file("a")
    try save(path, "old")
    #expect(throws: Mine.self) {
      try AtomicFile.replace(path) { target in
        try [UInt8](repeating: 1, count: 3 << 20).withUnsafeBytes { try target.append($0) }
        throw Mine()
      }
    }
    #expect(try text(path) == "old")
    #expect(folder.contents() == ["a"])
  }

  @Test func withoutOverwritingAnExistingFileIsKept() throws {
    let path = folder.file("a")
    try save(path, "new", overwrite: false)
    #expect(try text(path) == "new")
    var ran = false
    let error = #expect(throws: RefxError.self) {
      try AtomicFile.replace(path, overwrite: false) { _ in ran = true }
    }
    #expect(error?.code == .exists)
    #expect(!ran, "it is refused before any work is done")
    #expect(try text(path) == "new")
    #expect(folder.contents() == ["a"])
  }

  @Test func withoutOverwritingAFileThatAppearsMeanwhileIsKept() throws {
    let path = folder.file("a")
    let error = #expect(throws: RefxError.self) {
      try AtomicFile.replace(path, overwrite: false) { target in
        try [1].withUnsafeBytes { try target.append($0) }
        try save(path, "other")
      }
    }
    #expect(error?.code == .exists)
    #expect(try text(path) == "other")
    #expect(folder.contents() == ["a"])
  }

  @Test func theTemporaryIsBesideTheFileAndMayBeWrittenByPath() throws {
    let path = folder.file("a")
    for replaces in [false, true] {
      try AtomicFile.replace(path) { target in
        let temporary = try #require(target.temporaryPath)
        #expect(temporary.hasPrefix(folder.path + "/.a.refx-tmp-"))
        // As a library does that makes the file anew.
        if replaces { unlink(temporary) }
        try "by path".write(toFile: temporary, atomically: false, encoding: .utf8)
      }
      #expect(try text(path) == "by path")
    }
    #expect(folder.contents() == ["a"])
  }

  @Test(arguments: [255, 181, 180]) func longNamesWork(length: Int) throws {
    for letter in ["n", "ä", "\u{1F600}"] {
      let name = String(repeating: letter, count: length / letter.utf8.count)
      try save(folder.file(name), "one")
      try save(folder.file(name), "two")
      #expect(try text(folder.file(name)) == "two")
      #expect(folder.contents() == [name])
      unlink(folder.file(name))
    }
  }

  @Test func pathsInTheCurrentFolderWork() throws {
    // No slash: the folder is "."; the name is made to be unlike any other.
    let name = "atomic-file-test-\(getpid()).tmp"
    defer { unlink(name) }
    try save(name, "x")
    #expect(try text(name) == "x")
  }

  @Test func aSignalHandlerCanRemoveWhatIsBeingWritten() async {
    await #expect(processExitsWith: .success) {
      LiveTemporaries.prepare()
      let folder = ScratchFolder()
      do {
        try AtomicFile.replace(folder.file("a")) { target in
          precondition(folder.contents().count == 1)
          LiveTemporaries.unlinkAll()
          precondition(folder.contents().isEmpty)
          try [UInt8(1)].withUnsafeBytes { try target.append($0) }
        }
        preconditionFailure("the file was made of nothing")
      } catch let error as RefxError {
        precondition(error.code == .system)
      }
      precondition(folder.contents().isEmpty)
    }
  }

  @Test func manyWritersAtOnce() async throws {
    let path = folder.file("a")
    try save(path, String(repeating: "0", count: 300_000))
    await withTaskGroup(of: Void.self) { group in
      for writer in 1...8 {
        group.addTask {
          for _ in 0..<20 {
            do { try save(path, String(repeating: "\(writer)", count: 300_000), durable: false) } catch {
              Issue.record("\(error)")
            }
          }
        }
      }
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<60 {
            do {
              let read = try text(path)
              #expect(read.utf8.count == 300_000 && Set(read.utf8).count == 1)
            } catch {
              Issue.record("\(error)")
            }
          }
        }
      }
    }
    #expect(folder.contents() == ["a"])
  }

  @Test func aFullDiskIsSaidAndTheOldFileKept() async {
    await #expect(processExitsWith: .success) {
      let folder = ScratchFolder()
      let path = folder.file("a")
      signal(SIGXFSZ, SIG_IGN)
      try AtomicFile.replace(path) { target in try [UInt8(7)].withUnsafeBytes { try target.append($0) } }
      var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
      precondition(setrlimit(__rlimit_resource_t(1), &limit) == 0)
      for piece in [1000, 1 << 20] {
        do {
          try AtomicFile.replace(path) { target in
            for _ in 0..<200 {
              try [UInt8](repeating: 1, count: piece).withUnsafeBytes { try target.append($0) }
            }
          }
          preconditionFailure("it was written")
        } catch let error as RefxError {
          precondition(error.code == .system && error.file == path)
          precondition(error.description.contains("File too large"), error.description)
        }
        precondition(folder.contents() == ["a"])
        let file = try InputFile(path: path)
        precondition(file.byteCount == 1)
      }
    }
  }

  @Test func aFullDeviceIsSaid() throws {
    let full = open("/dev/full", O_WRONLY)
    try #require(full >= 0)
    defer { close(full) }
    let target = DescriptorTarget(descriptor: full, name: "standard output")
    let error = #expect(throws: RefxError.self) {
      try [UInt8](repeating: 1, count: 10).withUnsafeBytes { try target.append($0) }
      try target.flush()
    }
    #expect(error?.description == "standard output: cannot write: No space left on device")
  }

  @Test func aClosedPipeIsToldApart() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let target = DescriptorTarget(descriptor: ends[1], name: "standard output")
    let error = #expect(throws: RefxError.self) {
      try [UInt8](repeating: 1, count: 1 << 20).withUnsafeBytes { try target.append($0) }
    }
    #expect(error?.code == .brokenPipe)
  }

  @Test func aDescriptorGetsEveryByteInOrder() throws {
    let path = folder.file("out")
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
    let target = DescriptorTarget(descriptor: descriptor, name: "out")
    var random = SeededRandom(seed: 6)
    var expected: [UInt8] = []
    for _ in 0..<200 {
      let piece = random.bytes(random.below(1 << random.below(20)))
      try piece.withUnsafeBytes { try target.append($0) }
      expected += piece
      #expect(target.position == expected.count)
    }
    try target.flush()
    close(descriptor)
    let file = try InputFile(path: path)
    #expect(try file.bytes(at: 0, count: file.byteCount) == expected)
  }

  @Test func aFolderThatMayNotBeWrittenIsSaid() async {
    await #expect(processExitsWith: .success) {
      // The superuser may write anywhere, so this is done as nobody.
      if geteuid() == 0 { precondition(setgid(65534) == 0 && setuid(65534) == 0) }
      let folder = ScratchFolder()
      let path = folder.file("a")
      try AtomicFile.replace(path) { target in try [UInt8(7)].withUnsafeBytes { try target.append($0) } }
      chmod(folder.path, 0o555)
      defer { chmod(folder.path, 0o755) }
      do {
        try AtomicFile.replace(path) { _ in }
        preconditionFailure("it was written")
      } catch let error as RefxError {
        precondition(error.file == path && error.description.contains("Permission denied"), error.description)
      }
      precondition(folder.contents() == ["a"])
      let file = try InputFile(path: path)
      precondition(file.byteCount == 1)
    }
  }
}
