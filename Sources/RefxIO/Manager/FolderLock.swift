import Glibc
import Refx
import RefxStore

/// Held by the one process that saves steps to a folder; the system lets go of it when that ends, however it does.
///
/// The file says which training the folder belongs to, so that files which somebody else put there are never taken
/// for its own.
final class FolderLock: Sendable {
  static let fileName = ".refx-lock"

  let run: String
  private let descriptor: Int32

  /// - Throws: ``RefxError`` where another manager holds it, or the system refuses.
  init(in folder: String) throws {
    let path = folder + "/" + FolderLock.fileName
    // Nothing is waited for, and nothing is cut, before it is known what it is.
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
    guard descriptor >= 0 else {
      let number = errno
      if let found = FolderLock.stranger(path) { throw RefxError.lockIsAnother(found, file: path) }
      throw RefxError.system("cannot open the file", errno: number, file: path)
    }
    do {
      var status = stat()
      if fstat(descriptor, &status) != 0 {
        throw RefxError.system("cannot look at the file", errno: errno, file: path)
      }
      if let found = FolderLock.stranger(status) { throw RefxError.lockIsAnother(found, file: path) }
      while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        if errno == EINTR { continue }
        if errno == EWOULDBLOCK { throw RefxError.managerOpenElsewhere(folder) }
        throw RefxError.system("cannot lock the file", errno: errno, file: path)
      }
      run = try FolderLock.run(of: descriptor, path)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  deinit {
    // A process that another thread starts at this moment has the descriptor, too, for a moment.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// What somebody else has put there, if it is that.
  private static func stranger(_ path: String) -> String? {
    var status = stat()
    return lstat(path, &status) == 0 ? stranger(status) : nil
  }

  private static func stranger(_ status: stat) -> String? {
    switch status.st_mode & S_IFMT {
    case S_IFREG: status.st_nlink > 1 ? "a file that has another name as well" : nil
    case S_IFDIR: "a folder"
    case S_IFLNK: "a symbolic link"
    case S_IFIFO: "a named pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  /// What the file says, or, where it says nothing yet, a new number. A writer whose power failed may have left a part of
  /// the line, or zeros; everything else is somebody's.
  private static func run(of descriptor: Int32, _ path: String) throws -> String {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    if count < 0 { throw RefxError.system("cannot read the file", errno: errno, file: path) }
    if count == 33, bytes[32] == 0x0A, bytes[..<32].allSatisfy({ $0.isHexadecimal }) {
      return String(decoding: bytes[..<32], as: UTF8.self)
    }
    guard count <= 33, bytes[..<count].allSatisfy({ $0.isHexadecimal || $0 == 0 || $0 == 0x0A }) else {
      throw RefxError.lockIsAnother("a file that no manager has written", file: path)
    }
    var generator = SystemRandomNumberGenerator()
    let run = hexadecimal((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
    let line = Array((run + "\n").utf8)
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, line, line.count, 0) == line.count,
      fsync(descriptor) == 0
    else { throw RefxError.system("cannot write the file", errno: errno, file: path) }
    return run
  }
}

extension UInt8 {
  fileprivate var isHexadecimal: Bool { (0x30...0x39).contains(self) || (0x61...0x66).contains(self) }
}
