import Glibc
import Refx
import RefxStore

/// What the file of a step is called: `step-` and the number in at least ten digits, and the suffix of its format.
struct StepName {
  private static let prefix = "step-"
  private static let digits = 10

  let step: Int

  /// The step of a file called so; nil where it is no such name.
  init?(_ name: String, formats: Formats) {
    guard name.utf8.starts(with: StepName.prefix.utf8) else { return nil }
    let rest = name.utf8.dropFirst(StepName.prefix.utf8.count)
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    guard let step = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
    let suffix = String(decoding: rest.dropFirst(digits.count), as: UTF8.self)
    guard formats.stores.contains(where: { $0.format.canWrite && $0.format.suffixes.first == suffix }),
      name == StepName.text(step, suffix: suffix)
    else { return nil }
    self.step = step
  }

  static func text(_ step: Int, suffix: String) -> String {
    let number = String(step)
    return prefix + String(repeating: "0", count: max(0, digits - number.utf8.count)) + number + suffix
  }
}

/// What tells a file from every other and from what it was before.
struct FileIdentity: Hashable, Sendable {
  let inode: UInt64
  let byteCount: Int
  /// When its bytes were changed, in nanoseconds.
  let changed: Int64
  /// When anything about it was, which nobody can set.
  let touched: Int64

  /// nil where there is no such file.
  ///
  /// - Throws: `RefxError` where it is no file, or the system refuses.
  init?(of file: String) throws {
    var status = stat()
    guard stat(file, &status) == 0 else {
      if errno == ENOENT { return nil }
      throw RefxError.system("cannot look at the file", errno: errno, file: file)
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw RefxError.stepIsNoFile(file: file) }
    inode = UInt64(status.st_ino)
    byteCount = Int(status.st_size)
    changed = FileIdentity.nanoseconds(status.st_mtim)
    touched = FileIdentity.nanoseconds(status.st_ctim)
  }

  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  /// - Returns: nil where the object says nothing of a file.
  init?(_ json: JSONObject) {
    guard case .integer(let inode) = json["inode"], case .integer(let bytes) = json["bytes"],
      case .integer(let changed) = json["changed"], case .integer(let touched) = json["touched"]
    else { return nil }
    self.inode = UInt64(bitPattern: inode)
    byteCount = Int(bytes)
    self.changed = changed
    self.touched = touched
  }

  var json: JSONObject {
    [
      "inode": .integer(Int64(bitPattern: inode)), "bytes": .integer(Int64(byteCount)),
      "changed": .integer(changed), "touched": .integer(touched),
    ]
  }
}
