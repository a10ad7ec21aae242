import Refx
import RefxStore

extension Checkpoint {
  /// Opens a checkpoint: its tree, whose leaves are read when they are needed. Reads no payload.
  ///
  /// The format is recognised by the content, then by the suffix, unless one is named. The file stays open
  /// while a leaf of it is alive.
  ///
  /// - Throws: ``RefxError`` where the file is missing, damaged, beyond a limit of the options, or no checkpoint;
  ///   it says what it seems to be instead.
  public static func open(
    _ path: String, format: FormatName? = nil, options: OpenOptions = OpenOptions(), formats: Formats = .all
  ) throws -> OpenedCheckpoint {
    try open(try InputFile(path: path), format: format, options: options, formats: formats)
  }

  /// Opens a checkpoint that lies in a file which is open, or in memory.
  public static func open(
    _ file: InputFile, format: FormatName? = nil, options: OpenOptions = OpenOptions(),
    formats: Formats = .all
  ) throws -> OpenedCheckpoint {
    let store = if let format { try formats.named(format) } else { try formats.store(of: file) }
    do {
      return try store.open(file, options: options)
    } catch let error as RefxError {
      throw error.inFile(file.name)
    }
  }

  /// Loads a model: what was shared is shared again, Refs keep the collections they have in the file. A file of an
  /// older version of a ``VersionedModel`` is migrated first.
  ///
  /// The ties are the file's, whatever the model's type: to hold a file to the ties of a model that is there,
  /// restore it.
  ///
  /// - Parameters:
  ///   - allowing: the differences to let pass, everywhere or where a glob says; none, unless they are named.
  ///   - requiring: collections that the file must have, and of which the model must take every value: so that
  ///     no leniency loads a model whose `batch_stats` are those of its initialiser.
  /// - Throws: ``RefxError`` with every difference in its details where the file does not fit the model; where a
  ///   required collection is not taken; and where the file cannot be read.
  public static func load<Model: Decodable>(
    _ type: Model.Type, from path: String, allowing: Leniency = [], requiring: [CollectionTag] = [],
    format: FormatName? = nil, options: OpenOptions = OpenOptions(), formats: Formats = .all
  ) throws -> Model {
    let file = try open(path, format: format, options: options, formats: formats)
    do {
      return try load(type, from: file.contents, allowing: allowing, requiring: requiring, options: options)
    } catch let error as RefxError {
      throw error.inFile(path)
    }
  }

  /// Loads a model from a checkpoint that is open; see
  /// ``load(_:from:allowing:requiring:format:options:formats:)``. Errors name no file.
  public static func load<Model: Decodable>(
    _ type: Model.Type, from contents: CheckpointContents, allowing: Leniency = [],
    requiring: [CollectionTag] = [], options: OpenOptions = OpenOptions()
  ) throws -> Model {
    try contents.migrated(to: type).tree.readAhead(options) {
      try TreeDecoder(allowing: allowing).decode(type, from: $0, requiring: requiring)
    }
  }

  /// A model out of the bytes of a checkpoint, which are not copied as a whole.
  ///
  /// - Throws: what ``load(_:from:allowing:requiring:format:options:formats:)`` throws; its errors call the file
  ///   "bytes".
  public static func decode<Model: Decodable>(
    _ type: Model.Type, from bytes: [UInt8], allowing: Leniency = [], requiring: [CollectionTag] = [],
    format: FormatName? = nil, options: OpenOptions = OpenOptions(), formats: Formats = .all
  ) throws -> Model {
    let memory = InputFile(MemoryBytes(sharing: bytes), name: "bytes")
    let file = try open(memory, format: format, options: options, formats: formats)
    do {
      return try load(type, from: file.contents, allowing: allowing, requiring: requiring, options: options)
    } catch let error as RefxError {
      throw error.inFile("bytes")
    }
  }
}

extension Tree where Element == Leaf {
  /// Runs `body` with a tree whose leaves other threads read ahead; what is mapped needs no reading.
  func readAhead<R>(_ options: OpenOptions, _ body: (Tree<Leaf>) throws -> R) throws -> R {
    if options.payload == .map { return try body(self) }
    return try ReadAhead.run(self, threads: options.threads, body)
  }
}
