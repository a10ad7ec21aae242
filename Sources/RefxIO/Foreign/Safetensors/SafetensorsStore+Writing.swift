import Refx
import RefxStore

extension SafetensorsStore {
  /// Writes each value once, under its first site's name, in one file.
  ///
  /// - Throws: ``RefxError`` also where the values are to be spread over several files, which one target is not.
  public static func write(
    _ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions
  ) throws {
    let flat = try flatTree(of: contents, options)
    if let limit = options.maxShardBytes, SafetensorsShards(flat.entries, limit: limit).parts.count > 1 {
      throw RefxError.shardsNeedFiles(limit: limit)
    }
    let file = try self.file(of: flat, contents, options)
    var progress = Progress(total: file.dataByteCount, report: options.progress)
    try file.write(to: target, &progress)
  }

  public static func check(_ contents: CheckpointContents, options: WriteOptions) throws {
    _ = try file(of: flatTree(of: contents, options), contents, options)
  }

  private static func file(
    of flat: FlatTree, _ contents: CheckpointContents, _ options: WriteOptions
  ) throws -> SafetensorsFile {
    let metadata = try FlatMetadata(of: flat, contents, separator: options.flattenSeparator)
    return try SafetensorsFile(flat.entries, texts: metadata.texts)
  }

  static func flatTree(of contents: CheckpointContents, _ options: WriteOptions) throws -> FlatTree {
    try FlatTree(
      contents.tree, separator: options.flattenSeparator, policy: options.shared, names: names,
      format: format.name)
  }
}
