import Refx
import RefxHDF5
import RefxStore
import Synchronization

/// Keras 3's `.keras`: a zip archive of the model's configuration and of its weights, which are an HDF5 file.
///
/// The tree is that of the HDF5 file; the configuration travels as metadata. See `Documentation/keras.md`.
public enum KerasStore: CheckpointStore {
  public static let format = FormatDescription(name: "keras", suffixes: [".keras"], canWrite: false)

  private static let weightsName = "model.weights.h5"
  /// The members that are text, and the metadata that they become.
  private static let texts: [(member: String, key: Key)] = [
    ("metadata.json", "keras_metadata"), ("config.json", "keras_config"),
  ]
  private static let mostNamed = 5

  /// Whether it is an archive whose first member has the name of one of these.
  public static func recognises(_ file: InputFile) -> Bool {
    guard let name = ZipArchive.firstName(of: file) else { return false }
    return ([weightsName] + texts.map(\.member)).contains { name.elementsEqual($0.utf8) }
  }

  public static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    do {
      let budget = Budget(options.limits)
      let archive = try ZipArchive(of: file, budget)
      guard let member = archive.members.first(where: { $0.name == weightsName }) else {
        throw RefxError.kerasWithoutWeights(weightsName, found: archive.members.map(\.name))
      }
      var warnings: [String] = []
      var metadata: [JSONObject.Member] = []
      for (name, key) in texts {
        guard let text = archive.members.first(where: { $0.name == name }) else {
          warnings.append("the archive has no \(name)")
          continue
        }
        metadata.append(.init(key, try document(text, in: file, options, budget, &warnings)))
      }
      // What is packed may be unpacked to a file, so it is held against the limit of values before it is looked at.
      if member.isDeflated { try budget.charge(bytes: member.byteCount) }
      let weights = KerasWeights(ZipMemberRegion(member, in: file, verify: options.verify))
      var inner = options
      inner.limits.metadataBytes = budget.metadataBytesLeft
      var opened = try HDF5Store.open(InputFile(weights, name: file.name), options: inner)
      weights.beginChecking()
      opened.contents.metadata = merged(opened.contents.metadata, metadata)
      if let unread = unread(archive) { warnings.append(unread) }
      opened.warnings = warnings + opened.warnings
      opened.format = format.name
      opened.version = nil
      // The archive's, over all of the weights.
      opened.hasChecksums = true
      opened.hasChecksumOf = nil
      let verifyTree = opened.verify
      opened.verifyLeaves = nil
      opened.verify = { progress, report in
        do { try weights.check() } catch var error as RefxError {
          error.file = nil
          // No array is given away then, so there is nothing to say about any of them.
          return report(Problem(path: nil, what: error.summary))
        }
        try verifyTree(progress, report)
      }
      return opened
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }

  /// The text as a document; as a string where it is none, as Python writes numbers that are not finite.
  private static func document(
    _ member: ZipArchive.Member, in file: InputFile, _ options: OpenOptions, _ budget: Budget,
    _ warnings: inout [String]
  ) throws -> JSON {
    try budget.charge(metadataBytes: member.byteCount)
    let text = try ZipMemberRegion(member, in: file, verify: options.verify)
      .bytes(at: 0, count: member.byteCount)
    if let document = try? JSON.parse(text) { return document }
    guard let string = String(validating: text, as: UTF8.self) else {
      throw RefxError.zipMember(member.name, "is no text", at: member.stored.lowerBound)
    }
    warnings.append("\(member.name) is no JSON by the standard's letter, and kept as a text")
    return .string(string)
  }

  /// What the weights' own file says comes first.
  private static func merged(_ own: JSONObject, _ members: [JSONObject.Member]) -> JSONObject {
    let taken = Set(own.members.map(\.name))
    return JSONObject(own.members + members.filter { !taken.contains($0.name) })
  }

  /// The members that the tree does not have.
  private static func unread(_ archive: ZipArchive) -> String? {
    let known = [weightsName] + texts.map(\.member)
    let others = archive.members.map(\.name).filter {
      !known.contains($0) && $0.utf8.last != UInt8(ascii: "/")
    }
    if others.isEmpty { return nil }
    let named = others.prefix(mostNamed).joined(separator: ", ")
    let more = others.count > mostNamed ? " and \(others.count - mostNamed) more" : ""
    return "these members of the archive are not read: \(named)\(more)"
  }
}

/// The weights within the archive. Their catalogue is read as it is, since HDF5 reads here and there; before the first
/// payload is given away, all of it is compared with the archive's checksum, once.
private final class KerasWeights: FileRegion {
  private let member: ZipMemberRegion
  private let isChecking = Atomic(false)

  init(_ member: ZipMemberRegion) {
    self.member = member
  }

  var name: String { member.name }
  var byteCount: Int { member.byteCount }
  var storedByteCount: Int { member.storedByteCount }

  func beginChecking() { isChecking.store(true, ordering: .releasing) }

  /// Compares all of it with the checksum, unless that was done, or is not wanted.
  func check() throws {
    try member.read(at: 0, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if isChecking.load(ordering: .acquiring) {
      try member.read(at: offset, into: buffer)
    } else {
      try member.readUnchecked(at: offset, into: buffer)
    }
  }

  func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(at: offset, into: buffer)
  }
}
