import Glibc
import Refx
import RefxStore
import RefxTestSupport

/// All that a file says: its structure, its metadata, and the bytes of each leaf, or that they are refused.
struct Reading {
  let structure: [UInt8]
  let metadata: JSONObject
  let paths: [Path]
  /// In the order of the tree; nil for a leaf that is refused.
  let values: [[UInt8]?]

  /// - Throws: ``RefxError`` where the file does not open.
  init(_ opened: OpenedCheckpoint) throws {
    let tree = opened.contents.tree
    structure = try tree.structureDigest().combined
    metadata = opened.contents.metadata
    var paths: [Path] = []
    var values: [[UInt8]?] = []
    try tree.forEachSite { site in
      guard case .leaf(let leaf) = site.content, site.reference?.isFirst ?? true else { return }
      paths.append(site.path)
      values.append(leaf.source.unsupported == nil ? try? leaf.allBytes() : nil)
    }
    self.paths = paths
    self.values = values
  }

  /// Whether a leaf is refused.
  var hasRefusals: Bool { values.contains { $0 == nil } }

  /// How this differs from `whole` in what it says; nil where it says the same or refuses.
  func lie(beside whole: Reading) -> String? {
    if structure != whole.structure { return "another structure without an error" }
    if metadata != whole.metadata { return "other metadata without an error" }
    guard values.count == whole.values.count else { return "other leaves without an error" }
    for (position, bytes) in values.enumerated() {
      guard let bytes else { continue }
      guard let sound = whole.values[position], bytes.isSame(as: sound) else {
        return "another value at \(paths[position].text) without an error"
      }
    }
    return nil
  }
}

/// A format's file in memory.
struct Sample: Sendable {
  let name: String
  let bytes: [UInt8]
  let store: any CheckpointStore.Type

  init(_ name: String, _ bytes: [UInt8], _ store: any CheckpointStore.Type) {
    self.name = name
    self.bytes = bytes
    self.store = store
  }

  func opened(_ bytes: [UInt8], limits: Limits = Limits()) throws -> OpenedCheckpoint {
    let memory = InputFile(MemoryBytes(sharing: bytes), name: name)
    return try store.open(memory, options: OpenOptions(limits: limits, threads: 1))
  }

  /// Everything is opened, read and verified.
  ///
  /// - Returns: whether there was anything wrong; what was wrong does not matter.
  func isRefused(_ bytes: [UInt8]) -> Bool {
    do {
      let opened = try opened(bytes)
      var problems = 0
      try opened.verify(nil) { _ in problems += 1 }
      let reading = try Reading(opened)
      return problems > 0 || reading.hasRefusals
    } catch {
      return true
    }
  }

  var memoryLimit: Int { 64 << 20 + 2 * bytes.count }
}

extension [UInt8] {
  /// As ==, as fast in an unoptimised build.
  func isSame(as other: [UInt8]) -> Bool {
    count == other.count && (isEmpty || memcmp(self, other, count) == 0)
  }

  /// The same with some bits turned.
  func flipping(_ bits: some Sequence<Int>) -> [UInt8] {
    var copy = self
    for bit in bits { copy[bit / 8] ^= 1 << UInt8(bit % 8) }
    return copy
  }

  /// The number of `width` bytes at `place`.
  func number(at place: Int, width: Int) -> UInt64 {
    (0..<width).reduce(0 as UInt64) { $0 | UInt64(self[place + $1]) << (8 * UInt64($1)) }
  }

  /// The same with another number of `width` bytes at `place`.
  func replacing(at place: Int, width: Int, with value: UInt64) -> [UInt8] {
    var copy = self
    for byte in 0..<width { copy[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte))) }
    return copy
  }
}
