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
