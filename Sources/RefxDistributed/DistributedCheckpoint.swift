/// Checkpoints of models that no one process holds: every rank has pieces, and all write, or read, one file.
///
/// Every function is collective: all ranks call it, with the same arguments but for what they hold. Either all return,
/// or all throw the same ``RefxError``, which names the rank where it came up. Ranks that ask for different files are
/// among what is found.
///
/// A file has the same bytes for any number of ranks and any pieces: those that one process would write that has the
/// whole model.
public enum DistributedCheckpoint {}

/// How ranks write to one file.
public enum RankedWriting: Sendable {
  /// Each by calls of the system, to its own places.
  case posix
  /// By what `open` opens on each rank: MPI-IO, for one.
  case opened(@Sendable (_ path: String, _ name: String) throws -> any RankedFile)

  var inAWord: String {
    switch self {
    case .posix: "posix"
    case .opened: "opened"
    }
  }

  /// Opens the file that a save has made, as this says.
  package func open(_ path: String, name: String) throws -> any RankedFile {
    switch self {
    case .posix: try PosixFile(path, name: name)
    case .opened(let open): try open(path, name)
    }
  }
}
