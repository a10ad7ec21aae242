import Glibc
import Refx

/// Removes what writers of `file` that were killed have left beside it. Never fails.
///
/// A temporary goes when its writer has ended. One of a writer that cannot be asked about, on another machine
/// or in another container, goes when nothing was written to it for a day.
func removeStaleTemporaries(of file: String) {
  let name = TemporaryName(of: file)
  guard let folder = opendir(name.folder) else { return }
  defer { closedir(folder) }
  while let entry = readdir(folder) {
    let found = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    guard let writer = name.writer(of: found) else { continue }
    let path = "\(name.folder)/\(found)"
    let isStale =
      switch writer {
      case .near(let process): process.hasEnded
      case .far: isUntouchedForADay(path)
      }
    if isStale { unlink(path) }
  }
}

/// Removes what writers that were killed have left of the files in `folder` whose names `isOurs` knows.
package func removeStaleTemporaries(in folder: String, of isOurs: (String) -> Bool) {
  guard let directory = opendir(folder) else { return }
  var targets: Set<Key> = []
  while let entry = readdir(directory) {
    let found = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if let target = TemporaryName.target(of: found), isOurs(target) { targets.insert(Key(target)) }
  }
  closedir(directory)
  for target in targets { removeStaleTemporaries(of: folder + "/" + target.string) }
}

private func isUntouchedForADay(_ path: String) -> Bool {
  var status = stat()
  guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
  return status.st_mtim.tv_sec < time(nil) - 86_400
}
