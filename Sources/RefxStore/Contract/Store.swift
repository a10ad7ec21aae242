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

/// What a checkpoint holds: a dereffed tree, and whatever its writer said about the file.
public struct CheckpointContents: Sendable {
  /// The dereffed tree; leaves of a file that was opened read when they are asked.
  public var tree: Tree<Leaf>
  /// Free-form words about the file as a whole.
  public var metadata: JSONObject
  /// What the file says about single nodes.
  public var attributes: NodeAttributes

  /// A tree with what is said about it.
  public init(tree: Tree<Leaf>, metadata: JSONObject = [:], attributes: NodeAttributes = NodeAttributes()) {
    self.tree = tree
    self.metadata = metadata
    self.attributes = attributes
  }
}

/// A file that was opened: its contents, with leaves that are read on demand.
public struct OpenedCheckpoint: Sendable {
  /// The tree, whose leaves read the file when they are asked, and the metadata.
  public var contents: CheckpointContents
  /// The format's name.
  public var format: String
  /// The version of the format's layout; nil where the format has none.
  public var version: Int?
  /// What a user should know though nothing failed: what was not checked, what was left out.
  public var warnings: [String]
  /// Ties that the file only hints at: `contents` has none of them.
  public var proposedTies: [ProposedTie]
  /// Whether the format keeps checksums of the values: where it does not, a changed number looks like any other.
  public var hasChecksums: Bool
  /// Whether one stands beside this leaf of the tree, in formats where some have one and some do not.
  package var hasChecksumOf: (@Sendable (Leaf) -> Bool)?
  /// The same as ``verify`` of the leaves alone whose number is chosen, of those that ``Tree/verifiedLeaves()`` lists;
  /// nil where a file is verified as a whole.
  package var verifyLeaves: LeafVerification?
  /// Reads and checks everything; calls back with each problem and goes on.
  public var verify: @Sendable (_ progress: ProgressHandler?, _ report: (Problem) -> Void) throws -> Void

  /// What a format hands on when it has read a catalogue.
  public init(
    contents: CheckpointContents, format: String, version: Int?, warnings: [String] = [],
    proposedTies: [ProposedTie] = [], hasChecksums: Bool = false,
    verify: @escaping @Sendable (_ progress: ProgressHandler?, _ report: (Problem) -> Void) throws -> Void
  ) {
    self.contents = contents
    self.format = format
    self.version = version
    self.warnings = warnings
    self.proposedTies = proposedTies
    self.hasChecksums = hasChecksums
    self.verify = verify
  }
}

/// Verifies the chosen leaves; all where that is nil.
package typealias LeafVerification =
  @Sendable (
    _ chosen: (@Sendable (Int) -> Bool)?, _ progress: ProgressHandler?, _ report: (Problem) -> Void
  ) throws -> Void

extension OpenedCheckpoint {
  /// A file whose leaves can be verified one by one.
  package init(
    contents: CheckpointContents, format: String, version: Int?, warnings: [String] = [],
    proposedTies: [ProposedTie] = [], hasChecksums: Bool = false, verifyLeaves: @escaping LeafVerification
  ) {
    self.init(
      contents: contents, format: format, version: version, warnings: warnings, proposedTies: proposedTies,
      hasChecksums: hasChecksums, verify: { try verifyLeaves(nil, $0, $1) })
    self.verifyLeaves = verifyLeaves
  }
}

/// A name that a file lacks because, as it says, the value stands there under another: what a program that drops
/// all names of a tensor but one leaves of a tie. Nothing proves it, so it is for the user to accept.
public struct ProposedTie: Hashable, Sendable {
  /// Where nothing stands.
  public let dropped: Path
  /// Where the value stands.
  public let kept: Path

  /// A tie of a place where nothing stands to one that has the value.
  public init(dropped: Path, kept: Path) {
    self.dropped = dropped
    self.kept = kept
  }
}

/// Something wrong that verification found.
public struct Problem: Hashable, Sendable {
  /// Where in the tree; nil where it concerns the file as a whole.
  public let path: Path?
  /// A sentence without capital and full stop.
  public let what: String

  /// A problem at `path`; nil where it concerns the file as a whole.
  public init(path: Path?, what: String) {
    self.path = path
    self.what = what
  }
}

