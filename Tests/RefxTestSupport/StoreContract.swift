import Refx
import RefxStore

/// What every format that can be written must do. One suite for all of them: `StoreContractTests` runs it on each of
/// `Formats.all`. On one that is not among them:
///
/// ```swift
/// @Test(arguments: StoreContract.cases)
/// func keepsTheContract(_ one: StoreContract.Case) throws { try one.run(on: MyStore.self) }
/// ```
public enum StoreContract {
  /// One demand. `run` throws a ``ContractViolation`` where the store does not meet it. What a format has no place for
  /// it must refuse; the demand is then made of what is left.
  public struct Case: Sendable, CustomStringConvertible {
    public let name: String
    private let body: @Sendable (ContractRunner) throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (ContractRunner) throws -> Void) {
      self.name = name
      self.body = body
    }

    public func run(on store: any CheckpointStore.Type, room: Room = Room()) throws {
      try body(ContractRunner(store: store, room: room))
    }

    public var description: String { name }
  }
}

public struct ContractViolation: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// Writes trees with a store and reads them back.
struct ContractRunner {
  let store: any CheckpointStore.Type
  let room: StoreContract.Room
  let folder = ScratchFolder()

  /// Writes `contents` to a file.
  func write(
    _ contents: CheckpointContents, _ compression: Compression = .fast, name: String = "file"
  ) throws -> String {
    let path = folder.file(name + (store.format.suffixes.first ?? ""))
    let options = WriteOptions(compression: compression)
    try store.check(contents, options: options)
    try AtomicFile.replace(path, durable: false) { try store.write(contents, to: $0, options: options) }
    return path
  }

  func open(_ path: String) throws -> OpenedCheckpoint {
    try store.open(InputFile(path: path), options: OpenOptions())
  }

  func demand(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw ContractViolation(what()) }
  }

  /// Writes `tree`, reads it back, and compares everything; verifies the file. Where the format has no place for it,
  /// demands the refusal, and the same of what there is a place for.
  func roundTrip(
    _ tree: Tree<Leaf>, metadata: JSONObject = [:], compressions: [Compression] = Compression.allCases,
    label: @autoclosure () -> String = ""
  ) throws {
    let isHeld = room.refusal(of: tree) == nil
    for compression in compressions {
      do {
        for refused in room.refused(of: tree) {
          try demandRefusal(of: CheckpointContents(tree: refused, metadata: metadata), compression)
        }
        let metadata = isHeld || room.oneArray == nil ? metadata : [:]
        for part in room.parts(of: tree) { try roundTripOnce(part, metadata: metadata, compression) }
      } catch {
        throw ContractViolation("\(label()) (\(compression.rawValue)): \(error)")
      }
    }
  }

  /// Demands that nothing is written, and that the error says why.
  private func demandRefusal(of contents: CheckpointContents, _ compression: Compression) throws {
    let words = room.refusal(of: contents.tree) ?? ""
    let before = folder.contents()
    do {
      _ = try write(contents, compression, name: "refused")
    } catch let error as RefxError {
      try demand("\(error)".contains(words), "expected a refusal with \"\(words)\", found \"\(error)\"")
      try demand(folder.contents() == before, "a refusal left \(folder.contents()) behind")
      return
    }
    throw ContractViolation("it was written, expected a refusal with \"\(words)\"")
  }

  private func roundTripOnce(_ tree: Tree<Leaf>, metadata: JSONObject, _ compression: Compression) throws {
    let path = try write(CheckpointContents(tree: tree, metadata: metadata), compression)
    let file = try InputFile(path: path)
    try demand(store.recognises(file), "the store does not recognise its own file")
    let opened = try store.open(file, options: OpenOptions())
    if let difference = try firstDifference(tree, opened.contents.tree) {
      throw ContractViolation("what was read differs: \(difference)")
    }
    try demand(opened.contents.metadata == metadata, "the metadata differs: \(opened.contents.metadata)")
    try demand(opened.format == store.format.name, "the format is called \(opened.format)")
    try demandIndexesCount(opened.contents.tree)
    try demandKnownSumsFit(opened.contents.tree)
    var problems: [Problem] = []
    try opened.verify(nil) { problems.append($0) }
    try demand(problems.isEmpty, "verification finds \(problems)")
  }

  /// The indexes of an opened tree count from 0 in order of first sight.
  private func demandIndexesCount(_ tree: Tree<Leaf>) throws {
    var next = 0
    try tree.forEachSite { site in
      guard let reference = site.reference, reference.isFirst else { return }
      try demand(reference.index == next, "index \(reference.index) where \(next) comes next")
      next += 1
    }
  }

  /// A content hash that a source claims to know is that of its bytes.
  private func demandKnownSumsFit(_ tree: Tree<Leaf>) throws {
    try tree.forEachSite { site in
      guard case .leaf(let leaf) = site.content, let known = leaf.source.contentHash else { return }
      var hasher = ContentHasher()
      try leaf.forEachPiece { hasher.addSlab($0) }
      try demand(
        hasher.finish() == known, "the content hash of \"\(site.path.text)\" is not that of its bytes")
    }
  }
}
