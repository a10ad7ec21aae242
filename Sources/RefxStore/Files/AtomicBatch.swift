import Glibc
import Refx

/// Files that are replaced together: each is whole and on the disk before the first takes its place, so that
/// what goes wrong in the writing of any leaves all of them as they were.
///
/// The renames follow one another; a crash between two of them leaves some of the files new and some old, each
/// of them whole. What is written and not committed is removed with the batch.
public final class AtomicBatch {
  private let isDurable: Bool
  private var waiting: [Temporary] = []
  /// Each once, in the order in which they were met.
  private var folders: [OpenFolder] = []
  private var folderNames: Set<Key> = []
  /// Where the files will lie, links followed, so that none takes the place of another.
  private var locations: Set<Key> = []

  /// - Parameter durable: whether the files are on the disk, and not merely in the system's cache, when
  ///   ``commit()`` returns.
  public init(durable: Bool = true) {
    isDurable = durable
  }

  deinit { for file in waiting { file.discard() } }

  /// Writes what is to become the file at `path`; nothing is seen of it before ``commit()``.
  ///
  /// - Parameter overwrite: whether a file that exists may be replaced. Where it may not, one that appears
  ///   before the end is kept as well.
  /// - Throws: what `body` throws, and ``RefxError`` where the system refuses.
  public func write<Result>(
    _ path: String, overwrite: Bool = true, _ body: (any WriteTarget) throws -> Result
  ) throws -> Result {
    if path.utf8.isEmpty { throw RefxError.emptyFileName() }
    let file = try FileLocation(following: path).path
    guard locations.insert(Key(file)).inserted else { throw RefxError.sameOutput(path) }
    let old = try statusOfRegularFile(at: file, named: path)
    if old != nil, !overwrite { throw RefxError.fileExists(file: path) }
    removeStaleTemporaries(of: file)
    // Opened before anything is written, so that one that cannot be opened is found out in time.
    if isDurable { try open(folderOf: file, named: path) }
    let temporary = try Temporary(for: file, named: path, replacing: old, overwriting: overwrite)
    do {
      let result = try body(temporary.writing())
      try temporary.finish(durable: isDurable)
      waiting.append(temporary)
      return result
    } catch {
      temporary.discard()
      throw error
    }
  }

  /// Puts all files into place, in the order in which they were written.
  ///
  /// - Throws: ``RefxError`` where the system refuses. Files that were made before are gone then; those that
  ///   were replaced before are named in the details. Where a folder cannot be synced, all are in place.
  public func commit() throws {
    var placed = 0
    do {
      for file in waiting {
        try file.putIntoPlace()
        placed += 1
      }
    } catch {
      let done = waiting[..<placed]
      for file in done { file.takeBack() }
      for file in waiting[placed...] { file.discard() }
      waiting = []
      let replaced = done.filter(\.replacesAFile).map(\.name)
      guard !replaced.isEmpty, let error = error as? RefxError else { throw error }
      throw error.afterReplacing(replaced)
    }
    waiting = []
    locations = []
    // Each is tried, whatever became of those before.
    var failure: (any Error)?
    for folder in folders {
      do { try folder.sync() } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  private func open(folderOf file: String, named name: String) throws {
    let folder = Key(FileName(file).folder)
    guard !folderNames.contains(folder) else { return }
    folders.append(try OpenFolder(of: file, named: name))
    folderNames.insert(folder)
  }
}

/// The status of the regular file at `path`; nil where there is none.
private func statusOfRegularFile(at path: String, named name: String) throws -> stat? {
  var status = stat()
  guard lstat(path, &status) == 0 else {
    if errno == ENOENT, path.utf8.last != UInt8(ascii: "/") { return nil }
    throw RefxError.system("cannot write the file", errno: errno, file: name)
  }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw RefxError.notARegularFile(kind: kindOfFile(mode: status.st_mode), file: name)
  }
  return status
}
