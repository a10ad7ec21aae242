import Glibc
import Refx
import RefxStore
import Synchronization

/// What is known of the steps of a folder, in a file beside them, so that a thousand need not be opened to be listed.
///
/// Nothing depends on it: what it says of a file counts while the file is the very one that it was said of, and what
/// it does not know is looked up. It may be removed at any time.
///
/// A line for each step, with a checksum, and later lines count more than earlier ones: a save adds one, and what was
/// written in part or damaged is passed over. Lines of steps that are gone stay until there are too many.
struct StepIndex {
  static let fileName = ".refx-steps"
  static let header = "refx-steps 2\n"
  private static let mostBytes = 64 << 20

  private var entries: [Key: JSONObject] = [:]

  init(in folder: String) {
    guard let file = try? InputFile(path: folder + "/" + StepIndex.fileName),
      file.byteCount <= StepIndex.mostBytes,
      let bytes = try? file.bytes(at: 0, count: file.byteCount), bytes.starts(with: StepIndex.header.utf8)
    else { return }
    bytes.withUnsafeBytes { all in
      var rest = all[StepIndex.header.utf8.count...]
      // A line without its end is not finished yet.
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        if let entry = StepIndex.entry(UnsafeRawBufferPointer(rebasing: rest[..<end])),
          case .string(let name) = entry["name"]
        {
          entries[Key(name)] = entry
        }
        rest = rest[(end + 1)...]
      }
    }
  }

  /// Eight digits of a checksum, a space, and what it is the sum of.
  private static func entry(_ line: UnsafeRawBufferPointer) -> JSONObject? {
    guard line.count > 9, line[8] == UInt8(ascii: " ") else { return nil }
    let text = UnsafeRawBufferPointer(rebasing: line[9...])
    guard let sum = UInt32(String(decoding: line[..<8], as: UTF8.self), radix: 16), sum == CRC32.of(text),
      case .object(let entry)? = try? JSON.parse(text)
    else { return nil }
    return entry
  }

  /// The step in a file, where the file is still the one that is known.
  func step(_ name: String, _ identity: FileIdentity, in folder: String) -> SavedStep? {
    guard let entry = entries[Key(name)], FileIdentity(entry) == identity, let json = entry["record"],
      let record = try? StepRecord(json, file: name)
    else { return nil }
    var metadata = JSONObject()
    if case .object(let object) = entry["metadata"] { metadata = object }
    var base: String?
    if case .string(let text) = entry["base"] { base = text }
    return SavedStep(
      step: record.step, metrics: record.metrics, metadata: metadata, time: record.time,
      path: folder + "/" + name, byteCount: identity.byteCount, base: base, run: record.run,
      digest: record.digest, identity: identity)
  }

  /// The line of a step; nothing where nobody knows which file it was read from.
  static func line(_ step: SavedStep, in folder: String) -> [UInt8] {
    guard let identity = step.identity else { return [] }
    let record = StepRecord(
      step: step.step, metrics: step.metrics, time: step.time, run: step.run, digest: step.digest, casts: []
    )
    var entry = identity.json
    entry["name"] = .string(String(step.path.utf8.dropFirst(folder.utf8.count + 1)) ?? "")
    entry["record"] = record.json
    if !step.metadata.isEmpty { entry["metadata"] = .object(step.metadata) }
    if let base = step.base { entry["base"] = .string(base) }
    let text = JSON.object(entry).bytes()
    let sum = String(text.withUnsafeBytes { CRC32.of($0) }, radix: 16)
    let digits = String(repeating: "0", count: 8 - sum.utf8.count) + sum
    return Array((digits + " ").utf8) + text + [UInt8(ascii: "\n")]
  }
}

/// Writes the list of a folder, by the one manager that saves there. Where that fails, steps are opened instead.
final class StepIndexWriter: Sendable {
  private let folder: String
  /// How many lines the file has; nil where it must be written anew.
  private let lines = Mutex<Int?>(nil)

  init(in folder: String) {
    self.folder = folder
  }

  private var path: String { folder + "/" + StepIndex.fileName }

  /// Writes what is known of `steps`.
  func write(_ steps: [SavedStep]) { lines.withLock { $0 = rewrite(steps) } }

  /// Adds what is known of one step, or, where too many lines are about steps that are gone, writes all anew.
  func add(_ step: SavedStep, of count: Int, _ steps: () -> [SavedStep]) {
    lines.withLock { lines in
      if let known = lines, known < 2 * count + 64, append(StepIndex.line(step, in: folder)) {
        lines = known + 1
      } else {
        lines = rewrite(steps())
      }
    }
  }

  private func rewrite(_ steps: [SavedStep]) -> Int? {
    let isWritten: Void? = try? AtomicFile.replace(path, durable: false) { target in
      var bytes = Array(StepIndex.header.utf8)
      for step in steps { bytes += StepIndex.line(step, in: folder) }
      try target.append(bytes)
    }
    return isWritten.map { steps.count }
  }

  private func append(_ line: [UInt8]) -> Bool {
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return Glibc.write(descriptor, line, line.count) == line.count
  }
}
