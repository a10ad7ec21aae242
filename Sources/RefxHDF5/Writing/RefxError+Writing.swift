import Glibc
import Refx

extension RefxError {
  /// The system refused to take payload. Which file it was is said by who saves it.
  static func cannotWriteHDF5(errno number: Int32) -> RefxError {
    let reason = strerror(number).map { String(cString: $0) } ?? "error \(number)"
    return RefxError(.system, "cannot write: \(reason)")
  }
}
