import Foundation
import Refx
import RefxHDF5
import RefxStore
import RefxTestSupport
import Testing

@Suite struct HDF5StoreTests {
  private func write(_ tree: Tree<Leaf>) throws {
    try HDF5Store.write(CheckpointContents(tree: tree), to: MemoryTarget(), options: WriteOptions())
  }

  @Test func whatHDF5CannotHoldIsRefusedByName() throws {
    let tooManyDimensions = Leaf(Tensor([Float(1)], shape: [Int](repeating: 1, count: 33)))
    var error = #expect(throws: RefxError.self) { try write(["deep": .leaf(tooManyDimensions)]) }
    #expect(error?.summary.contains("deep: expected at most 32 dimensions") == true)

    error = #expect(throws: RefxError.self) {
      try write(.dictionary([(Key(String(repeating: "k", count: 70_000)), .none)]))
    }
    #expect(error?.code == .limit)

    error = #expect(throws: RefxError.self) { try write(["t": .leaf(.text(["a\u{0}", "b "], shape: [2]))]) }
    #expect(error?.summary.contains("t: HDF5 cannot hold text with NUL characters in it") == true)

    let foreign = Leaf(dtype: .unsupported, shape: [], source: Unreadable())
    error = #expect(throws: RefxError.self) { try write(["x": .leaf(foreign)]) }
    #expect(error?.summary.contains("x: a opaque leaf") == true || error?.path == ["x"])