/// Called now and then with the bytes done so far and in all.
public typealias ProgressHandler = @Sendable (_ done: Int, _ total: Int) -> Void

/// How strongly chunks are compressed.
public enum Compression: String, Sendable, CaseIterable {
  /// Not at all; at about 1 GB/s on each core; for a somewhat smaller file, in about nine times the time.
  case none, fast, best
}

/// What a format that holds a row of named arrays does with a value that has several sites.
public enum SharedPolicy: String, Sendable, CaseIterable {
  /// Each value once, under its first site's name; the whole tree stands in the file's metadata.
  case keep
  /// Every site's own copy. What is read back is no longer tied.
  case duplicate
  /// A refusal that names two of the sites.
  case error
}

/// What a caller may choose when a format writes.
public struct WriteOptions: Sendable {
  /// How strongly chunks are compressed; leaves below 4 KiB never are.
  public var compression: Compression
  /// Called with the logical bytes written so far and in all; nil asks for nothing.
  public var progress: ProgressHandler?
  /// For formats that cannot hold sharing; the others always keep it.
  public var shared: SharedPolicy
  /// What joins the keys of a path to one name, in formats that hold names alone.
  public var flattenSeparator: String
  /// How many threads encode; as many as there are cores where it is nil. The file is the same for any number.
  public var threads: Int?
  /// Spreads the values over files of at most so many bytes of values each, in formats that can (safetensors); a
  /// larger value has a file of its own. One file where it is nil, or where all fits in one.
  public var maxShardBytes: Int?
  /// Gives the payload in the place of this process's threads, where ranks write one file together.
  package var feed: (any PayloadFeed)?

  /// The defaults, but for what is named.
  public init(
    compression: Compression = .fast, progress: ProgressHandler? = nil, shared: SharedPolicy = .keep,
    flattenSeparator: String = ".", threads: Int? = nil, maxShardBytes: Int? = nil
  ) {
    self.threads = threads
    self.maxShardBytes = maxShardBytes
    self.compression = compression
    self.progress = progress
    self.shared = shared
    self.flattenSeparator = flattenSeparator
  }
}

/// What a caller may choose when a format reads.
public struct OpenOptions: Sendable {
  /// Beyond these a catalogue is refused before memory is taken for it.
  public var limits: Limits
  /// How many threads read and decode a large array, or many; as many as there are cores where it is nil.
  public var threads: Int?
  /// How payload comes into memory.
  public var payload: PayloadAccess
  /// Which checksums are checked while payload is read.
  public var verify: Verification
  /// Where the C libraries run that a format is read by.
  public var libraries: LibraryAccess

  /// The defaults, but for what is named.
  public init(
    limits: Limits = Limits(), threads: Int? = nil, payload: PayloadAccess = .read,
    verify: Verification = .always, libraries: LibraryAccess = .inProcess
  ) {
    self.libraries = libraries
    self.limits = limits
    self.threads = threads
    self.payload = payload
    self.verify = verify
  }
}

/// How the payload of a file comes into memory.
public enum PayloadAccess: Sendable {
  /// It is read into memory of the process's own: what happens to the file afterwards changes nothing.
  case read
  /// Raw leaves are the file's own pages, without a copy; compressed ones are read. Only for files that nobody
  /// cuts short while they are mapped: the system ends a process that touches a page that is gone.
  case map
}

/// Which checksums are checked while payload is read.
public enum Verification: Sendable {
  /// Every one, before anybody sees the bytes; of a mapped leaf when it is first looked at.
  case always
  /// Those of values: what only fills the file up before a leaf may be damaged. For saving out of a damaged file
  /// what is sound in it.
  case values
  /// None: for files that were verified before. What cannot be decoded is found all the same.
  case never
}

/// Where the C libraries run that a format is read by: libhdf5, for what our own reader of HDF5 does not know.
public enum LibraryAccess: Sendable, Hashable {
  /// In this process. A file that was made to break libhdf5 may end the process, or do worse: for files that
  /// are trusted.
  case inProcess
  /// In a process of its own that can read the file and answer, and nothing else: a crash there is an error
  /// here. `executable` is a program that calls `HDF5Worker.serveIfAsked()` before anything else, as the
  /// command `refx` does, or `/proc/self/exe` where this program does.
  ///
  /// Costs some milliseconds for a file that our own reader does not know all of, and nothing for others.
  case worker(executable: String)
}
