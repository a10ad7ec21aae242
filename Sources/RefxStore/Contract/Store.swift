import Refx

/// A format: how a checkpoint lies in a file. The contract that every format fulfils, and that the store
/// contract tests check.
///
/// A format knows the layout of its files and nothing else: not the other formats, not the models.
public protocol CheckpointStore: SendableMetatype {
  /// What the format is called, and what it can do.
  static var format: FormatDescription { get }

  /// Whether the file's first bytes are this format's. Reads at most a few KiB; never throws on content.
  static func recognises(_ file: InputFile) -> Bool

  /// Reads the whole catalogue and checks it; reads no payload.
  ///
  /// The tree's indexes count Refs from 0 in order of first sight.
  ///
  /// - Throws: ``RefxError`` where the file is cut, damaged, of another format or version, or beyond a limit.
  static func open(_ file: InputFile, options: OpenOptions) throws -> OpenedCheckpoint

  /// Writes the whole file to `target`, chunk by chunk, in one pass over the leaves.
  ///
  /// - Throws: ``RefxError`` where a leaf cannot be read, the format cannot hold it, or writing fails.
  static func write(_ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions) throws

  /// Refuses what ``write(_:to:options:)`` would refuse whatever the values are: names, dtypes, shapes and sharing that
  /// the format cannot hold. Reads no payload but that of text, whose length some formats need.
  ///
  /// - Throws: ``RefxError`` as a write would.
  static func check(_ contents: CheckpointContents, options: WriteOptions) throws

  /// What of `contents` the format has no place for, and a write leaves out: a sentence each, without capital and
  /// full stop, for a user to read before. What a write refuses is not among them. Nothing, unless a format says
  /// so.
  static func leftOut(of contents: CheckpointContents) -> [String]
}

extension CheckpointStore {
  public static func write(
    _ contents: CheckpointContents, to target: any WriteTarget, options: WriteOptions
  ) throws {
    throw RefxError.formatIsReadOnly(format.name)
  }

  public static func check(_ contents: CheckpointContents, options: WriteOptions) throws {
    throw RefxError.formatIsReadOnly(format.name)
  }

  public static func leftOut(of contents: CheckpointContents) -> [String] { [] }
}

/// A format that spreads a checkpoint over several files: shards, and an index that lists them.
public protocol ShardedStore: CheckpointStore {
  /// Whether `path` names an index, so that a checkpoint written there is spread even where one file would do.
  static func isIndex(_ path: String) -> Bool

  /// Writes the files that `path` and its options stand for. A value is never split.
  ///
  /// - Parameter write: writes one file, given its path; called for each, the index last.
  /// - Returns: the paths, in the order in which they were written.
  /// - Throws: what ``CheckpointStore/write(_:to:options:)`` and `write` throw.
  static func writeShards(
    _ contents: CheckpointContents, to path: String, options: WriteOptions,
    write: (_ path: String, _ body: (any WriteTarget) throws -> Void) throws -> Void
  ) throws -> [String]

  /// Files beside `path` that an earlier save to it may have left, in either form.
  ///
  /// - Throws: ``RefxError`` where the folder cannot be read.
  static func filesOfEarlierSaves(to path: String) throws -> [String]
}

/// What a format is called and can do.
public struct FormatDescription: Sendable {
  /// The name in `--from`, `--to` and JSON.
  public let name: String
  /// File name suffixes with their dots; the first is the one to give a new file.
  public let suffixes: [String]
  /// Whether this library writes the format, or only reads it.
  public let canWrite: Bool
  /// Whether the bytes can be written front to back, to a pipe.
  public let streams: Bool
  /// Whether a write joins the keys of a path to one name, since the format knows no structure.
  public let holdsNamesAlone: Bool

  /// A format that is called `name`.
  public init(
    name: String, suffixes: [String], canWrite: Bool = true, streams: Bool = true,
    holdsNamesAlone: Bool = false
  ) {
    self.name = name
    self.suffixes = suffixes
    self.canWrite = canWrite
    self.streams = streams
    self.holdsNamesAlone = holdsNamesAlone
  }
}
