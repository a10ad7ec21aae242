import Glibc
import Refx
import RefxStore

extension Checkpoint {
  /// Writes a checkpoint whose files take their places when `batch` is committed: one, or, where the options or the
  /// path ask for it, shards and their index.
  ///
  /// - Parameter overwrite: whether files that exist may be replaced. With shards, all that an earlier save to the
  ///   path may have left: the file, the index, and shards of any count.
  /// - Throws: ``RefxError`` where the format cannot hold the contents, or the system refuses.
  public static func write(
    _ contents: CheckpointContents, to path: String, as store: any CheckpointStore.Type,
    options: WriteOptions = WriteOptions(), overwrite: Bool = true, with batch: AtomicBatch
  ) throws -> SavedFiles {
    do {
      let sharded = store as? any ShardedStore.Type
      guard let sharded, options.maxShardBytes != nil || sharded.isIndex(path) else {
        guard options.maxShardBytes == nil else { throw RefxError.formatHasNoShards(store.format.name) }
        try batch.write(path, overwrite: overwrite) { try store.write(contents, to: $0, options: options) }
        return SavedFiles(files: [path], stale: [])
      }
      let earlier = try sharded.filesOfEarlierSaves(to: path)
      if !overwrite, !earlier.isEmpty { throw RefxError.earlierFiles(earlier, of: path) }
      let files = try sharded.writeShards(contents, to: path, options: options) { path, body in
        try batch.write(path, overwrite: overwrite, body)
      }
      let written = Set(files.map { Key($0) })
      return SavedFiles(files: files, stale: earlier.filter { !written.contains(Key($0)) })
    } catch let error as RefxError {
      throw error.inFile(path)
    }
  }
}

extension Checkpoint {
  /// The files that ``write(_:to:as:options:overwrite:with:)`` would write, in the order in which it would.
  ///
  /// Reads no payload but that of text, whose length some formats need, and looks at no folder.
  ///
  /// - Throws: ``RefxError`` where the format cannot hold the contents.
  public static func files(
    of contents: CheckpointContents, to path: String, as store: any CheckpointStore.Type,
    options: WriteOptions = WriteOptions()
  ) throws -> [String] {
    do {
      guard let sharded = store as? any ShardedStore.Type,
        options.maxShardBytes != nil || sharded.isIndex(path)
      else {
        guard options.maxShardBytes == nil else { throw RefxError.formatHasNoShards(store.format.name) }
        try store.check(contents, options: options)
        return [path]
      }
      // Whatever is refused is refused before the first file is begun.
      return try sharded.writeShards(contents, to: path, options: options) { _, _ in }
    } catch let error as RefxError {
      throw error.inFile(path)
    }
  }
}

/// The files of a checkpoint that was written, and those of an earlier one that do not belong to it.
public struct SavedFiles: Sendable, Hashable {
  /// In the order in which they take their places; an index is the last.
  public let files: [String]
  /// Files of an earlier save in the same place, which none of the new ones replaces.
  public let stale: [String]

  /// Files that were written, and files that they leave without a purpose.
  public init(files: [String], stale: [String]) {
    self.files = files
    self.stale = stale
  }

  /// Removes the files of the earlier save, so that nobody takes them for a part of this one. To be called when the
  /// new ones are in place.
  ///
  /// - Throws: ``RefxError`` where the system refuses; the new files are whole all the same.
  public func removeStale() throws {
    for file in stale where unlink(file) != 0 && errno != ENOENT {
      throw RefxError.system("cannot remove the file of an earlier save", errno: errno, file: file)
    }
  }
}
