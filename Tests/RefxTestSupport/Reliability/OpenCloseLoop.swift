import Glibc
import Refx
import RefxHDF5
import RefxIO
import RefxStore

/// Files opened and closed again and again, those too that are refused: nothing may stay behind. Counts what
/// the whole process holds, so nothing else may run in it.
public struct OpenCloseLoop {
  /// What a process holds.
  public struct Holdings: Sendable, CustomStringConvertible {
    public let descriptors: Int
    public let identifiers: Int
    /// What is in memory, in KiB.
    public let residentKiB: Int

    static func now() throws -> Holdings {
      Holdings(
        descriptors: try count(in: "/proc/self/fd"), identifiers: HDF5Library.openIdentifierCount,
        residentKiB: try resident())
    }

    private static func count(in folder: String) throws -> Int {
      guard let stream = opendir(folder) else { throw ContractViolation("\(folder) cannot be read") }
      defer { closedir(stream) }
      var count = 0
      while readdir(stream) != nil { count += 1 }
      // Without ".", ".." and the folder's own.
      return count - 3
    }

    private static func resident() throws -> Int {
      guard let file = fopen("/proc/self/statm", "r") else { throw ContractViolation("no /proc/self/statm") }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 200)
      guard fgets(&line, Int32(line.count), file) != nil else { throw ContractViolation("an empty statm") }
      let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        .split(
          separator: " ")
      guard words.count > 1, let pages = Int(words[1]) else { throw ContractViolation("statm says nothing") }
      return pages * Int(sysconf(Int32(_SC_PAGESIZE))) / 1024
    }

    public var description: String {
      "\(descriptors) descriptors, \(identifiers) HDF5 identifiers, \(residentKiB) KiB"
    }
  }

  public struct Figures: Sendable {
    public let opened: Int
    public let refused: Int
    public let before: Holdings
    public let after: Holdings
  }

  /// A file of types by name, about which libhdf5 is asked.
  private static let foreign =
    #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
    + "/Fixtures/foreign/committed-types.h5"

  private let folder = ScratchFolder()
  private var sound: [String] = []
  private var refused: [String] = []
  private var limits = Limits()

  public init() throws {
    let tree: Tree<Leaf> = [
      "w": .leaf(Leaf(Tensor((0..<5000).map { Float($0) }))),
      "text": .leaf(.text(["one", "two"], shape: [2])),
      "a": .value(Value(.leaf(Leaf(Int32(3))), index: 0, collection: "params")),
      "b": .index(Index(0, collection: "params")),
    ]
    let numbers: Tree<Leaf> = ["w": .leaf(Leaf(Tensor((0..<5000).map { Float($0) })))]
    for (name, tree) in [("f.refx", tree), ("f.h5", tree), ("f.safetensors", numbers)] {
      let path = folder.file(name)
      try Checkpoint.save(tree: tree, to: path, durability: .none)
      sound.append(path)
      let whole = try InputFile(path: path)
      let bytes = try whole.bytes(at: 0, count: whole.byteCount)
      // A file cut in the middle, one of another format by its name, one of which only a leaf is damaged.
      for (number, damaged) in [Array(bytes[..<(bytes.count / 2)]), Array("{}".utf8), changed(bytes)]
        .enumerated()
      {
        let path = folder.file("bad\(number)-\(name)")
        try AtomicFile.replace(path, durable: false) { target in
          try damaged.withUnsafeBytes { try target.append($0) }
        }
        refused.append(path)
      }
    }
    sound.append(OpenCloseLoop.foreign)
    // Of our own files libhdf5 is not asked.
    try withExtendedLifetime(try Checkpoint.open(OpenCloseLoop.foreign)) {
      guard HDF5Library.openIdentifierCount > 0 else {
        throw ContractViolation(
          "\(OpenCloseLoop.foreign) is read without libhdf5, whose identifiers count here")
      }
    }
    refused += [folder.file("missing.h5"), folder.file("missing.refx"), folder.path]
    limits.rank = 0
    limits.bytes = 16
  }

  private func changed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for place in (bytes.count / 3)..<(bytes.count / 3 + 64) { bytes[place] ^= 0x55 }
    return bytes
  }

  /// Goes through all files `count` times, after a fifth of that to warm up.
  public func run(count: Int) throws -> Figures {
    for _ in 0..<max(50, count / 5) { _ = try turn() }
    let before = try Holdings.now()
    var (opened, refused) = (0, 0)
    for _ in 0..<count {
      let (more, less) = try turn()
      opened += more
      refused += less
    }
    return Figures(opened: opened, refused: refused, before: before, after: try Holdings.now())
  }

  /// - Throws: ``ContractViolation`` where something stayed behind.
  public static func judge(_ figures: Figures) throws {
    let (before, after) = (figures.before, figures.after)
    guard before.descriptors == after.descriptors else {
      throw ContractViolation("\(before.descriptors) descriptors became \(after.descriptors)")
    }
    guard before.identifiers == after.identifiers else {
      throw ContractViolation("\(before.identifiers) HDF5 identifiers became \(after.identifiers)")
    }
    // One page for each hundred files would be a leak of 40 bytes a file.
    guard after.residentKiB - before.residentKiB <= mostGrowthKiB else {
      throw ContractViolation("\(before.residentKiB) KiB in memory became \(after.residentKiB)")
    }
  }

  /// What an allocator may still take after it is warm.
  private static let mostGrowthKiB = 1024

  private func turn() throws -> (opened: Int, refused: Int) {
    var (opened, failed) = (0, 0)
    for path in sound {
      for payload in [PayloadAccess.read, .map] {
        let file = try Checkpoint.open(path, options: OpenOptions(threads: 2, payload: payload))
        try file.contents.tree.forEachLeaf { if $0.source.unsupported == nil { _ = try $0.allBytes() } }
        opened += 1
      }
      try Checkpoint.open(path).verify(nil) { _ in }
      do {
        _ = try Checkpoint.open(path, options: OpenOptions(limits: limits))
        throw ContractViolation("\(path) opens beyond its limits")
      } catch is RefxError { failed += 1 }
    }
    for path in refused {
      do {
        let file = try Checkpoint.open(path)
        try file.contents.tree.forEachLeaf { if $0.source.unsupported == nil { _ = try $0.allBytes() } }
        // What changed may be padding, or a value of a format without checksums.
        opened += 1
      } catch is RefxError { failed += 1 }
    }
    return (opened, failed)
  }
}
