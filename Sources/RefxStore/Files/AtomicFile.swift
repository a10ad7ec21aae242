import Glibc
import Refx

/// Replaces a file as a whole: whoever looks finds the old content or the new one, never a part of either.
///
/// The new content goes to a sibling temporary, which is synced, closed and renamed over the file; then the
/// folder is synced. Symbolic links are followed first, so that a link stays a link. The mode of the old file
/// is kept. Other names of a hard-linked file keep the old content. `Documentation/saving.md` goes through it
/// step by step; ``AtomicBatch`` replaces several files together.
public enum AtomicFile {
  /// Makes or replaces the file at `path` with what `body` appends to its target.
  ///
  /// `body` may also write to the target's `temporaryPath` itself and append nothing.
  ///
  /// - Parameters:
  ///   - durable: whether the content is on the disk, and not merely in the system's cache, on return.
  ///   - overwrite: whether a file that exists may be replaced. Where it may not, one that appears meanwhile
  ///     is kept as well.
  /// - Throws: what `body` throws, and ``RefxError`` where the system refuses. The temporary is gone then and
  ///   the old file as it was; the sole exception, a folder that cannot be synced, is said in the error.
  public static func replace<Result>(
    _ path: String, durable: Bool = true, overwrite: Bool = true,
    _ body: (any WriteTarget) throws -> Result
  ) throws -> Result {
    let batch = AtomicBatch(durable: durable)
    let result = try batch.write(path, overwrite: overwrite, body)
    try batch.commit()
    return result
  }

  /// Makes the folder `path`, so that it stays where the power goes. Does nothing where it is there.
  ///
  /// - Parameter removingEmpty: whether ``LiveTemporaries/unlinkAll()`` is to take it away again where this made it
  ///   and nothing is in it.
  /// - Returns: whether it was made.
  /// - Throws: ``RefxError`` where the system refuses, or something else has the name.
  @discardableResult
  public static func makeFolder(_ path: String, removingEmpty: Bool = false) throws -> Bool {
    guard mkdir(path, 0o777) != 0 else {
      if removingEmpty { LiveTemporaries.removeWhenEmpty(folder: path) }
      try OpenFolder(of: withoutSlashes(path), named: path).sync()
      return true
    }
    let reason = errno
    var status = stat()
    guard reason == EEXIST, stat(path, &status) == 0 else {
      throw RefxError.system("cannot make the folder", errno: reason, file: path)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw RefxError.notAFolder(kind: kindOfFile(mode: status.st_mode), file: path)
    }
    return false
  }

  /// Looks whether files can be made in the folder where the one at `path` will lie, links followed; makes none.
  ///
  /// - Throws: ``RefxError`` where there is no such folder, or the system refuses.
  public static func checkFolder(of path: String) throws {
    let folder = FileName(try FileLocation(following: path).path).folder
    guard access(folder, W_OK | X_OK) != 0 else { return }
    throw RefxError.system(
      errno == ENOENT || errno == ENOTDIR ? "cannot open the folder" : "cannot write the file", errno: errno,
      file: path)
  }

  /// Without the slashes that a folder's name may end in.
  private static func withoutSlashes(_ path: String) -> String {
    var path = Substring(path)
    while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
    return String(path)
  }
}

/// A path split in its folder and its last component.
struct FileName {
  let folder: String
  let name: String

  init(_ path: String) {
    if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
      let before = String(path[..<slash])
      folder = before.utf8.isEmpty ? "/" : before
      name = String(path[path.utf8.index(after: slash)...])
    } else {
      folder = "."
      name = path
    }
  }
}
