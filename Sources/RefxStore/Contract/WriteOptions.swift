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
