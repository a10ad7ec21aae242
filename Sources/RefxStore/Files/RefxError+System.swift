import Glibc
import Refx

extension RefxError {
  /// A system call that failed with `errno`.
  package static func system(
    _ what: String, errno number: Int32, file: String, advice: String? = nil
  ) -> RefxError {
    let reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
    return .system(what, reason: reason, file: file, advice: advice)
  }

  /// The folder's sync failed with `errno` after the rename.
  static func folderNotSynced(errno number: Int32, file: String) -> RefxError {
    .folderNotSynced(reason: strerror(number).map { String(cString: $0) } ?? "error \(number)", file: file)
  }
}
