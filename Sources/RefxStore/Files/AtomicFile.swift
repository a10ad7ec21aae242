import Glibc
import Refx

/// Replaces a file as a whole: whoever looks finds the old content or the new one, never a part of either.
///
/// The new content goes to a sibling temporary, which is synced, closed and renamed over the file; then the
/// folder is synced. Symbolic links are followed first, so that a link stays a link. The mode of the old file
/// is kept. Other names of a hard-linked file keep the old content.
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
    if path.utf8.isEmpty { throw RefxError.emptyFileName() }
    let file = try resolvingLinks(path)
    let old = try statusOfRegularFile(at: file, named: path)
    if old != nil, !overwrite { throw RefxError.fileExists(file: path) }
    removeStaleTemporaries(of: file)
    let folder = durable ? try Folder(of: file, named: path) : nil
    let temporary = try Temporary(for: file, named: path, replacing: old)
    let result: Result
    do {
      result = try body(temporary.target)
      try temporary.finish(durable: durable)
      if overwrite { try temporary.rename() } else { try temporary.renameUnlessThere() }
    } catch {
      temporary.discard()
      throw error
    }
    try folder?.sync()
    return result
  }
}

/// Follows `path` while it names a symbolic link.
private func resolvingLinks(_ path: String) throws -> String {
  var path = path
  let asked = path
  for _ in 0..<40 {
    guard let target = readLink(path) else { return path }
    if target.utf8.first == UInt8(ascii: "/") {
      path = target
    } else {
      path = FileName(path).folder + "/" + target
    }
  }
  throw RefxError.system("cannot follow the symbolic link", errno: ELOOP, file: asked)
}

private func readLink(_ path: String) -> String? {
  var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
  let count = buffer.withUnsafeMutableBytes { bytes in
    bytes.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), bytes.count) } ?? -1
  }
  return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
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

/// The open folder of a file, to be synced after the rename.
///
/// It is opened before anything is written, so that a folder that cannot be opened is found out while the old
/// file is still in place.
private struct Folder: ~Copyable {
  let descriptor: Int32
  let name: String

  init(of file: String, named name: String) throws {
    descriptor = open(FileName(file).folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    self.name = name
    guard descriptor >= 0 else { throw RefxError.system("cannot open the folder", errno: errno, file: name) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func sync() throws {
    guard fsync(descriptor) != 0 else { return }
    // Some file systems have no such thing as syncing a folder, and say so.
    if errno == EINVAL || errno == ENOTSUP { return }
    throw RefxError.folderNotSynced(errno: errno, file: name)
  }
}

/// The sibling file that becomes the new file.
private final class Temporary {
  let target: FileTarget
  private let file: String
  private let name: String
  private let path: String
  private let finalMode: mode_t?
  private let registration: LiveTemporaries.Registration?

  init(for file: String, named name: String, replacing old: stat?) throws {
    self.file = file
    self.name = name
    // While it is written, a file that replaces another is its owner's alone.
    finalMode = old.map { $0.st_mode & 0o777 }
    var descriptor: Int32 = -1
    var path = ""
    var registration: LiveTemporaries.Registration?
    for _ in 0..<100 {
      path = TemporaryName(of: file).next()
      registration = LiveTemporaries.register(path)
      descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, old == nil ? 0o666 : 0o600)
      if descriptor >= 0 { break }
      let reason = errno
      if let registration { LiveTemporaries.unregister(registration) }
      guard reason == EEXIST || reason == EINTR else {
        throw RefxError.system("cannot make a file in the folder", errno: reason, file: name)
      }
    }
    guard descriptor >= 0 else {
      throw RefxError.system("cannot make a file in the folder", errno: EEXIST, file: name)
    }
    self.path = path
    self.registration = registration
    if let old, old.st_uid != geteuid() || old.st_gid != getegid() {
      // The owner is kept where the system allows it; where not, the writer owns the file, as always.
      _ = fchown(descriptor, old.st_uid, old.st_gid)
    }
    target = FileTarget(descriptor: descriptor, name: name, temporaryPath: path)
  }

  func finish(durable: Bool) throws {
    try target.flush()
    let written = try descriptorOfContent()
    defer { if written != target.descriptor { close(written) } }
    if let finalMode, fchmod(written, finalMode) != 0 {
      throw RefxError.system("cannot set the mode of the new file", errno: errno, file: name)
    }
    // A failed fsync is never tried again: the system may have dropped what it could not write.
    if durable, fsync(written) != 0 {
      throw RefxError.system("cannot sync the file", errno: errno, file: name)
    }
    try target.close()
  }

  /// The descriptor of what lies at the temporary's path: another one where a library that was handed the
  /// path made the file anew.
  private func descriptorOfContent() throws -> Int32 {
    guard target.pathWasTaken else { return target.descriptor }
    var ours = stat()
    var there = stat()
    guard fstat(target.descriptor, &ours) == 0, lstat(path, &there) == 0 else {
      throw RefxError.system("cannot look at the new file", errno: errno, file: name)
    }
    if ours.st_ino == there.st_ino, ours.st_dev == there.st_dev { return target.descriptor }
    let other = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard other >= 0 else { throw RefxError.system("cannot open the new file", errno: errno, file: name) }
    return other
  }

  func rename() throws {
    guard Glibc.rename(path, file) == 0 else {
      throw RefxError.system("cannot rename the new file into place", errno: errno, file: name)
    }
    forget()
  }

  /// Renames, unless something has taken the name meanwhile.
  func renameUnlessThere() throws {
    if link(path, file) == 0 {
      unlink(path)
      forget()
      return
    }
    switch errno {
    case EEXIST: throw RefxError.fileExists(file: name)
    case EPERM, EOPNOTSUPP, ENOSYS, EMLINK:
      // A file system without hard links: an empty file reserves the name.
      let reserved = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      guard reserved >= 0 else {
        if errno == EEXIST { throw RefxError.fileExists(file: name) }
        throw RefxError.system("cannot make the file", errno: errno, file: name)
      }
      Glibc.close(reserved)
      do { try rename() } catch {
        unlink(file)
        throw error
      }
    default: throw RefxError.system("cannot put the new file into place", errno: errno, file: name)
    }
  }

  func discard() {
    target.abandon()
    unlink(path)
    forget()
  }

  private func forget() {
    if let registration { LiveTemporaries.unregister(registration) }
  }
}
