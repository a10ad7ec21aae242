import Glibc
import Refx
import RefxStore

/// What is known of the steps of a folder, in a file beside them, so that a thousand need not be opened to be listed.
///
/// Nothing depends on it: what it says of a file counts while the file is the very one that it was said of, and what
/// it does not know is looked up. It may be removed at any time.
struct StepIndex {
  static let fileName = ".refx-steps"
  private static let version: Int64 = 1
  private static let mostBytes = 64 << 20

  private var entries: [Key: (identity: FileIdentity, json: JSONObject)] = [:]

  init(in folder: String) {
    guard let file = try? InputFile(path: folder + "/" + StepIndex.fileName),
      file.byteCount <= StepIndex.mostBytes,
      let bytes = try? file.bytes(at: 0, count: file.byteCount),
      case .object(let object)? = bytes.withUnsafeBytes({ try? JSON.parse($0) }),
      object["version"] == .integer(StepIndex.version), case .array(let listed) = object["steps"]
    else { return }
    for case .object(let entry) in listed {
      guard case .string(let name) = entry["name"], case .integer(let inode) = entry["inode"],
        case .integer(let bytes) = entry["bytes"], case .integer(let changed) = entry["changed"]
      else { continue }
      entries[Key(name)] = (
        FileIdentity(inode: UInt64(bitPattern: inode), byteCount: Int(bytes), changed: changed), entry
      )
    }
  }

  /// The step in a file, where the file is still the one that is known.
  func step(_ name: String, _ identity: FileIdentity, in folder: String) -> SavedStep? {
    guard let entry = entries[Key(name)], entry.identity == identity, let json = entry.json["record"],
      let record = try? StepRecord(json, file: name)
    else { return nil }
    var metadata = JSONObject()
    if case .object(let object) = entry.json["metadata"] { metadata = object }
    var base: String?
    if case .string(let text) = entry.json["base"] { base = text }
    return SavedStep(
      step: record.step, metrics: record.metrics, metadata: metadata, time: record.time,
      path: folder + "/" + name, byteCount: identity.byteCount, base: base, run: record.run,
      digest: record.digest)
  }

  /// Writes what is known of `steps`. Where that fails, they are opened instead.
  static func write(_ steps: [SavedStep], in folder: String) {
    let entries: [JSON] = steps.compactMap { step in
      guard let identity = try? FileIdentity(of: step.path) else { return nil }
      let record = StepRecord(
        step: step.step, metrics: step.metrics, time: step.time, run: step.run, digest: step.digest, casts: []
      )
      var entry: JSONObject = [
        "name": .string(String(step.path.utf8.dropFirst(folder.utf8.count + 1)) ?? ""),
        "inode": .integer(Int64(bitPattern: identity.inode)), "bytes": .integer(Int64(identity.byteCount)),
        "changed": .integer(identity.changed), "record": record.json,
      ]
      if !step.metadata.isEmpty { entry["metadata"] = .object(step.metadata) }
      if let base = step.base { entry["base"] = .string(base) }
      return .object(entry)
    }
    let document: JSON = ["version": .integer(version), "steps": .array(entries)]
    try? AtomicFile.replace(folder + "/" + fileName, durable: false) { target in
      try document.bytes().withUnsafeBytes { try target.append($0) }
    }
  }
}
