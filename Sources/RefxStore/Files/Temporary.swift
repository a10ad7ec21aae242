import CFiles
import Glibc
import Refx

/// The sibling file that becomes the new file.
final class Temporary {
  /// The file it is for, as its user named it.
  let name: String
  let replacesAFile: Bool
  private let file: String
  private let path: String
  private let mayReplace: Bool
  private let finalMode: mode_t?
  private let registration: LiveTemporaries.Registration?
  /// Nil once all is written: the descriptor is closed then, and the buffer gone.
  private var target: FileTarget?
  private var identity: (device: dev_t, inode: ino_t)?

  init(for file: String, named name: String, replacing old: stat?, overwriting: Bool) throws {
    self.file = file
    self.name = name
    replacesAFile = old != nil
    mayReplace = overwriting
    finalMode = old.map { $0.st_mode & 0o777 }
    let made = try Temporary.make(for: file, named: name, replaces: old != nil)
    path = made.path
    registration = made.registration
    target = FileTarget(descriptor: made.descriptor, name: name, temporaryPath: path)
    if let old { keepOwner(of: old, made.descriptor) }
  }

  private struct Made {
    let path: String
    let descriptor: Int32
    let registration: LiveTemporaries.Registration?
  }

  /// A file of a name that nothing else has.
  private static func make(for file: String, named name: String, replaces: Bool) throws -> Made {
    for _ in 0..<100 {
      let path = TemporaryName(of: file).next()
      let registration = LiveTemporaries.register(path)
      // While it is written, a file that replaces another is its owner's alone.
      let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, replaces ? 0o600 : 0o666)
      let reason = errno
      // A signal handler may have gone through the table before this file was made.
      guard !LiveTemporaries.areRefused else {
        if descriptor >= 0 {
          unlink(path)
          close(descriptor)
        }
        throw RefxError.processIsStopping(file: name)
      }
      if descriptor >= 0 { return Made(path: path, descriptor: descriptor, registration: registration) }
      if let registration { LiveTemporaries.unregister(registration) }
      guard reason == EEXIST || reason == EINTR else {
        throw RefxError.system("cannot make a file in the folder", errno: reason, file: name)
      }
    }
    throw RefxError.system("cannot make a file in the folder", errno: EEXIST, file: name)
  }

  /// Owner and group are kept where the system allows it; where not, the group alone; else they are the
  /// writer's, as always.
  private func keepOwner(of old: stat, _ descriptor: Int32) {
    var new = stat()
    guard fstat(descriptor, &new) == 0, old.st_uid != new.st_uid || old.st_gid != new.st_gid else { return }
    if fchown(descriptor, old.st_uid, old.st_gid) != 0 { _ = fchown(descriptor, uid_t.max, old.st_gid) }
  }

  /// What the new content is appended to.
  func writing() throws -> any WriteTarget {
    guard let target else { throw RefxError.system("cannot write", errno: EBADF, file: name) }
    return target
  }

  /// Everything up to the rename: the content is written, synced and closed.
  func finish(durable: Bool) throws {
    guard let target else { return }
    try target.flush()
    let written = try descriptorOfContent(target)
    defer { if written != target.descriptor { close(written) } }
    var status = stat()
    guard fstat(written, &status) == 0 else {
      throw RefxError.system("cannot look at the new file", errno: errno, file: name)
    }
    identity = (status.st_dev, status.st_ino)
    // Set only where it is another, for file systems that keep no modes and refuse to set one.
    if let finalMode, status.st_mode & 0o7777 != finalMode, fchmod(written, finalMode) != 0 {
      throw RefxError.system("cannot set the mode of the new file", errno: errno, file: name)
    }
    // A failed fsync is never tried again: the system may have dropped what it could not write.
    if durable, fsync(written) != 0 {
      throw RefxError.system("cannot sync the file", errno: errno, file: name)
    }
    try target.close()
    self.target = nil
  }

  /// The descriptor of what lies at the temporary's path: another one where a library that was handed the
  /// path made the file anew.
  private func descriptorOfContent(_ target: FileTarget) throws -> Int32 {
    guard target.pathWasTaken else { return target.descriptor }
    var ours = stat()
    var there = stat()
    guard fstat(target.descriptor, &ours) == 0, lstat(path, &there) == 0 else {
      throw RefxError.system("cannot look at the new file", errno: errno, file: name)
    }
    if ours.st_ino == there.st_ino, ours.st_dev == there.st_dev { return target.descriptor }
    let other = retryingInterrupted { open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) }
    guard other >= 0 else { throw RefxError.system("cannot open the new file", errno: errno, file: name) }
    return other
  }

  // MARK: The end

  func putIntoPlace() throws {
    if mayReplace { try rename() } else { try renameUnlessTaken() }
  }

  private func rename() throws {
    guard Glibc.rename(path, file) == 0 else {
      throw RefxError.system("cannot rename the new file into place", errno: errno, file: name)
    }
    forget()
  }

  /// Renames, unless something has taken the name meanwhile.
  private func renameUnlessTaken() throws {
    if refx_rename_unless_taken(path, file) == 0 { return forget() }
    switch errno {
    case EEXIST: throw RefxError.fileExists(file: name)
    // NFS, for one, cannot do that, and can make hard links.
    case EINVAL, ENOSYS: try linkUnlessTaken()
    default: throw RefxError.system("cannot rename the new file into place", errno: errno, file: name)
    }
  }

  private func linkUnlessTaken() throws {
    if link(path, file) == 0 || isInPlace {
      unlink(path)
      return forget()
    }
    switch errno {
    case EEXIST: throw RefxError.fileExists(file: name)
    case EPERM, EOPNOTSUPP, ENOSYS, EMLINK: try reserveAndRename()
    default: throw RefxError.system("cannot put the new file into place", errno: errno, file: name)
    }
  }

  /// Where there is neither: an empty file reserves the name. A kill between the two calls leaves it.
  private func reserveAndRename() throws {
    let reserved = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard reserved >= 0 else {
      if errno == EEXIST { throw RefxError.fileExists(file: name) }
      throw RefxError.system("cannot make the file", errno: errno, file: name)
    }
    close(reserved)
    do { try rename() } catch {
      unlink(file)
      throw error
    }
  }

  /// Whether the new file has its name: over a network, a call may be done whose answer was lost.
  private var isInPlace: Bool {
    let reason = errno
    defer { errno = reason }
    var status = stat()
    guard let identity, lstat(file, &status) == 0 else { return false }
    return status.st_dev == identity.device && status.st_ino == identity.inode
  }

  /// Removes the file that was put into place, where there was none before.
  func takeBack() {
    if !replacesAFile, isInPlace { unlink(file) }
  }

  func discard() {
    target?.abandon()
    target = nil
    unlink(path)
    forget()
  }

  private func forget() {
    if let registration { LiveTemporaries.unregister(registration) }
  }
}
