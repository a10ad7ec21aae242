import Glibc
import Refx

/// The open folder of a file, to be synced after a rename in it.
final class OpenFolder {
  private let descriptor: Int32
  /// The file that is to be renamed, as its user named it.
  private let name: String

  init(of file: String, named name: String) throws {
    let folder = FileName(file).folder
    descriptor = retryingInterrupted { open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    self.name = name
    guard descriptor >= 0 else { throw RefxError.system("cannot open the folder", errno: errno, file: name) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// - Throws: ``RefxError`` that says that the file is in place all the same.
  func sync() throws {
    guard fsync(descriptor) != 0 else { return }
    // Some file systems have no such thing as syncing a folder, and say so.
    if errno == EINVAL || errno == ENOTSUP { return }
    throw RefxError.folderNotSynced(errno: errno, file: name)
  }
}

/// Makes `call` again while a signal interrupts it. Not for `fsync` and `close`, which must not be made twice.
func retryingInterrupted(_ call: () -> Int32) -> Int32 {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}
