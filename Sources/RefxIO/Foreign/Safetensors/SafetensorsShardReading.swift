import Glibc
import Refx
import RefxStore

/// Reads a checkpoint that is spread over several files, by its index: every tensor that the index names is in the
/// file that it names, and no file has others.
struct SafetensorsShardReading {
  private(set) var leaves: [(name: Key, leaf: Leaf)] = []
  /// What the index and the shards say, each name once.
  private(set) var texts: [(name: Key, text: String)] = []
  /// What the index says that is no text.
  private(set) var others: [JSONObject.Member] = []
  private(set) var warnings: [String] = []
  private var known: [Key: String] = [:]

  /// - Parameter open: opens the file of that name beside the index.
  init(_ index: SafetensorsIndex, _ budget: Budget, open: (_ shard: String) throws -> InputFile) throws {
    warnings = index.unknown.isEmpty ? [] : [SafetensorsShardReading.warning(ofUnknown: index.unknown)]
    for member in index.metadata {
      if case .string(let text) = member.value {
        texts.append((member.name, text))
        known[member.name] = text
      } else {
        others.append(member)
      }
    }
    var names: [Key: Set<Key>] = [:]
    for (name, shard) in index.map { names[shard, default: []].insert(name) }
    leaves.reserveCapacity(index.map.count)
    for (shard, names) in names.sorted(by: { $0.key < $1.key }) {
      try read(try open(shard.string), called: shard.string, names, budget)
    }
  }

  private mutating func read(
    _ file: InputFile, called shard: String, _ names: Set<Key>, _ budget: Budget
  ) throws {
    let header: SafetensorsHeader
    do { header = try SafetensorsHeader(of: file, budget) } catch let error as RefxError {
      throw error.inFile(file.name)
    }
    var missing = names
    for tensor in header.tensors {
      guard missing.remove(tensor.name) != nil else {
        throw RefxError.safetensorsTensorNotInIndex(tensor.name, shard: shard)
      }
      leaves.append(SafetensorsStore.leaf(of: tensor, in: file, dataStart: header.dataStart))
    }
    if let name = missing.min() { throw RefxError.safetensorsTensorNotInShard(name, shard: shard) }
    for (name, text) in header.metadata { add(name, text, of: shard) }
  }

  private mutating func add(_ name: Key, _ text: String, of shard: String) {
    if name == FlatMetadata.key {
      warnings.append(
        "the shard \"\(shard)\" has a description of its own, which is not that of the whole and is not read")
    } else if let other = known[name] {
      guard Key(other) != Key(text) else { return }
      warnings.append("the shard \"\(shard)\" says something else of \"\(name)\" than was said before it")
    } else {
      known[name] = text
      texts.append((name, text))
    }
  }

  private static func warning(ofUnknown names: [Key]) -> String {
    let most = 5
    let shown = names.prefix(most).map { "\"\($0)\"" }.joined(separator: ", ")
    let more = names.count > most ? " and \(names.count - most) more" : ""
    return "the index has members that are not read: \(shown)\(more)"
  }
}

extension SafetensorsStore {
  static func openIndex(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint {
    guard file.memory == nil else { throw RefxError.safetensorsIndexAlone() }
    let folder = file.name.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(file.name[...$0]) } ?? ""
    return try openIndex(file, options: options) { shard in
      do { return try InputFile(path: folder + shard) } catch let error as RefxError {
        throw RefxError.safetensorsShardUnreadable(shard, error)
      }
    }
  }

  static func openIndex(
    _ file: InputFile, options: OpenOptions, open: (_ shard: String) throws -> InputFile
  ) throws -> OpenedCheckpoint {
    let budget = Budget(options.limits)
    let read = try SafetensorsShardReading(try SafetensorsIndex(of: file, budget), budget, open: open)
    let metadata = FlatMetadata(texts: read.texts)
    var contents = try metadata.contents(
      of: read.leaves, describedBy: try metadata.description(budget), budget, names: names,
      format: format.name)
    let taken = Set(contents.metadata.members.map(\.name))
    contents.metadata = JSONObject(
      contents.metadata.members + read.others.filter { !taken.contains($0.name) })
    let tree = contents.tree
    return OpenedCheckpoint(
      contents: contents, format: format.name, version: nil, warnings: read.warnings,
      proposedTies: metadata.proposedTies(among: read.leaves),
      verifyLeaves: { try tree.verify(threads: options.threads, of: $0, $1, $2) })
  }
}