    error = #expect(throws: RefxError.self) { try write(["i": .index(Index(0))]) }
    #expect(error?.path == ["i"])
  }

  private final class Unreadable: LeafSource {
    let byteCount = 0
    var unsupported: UnsupportedLeaf? { UnsupportedLeaf(typeName: "opaque", reason: "it is a test") }
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {}
  }

  @Test func textWithNULsKeepsThem() throws {
    for strings in [["a\u{0}b", "c", ""], ["x\u{0}", "\u{0}\u{0}"], ["a\u{0}b ", " "]] {
      let leaf = Leaf.text(strings, shape: [strings.count])
      let target = MemoryTarget()
      try HDF5Store.write(CheckpointContents(tree: .leaf(leaf)), to: target, options: WriteOptions())
      guard case .leaf(let read) = try openHDF5(target.bytes).contents.tree else {
        Issue.record("the root is a leaf")
        return
      }
      #expect(try read.allBytes() == leaf.allBytes())
    }
  }

  @Test func anotherFileIsRefused() throws {
    let error = #expect(throws: RefxError.self) { try openHDF5(Array("not HDF5 at all".utf8)) }
    #expect(error?.code == .notACheckpoint)
    #expect(
      error?.summary == "memory.h5: expected an HDF5 file, found no HDF5 signature; look at what the file is")
    // A signature alone: libhdf5's own words come along.
    let damaged = #expect(throws: RefxError.self) {
      try openHDF5([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A] + [UInt8](repeating: 0xFF, count: 100))
    }
    #expect(damaged?.code == .damaged)
    #expect(damaged?.details.isEmpty == false)
  }

  @Test func aTargetThatTakesNoMoreIsAnErrorWhereverItStops() throws {
    /// Takes `left` bytes and then none.
    final class Full: RewritableTarget {
      let memory = MemoryTarget()
      var left: Int
      init(left: Int) { self.left = left }
      var position: Int { memory.position }
      var temporaryPath: String? { nil }
      func append(_ bytes: UnsafeRawBufferPointer) throws {
        left -= bytes.count
        guard left >= 0 else { throw RefxError(.system, "no room") }
        memory.append(bytes)
      }
      func replace(_ bytes: UnsafeRawBufferPointer, at offset: Int) { memory.replace(bytes, at: offset) }
    }
    let whole = MemoryTarget()
    try HDF5Store.write(GoldenHDF5Tree.contents, to: whole, options: WriteOptions())
    for room in stride(from: 0, to: whole.bytes.count, by: 97) {
      let error = #expect(throws: RefxError.self) {
        try HDF5Store.write(GoldenHDF5Tree.contents, to: Full(left: room), options: WriteOptions())
      }
      #expect(error?.message == "no room", "\(room) bytes")
    }
    let enough = Full(left: whole.bytes.count)
    try HDF5Store.write(GoldenHDF5Tree.contents, to: enough, options: WriteOptions())
    #expect(enough.memory.bytes == whole.bytes)
  }

  @Test func aPipeAndATargetThatHoldsSomethingGetTheSameFile() throws {
    /// Takes nothing back.
    final class Pipe: WriteTarget {
      let memory = MemoryTarget()
      var position: Int { memory.position }
      var temporaryPath: String? { nil }
      func append(_ bytes: UnsafeRawBufferPointer) { memory.append(bytes) }
    }
    let whole = MemoryTarget()
    try HDF5Store.write(GoldenHDF5Tree.contents, to: whole, options: WriteOptions())
    let pipe = Pipe()
    try HDF5Store.write(GoldenHDF5Tree.contents, to: pipe, options: WriteOptions())
    #expect(pipe.memory.bytes == whole.bytes)
    let begun = MemoryTarget()
    [1, 2, 3].withUnsafeBytes { begun.append($0) }
    let count = begun.bytes.count
    try HDF5Store.write(GoldenHDF5Tree.contents, to: begun, options: WriteOptions())
    #expect(Array(begun.bytes[count...]) == whole.bytes)
  }

  @Test func aFileThatIsReplacedAfterItWasOpenedIsStillRead() throws {
    let folder = ScratchFolder()
    try AtomicFile.replace(folder.file("a.h5"), durable: false) {
      try HDF5Store.write(GoldenHDF5Tree.contents, to: $0, options: WriteOptions())
    }
    let input = try InputFile(path: folder.file("a.h5"))
    unlink(folder.file("a.h5"))
    let opened = try HDF5Store.open(input, options: OpenOptions())
    #expect(try firstDifference(GoldenHDF5Tree.tree, opened.contents.tree) == nil)
  }

  @Test func manySmallLeavesComeBack() throws {
    let members = (0..<20_000).map { (Key("w\($0)"), Tree<Leaf>.leaf(Leaf(Int64($0)))) }
    let target = MemoryTarget()
    try HDF5Store.write(CheckpointContents(tree: .dictionary(members)), to: target, options: WriteOptions())
    let opened = try openHDF5(target.bytes)
    guard case .leaf(let leaf)? = opened.contents.tree.member("w12345") else {
      Issue.record("a leaf is lost")
      return
    }
    #expect(try leaf.tensor().elements() == [Int64(12345)])
  }

  @Test func readingFromManyThreadsGivesTheSame() async throws {
    let opened = try openHDF5(HDF5GoldenTests.bytes(.fast))
    let expected = try GoldenHDF5Tree.tree.digest()
    try await withThrowingTaskGroup(of: TreeDigest.self) { group in
      for _ in 0..<8 { group.addTask { try opened.contents.tree.digest() } }
      for try await digest in group { #expect(digest == expected) }
    }
  }
}

/// Nothing stays open. Alone, since identifiers are counted for the whole process.
@Suite(.serialized) struct HDF5ResourceTests {
  @Test func descriptorsStayConstant() throws {
    func descriptors() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
    let folder = ScratchFolder()
    func once() throws {
      try AtomicFile.replace(folder.file("a.h5"), durable: false) {
        try HDF5Store.write(GoldenHDF5Tree.contents, to: $0, options: WriteOptions())
      }
      let opened = try HDF5Store.open(InputFile(path: folder.file("a.h5")), options: OpenOptions())
      _ = try opened.contents.tree.digest()
      #expect(throws: RefxError.self) { try openHDF5([UInt8](repeating: 1, count: 1000)) }
    }
    try once()
    let before = try descriptors()
    for _ in 0..<100 { try once() }
    // Other suites run beside this one and hold some files open themselves.
    #expect(try descriptors() < before + 60)
  }
}
