import Refx
import RefxStore

/// The index of a checkpoint that is spread over several files: a JSON text that maps each tensor's name to the
/// file that has it.
struct SafetensorsIndex {
  /// Each tensor once, with the name of a file beside the index.
  private(set) var map: [(name: Key, shard: Key)] = []
  /// What the index says about all of them, but the sum of their sizes, which is counted anew.
  private(set) var metadata: [JSONObject.Member] = []
  /// Further members, which are no part of any index that is known.
  private(set) var unknown: [Key] = []

  static let totalSize: Key = "total_size"
  private static let mapName: Key = "weight_map"
  private static let metadataName: Key = "metadata"

  /// Whether a file begins as a JSON object; a header's length, which stands first in other files of the format,
  /// never does.
  static func recognises(_ file: InputFile) -> Bool {
    guard let start = try? file.bytes(at: 0, count: min(file.byteCount, 64)), start.count >= 2 else {
      return false
    }
    return start.first { $0 != 0x20 && $0 != 0x0A && $0 != 0x0D && $0 != 0x09 } == UInt8(ascii: "{")
      && !start.contains(0)
  }

  /// Whether a file is text, and no JSON object; the length of a header, which stands first in other files of the format,
  /// has a zero in it.
  static func isOtherText(_ file: InputFile) -> Bool {
    guard let start = try? file.bytes(at: 0, count: min(file.byteCount, 64)) else { return false }
    return !start.isEmpty && !start.contains(0) && !recognises(file)
  }

  /// - Throws: ``RefxError`` where the text is no index, or names a file that does not lie beside it.
  init(of file: InputFile, _ budget: Budget) throws {
    guard file.byteCount <= SafetensorsHeader.byteLimit else {
      throw RefxError.safetensorsIndexTooLong(file.byteCount, limit: SafetensorsHeader.byteLimit)
    }
    let text = try file.bytes(at: 0, count: file.byteCount)
    var hasMap = false
    try text.withUnsafeBytes { bytes in
      var scanner = JSONScanner(bytes, limits: TreeDescription.parsingLimits(for: budget.limits))
      try scanner.readObject { scanner, name in
        switch name {
        case SafetensorsIndex.mapName:
          hasMap = true
          try readMap(&scanner, budget)
        case SafetensorsIndex.metadataName: try readMetadata(&scanner, budget)
        default:
          unknown.append(name)
          try scanner.skipValue()
        }
      }
      try scanner.finish()
    }
    guard hasMap else { throw RefxError.safetensorsIndexHasNoMap() }
  }

  private mutating func readMap(_ scanner: inout JSONScanner, _ budget: Budget) throws {
    var map: [(name: Key, shard: Key)] = []
    // One string for all tensors of a file.
    var shards: [Key: Key] = [:]
    try scanner.readObject { scanner, name in
      let place = scanner.offset
      try budget.check(nameBytes: name.string.utf8.count, at: place)
      try budget.check(nodes: map.count + 1, at: place)
      let shard = Key(try scanner.readString())
      if let known = shards[shard] {
        map.append((name, known))
        return
      }
      guard SafetensorsIndex.isPlain(shard.string) else {
        throw RefxError.safetensorsShardElsewhere(shard.string, at: place).atPath([name])
      }
      shards[shard] = shard
      map.append((name, shard))
    }
    self.map = map
  }

  private mutating func readMetadata(_ scanner: inout JSONScanner, _ budget: Budget) throws {
    var metadata: [JSONObject.Member] = []
    try scanner.readObject { scanner, name in
      let start = scanner.offset
      let value = try scanner.readValue()
      try budget.charge(
        metadataBytes: name.string.utf8.count.addingSaturated(scanner.offset - start), at: start)
      if name != SafetensorsIndex.totalSize { metadata.append(.init(name, value)) }
    }
    self.metadata = metadata
  }

  /// Whether a name is that of a file beside the index, and nothing that leads elsewhere.
  static func isPlain(_ name: String) -> Bool {
    !name.utf8.isEmpty && name.utf8.count <= 255 && name != "." && name != ".."
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }

  /// The text of an index: names in code-point order, indented, as people read it.
  ///
  /// - Throws: ``RefxError`` where it would be longer than readers take.
  static func bytes(
    map: [(name: Key, shard: String)], texts: [(name: Key, text: String)], totalSize: Int
  ) throws -> [UInt8] {
    var metadata: [JSONObject.Member] = [.init(SafetensorsIndex.totalSize, .integer(Int64(totalSize)))]
    metadata += texts.map { .init($0.name, .string($0.text)) }
    let sorted = map.sorted { $0.name < $1.name }.map { JSONObject.Member($0.name, .string($0.shard)) }
    let document = JSON.object(
      JSONObject([
        .init(metadataName, .object(JSONObject(metadata))), .init(mapName, .object(JSONObject(sorted))),
      ]))
    let bytes = document.prettyBytes() + [UInt8(ascii: "\n")]
    guard bytes.count <= SafetensorsHeader.byteLimit else {
      throw RefxError.safetensorsHeaderTooLong(bytes.count, limit: SafetensorsHeader.byteLimit)
    }
    return bytes
  }
}
