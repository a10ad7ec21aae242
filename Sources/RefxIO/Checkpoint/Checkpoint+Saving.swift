import Refx
import RefxStore

extension Checkpoint {
  /// Saves a model at `path`, in the format of the suffix unless one is named.
  ///
  /// The file is replaced as a whole: whoever looks finds the old content or the new one. Payload is written
  /// chunk by chunk from where it lies; tensors are not copied.
  ///
  /// - Parameters:
  ///   - metadata: words about the file as a whole.
  ///   - maxShardBytes: spreads the values over several files of at most so many bytes of values each, with an
  ///     index, in formats that can (safetensors).
  ///   - overwrite: whether a file that exists may be replaced.
  ///   - progress: called now and then with the logical bytes done so far and in all.
  /// - Throws: ``RefxError`` where the model cannot become a tree, the format cannot hold it, or the system
  ///   refuses; the old file is then as it was.
  public static func save<Model: Encodable>(
    _ model: Model, to path: String, format: FormatName? = nil, compression: Compression = .fast,
    metadata: JSONObject = [:], durability: Durability = .full, overwrite: Bool = true,
    maxShardBytes: Int? = nil, progress: ProgressHandler? = nil, formats: Formats = .all
  ) throws {
    let tree: Tree<Leaf>
    do {
      tree = try TreeEncoder().encode(model)
    } catch let error as RefxError {
      throw error.inFile(path)
    }
    try save(
      tree: tree, to: path, format: format, compression: compression,
      metadata: StructureVersion.marking(metadata, for: Model.self), durability: durability,
      overwrite: overwrite, maxShardBytes: maxShardBytes, progress: progress, formats: formats)
  }

  /// Saves a dereffed tree, whose leaves may lie in other files; see ``save(_:to:format:compression:metadata:durability:overwrite:maxShardBytes:progress:formats:)``.
  public static func save(
    tree: Tree<Leaf>, to path: String, format: FormatName? = nil, compression: Compression = .fast,
    metadata: JSONObject = [:], durability: Durability = .full, overwrite: Bool = true,
    maxShardBytes: Int? = nil, progress: ProgressHandler? = nil, formats: Formats = .all
  ) throws {
    try save(
      contents: CheckpointContents(tree: tree, metadata: metadata), to: path, format: format,
      options: WriteOptions(compression: compression, progress: progress, maxShardBytes: maxShardBytes),
      durability: durability, overwrite: overwrite, formats: formats)
  }

  /// Saves a tree with its metadata.
  public static func save(
    contents: CheckpointContents, to path: String, format: FormatName? = nil,
    options: WriteOptions = WriteOptions(),
    durability: Durability = .full, overwrite: Bool = true, formats: Formats = .all
  ) throws {
    let store = try formats.store(toWrite: path, as: format)
    let batch = AtomicBatch(durable: durability == .full)
    let saved = try write(contents, to: path, as: store, options: options, overwrite: overwrite, with: batch)
    do { try batch.commit() } catch let error as RefxError { throw error.inFile(path) }
    try saved.removeStale()
  }

  /// The bytes of a checkpoint of `model`, the same that ``save(_:to:format:compression:metadata:durability:overwrite:maxShardBytes:progress:formats:)``
  /// writes. A format that cannot be written front to back (HDF5) goes through a temporary file.
  public static func encode<Model: Encodable>(
    _ model: Model, as format: FormatName = .refx, compression: Compression = .fast,
    metadata: JSONObject = [:],
    formats: Formats = .all
  ) throws -> [UInt8] {
    let contents = CheckpointContents(
      tree: try TreeEncoder().encode(model), metadata: StructureVersion.marking(metadata, for: Model.self))
    return try encode(
      contents: contents, as: format, options: WriteOptions(compression: compression), formats: formats)
  }

  /// The bytes of a checkpoint of a tree with its metadata.
  public static func encode(
    contents: CheckpointContents, as format: FormatName = .refx, options: WriteOptions = WriteOptions(),
    formats: Formats = .all
  ) throws -> [UInt8] {
    let store = try formats.named(format)
    guard store.format.canWrite else { throw RefxError.formatIsReadOnly(format.rawValue) }
    if store.format.streams {
      let target = MemoryTarget()
      try store.write(contents, to: target, options: options)
      return target.bytes
    }
    return try TemporaryFolder.with { folder in
      let path = folder + "/checkpoint"
      try AtomicFile.replace(path, durable: false) { try store.write(contents, to: $0, options: options) }
      let file = try InputFile(path: path)
      return try file.bytes(at: 0, count: file.byteCount)
    }
  }
}
