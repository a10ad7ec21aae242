import Glibc
import Refx
import Synchronization

/// How the temporary of a file is called: `.NAME.refx-tmp-HOST-PID-N`, beside the file.
///
/// HOST tells machines that share a folder apart, so that a process is only ever called dead by the machine
/// that it ran on. A long NAME is cut and given a hash, so that the whole fits in 255 bytes.
struct TemporaryName {
  let folder: String
  /// All of the name that is the same for every temporary of this file.
  let prefix: String

  private static let longestName = 180
  private static let counter = Atomic<Int>(0)
  private static let host: String = {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "00000000" }
    return name.withUnsafeBytes { hexadecimalHash($0.prefix { $0 != 0 }) }
  }()

  init(of file: String) {
    let split = FileName(file)
    folder = split.folder
    var name = split.name
    if name.utf8.count > TemporaryName.longestName {
      var kept = name.unicodeScalars
      while kept.count > 0, String(kept).utf8.count > 150 {
        kept.removeLast(max(1, (String(kept).utf8.count - 150) / 4))
      }
      name = String(kept) + "~" + hexadecimalHash(Array(split.name.utf8))
    }
    prefix = ".\(name).refx-tmp-"
  }

  func next() -> String {
    let number = TemporaryName.counter.add(1, ordering: .relaxed).newValue
    let path = "\(folder)/\(prefix)\(TemporaryName.host)-\(getpid())-\(number)"
    guard path.utf8.first != UInt8(ascii: "/") else { return path }
    // Absolute, so that a change of the current folder does not lose it.
    guard let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    return String(cString: current) + "/" + path
  }

  /// Whether `name` is a temporary of this file whose writer, on this machine, is gone.
  func isStale(_ name: String) -> Bool {
    guard name.utf8.starts(with: prefix.utf8) else { return false }
    let parts = name.dropFirst(prefix.count).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == TemporaryName.host, let process = pid_t(parts[1]), process > 0,
      Int(parts[2]) != nil
    else { return false }
    // One of this process's own is in use, or was left by an earlier process of the same number, which the
    // next name would run into and pass over.
    if process == getpid() { return false }
    return kill(process, 0) != 0 && errno == ESRCH
  }
}

/// Removes what writers of `file` that were killed have left beside it. Never fails.
func removeStaleTemporaries(of file: String) {
  let name = TemporaryName(of: file)
  guard let folder = opendir(name.folder) else { return }
  defer { closedir(folder) }
  while let entry = readdir(folder) {
    let found = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name.isStale(found) { unlink("\(name.folder)/\(found)") }
  }
}

/// Eight hexadecimal digits that stand for `bytes`.
private func hexadecimalHash(_ bytes: some Sequence<UInt8>) -> String {
  let array = Array(bytes)
  let hash = array.withUnsafeBytes { ContentHasher.hash($0) }
  return withUnsafeBytes(of: UInt32(truncatingIfNeeded: hash.low).bigEndian) { hexadecimal($0) }
}
