import Glibc
import Refx
import RefxStore

extension SafetensorsStore: ShardedStore {
  public static func isIndex(_ path: String) -> Bool { hasSuffix(path, SafetensorsShardNames.indexSuffix) }

  /// Writes shards and an index as Hugging Face's libraries do, or one plain file where all fits in it and `path`
  /// asks for no index. The index maps each tensor's name to its file; the further names of a shared value are no
  /// tensors, so they stand in the metadata, of the index and of the shard that has the value.
  public static func writeShards(
    _ contents: CheckpointContents, to path: String, options: WriteOptions,
    write: (_ path: String, _ body: (any WriteTarget) throws -> Void) throws -> Void
  ) throws -> [String] {
    let flat = try flatTree(of: contents, options)
    let parts = SafetensorsShards(flat.entries, limit: options.maxShardBytes ?? .max).parts
    if parts.count == 1, !isIndex(path) {
      var whole = options
      whole.maxShardBytes = nil
      try check(contents, options: whole)
      try write(path) { try self.write(contents, to: $0, options: whole) }
      return [path]
    }
    let names = try SafetensorsShardNames(of: path)
    let metadata = try FlatMetadata(
      of: flat, contents, separator: options.flattenSeparator,
      keeping: [SafetensorsIndex.totalSize])
    let aliases = aliasesByKept(metadata)
    // Everything is checked before the first file is begun.
    let shards = try parts.enumerated().map { number, part in
      (
        name: names.shard(number + 1, of: parts.count),
        file: try SafetensorsFile(
          part,
          texts: metadata.texts[..<metadata.userTextCount] + part.flatMap { aliases[$0.name] ?? [] })
      )
    }
    let total = shards.reduce(0) { $0.addingSaturated($1.file.dataByteCount) }
    let index = try SafetensorsIndex.bytes(
      map: zip(parts, shards).flatMap { part, shard in part.map { ($0.name, shard.name) } },
      texts: metadata.texts, totalSize: total)
    var progress = Progress(total: total, report: options.progress)
    for shard in shards {
      try write(names.folder + shard.name) { try shard.file.write(to: $0, &progress) }
    }
    try write(names.folder + names.index) { try $0.append(index) }
    return (shards.map(\.name) + [names.index]).map { names.folder + $0 }
  }

  /// The texts that say a further name, by the name under which the value is.
  private static func aliasesByKept(_ metadata: FlatMetadata) -> [Key: [(name: Key, text: String)]] {
    var aliases: [Key: [(name: Key, text: String)]] = [:]
    for text in metadata.texts[metadata.userTextCount...] where text.name != FlatMetadata.key {
      aliases[Key(text.text), default: []].append(text)
    }
    return aliases
  }

  public static func filesOfEarlierSaves(to path: String) throws -> [String] {
    let names = try SafetensorsShardNames(of: path)
    let folder = names.folder.utf8.isEmpty ? "." : names.folder
    guard let stream = opendir(folder) else {
      // Whoever makes a file there says best what is wrong.
      if errno == ENOENT || errno == ENOTDIR { return [] }
      throw RefxError.system("cannot look into the folder", errno: errno, file: folder)
    }
    defer { closedir(stream) }
    var found: [Key] = []
    while let entry = readdir(stream) {
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard let name = String(validating: bytes, as: UTF8.self) else { continue }
      if names.isShard(name) || Key(name) == Key(names.index) || Key(name) == Key(names.single) {
        found.append(Key(name))
      }
    }
    return found.sorted().map { names.folder + $0.string }
  }
}
