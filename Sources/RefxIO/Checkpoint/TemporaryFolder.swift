import Glibc
import Refx
import RefxStore

/// A folder of one's own for a moment, where the environment's `TMPDIR` says.
enum TemporaryFolder {
  /// Runs `body` with the folder's path; the folder and the files in it are gone afterwards.
  static func with<R>(_ body: (String) throws -> R) throws -> R {
    let named = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    let parent = named.utf8.isEmpty ? P_tmpdir : named
    var template = Array((parent + "/refx-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw RefxError.system("cannot make a temporary folder", errno: errno, file: parent)
    }
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { remove(folder) }
    return try body(folder)
  }

  private static func remove(_ folder: String) {
    if let stream = opendir(folder) {
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { start in
          start.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { unlink(folder + "/" + name) }
      }
      closedir(stream)
    }
    rmdir(folder)
  }
}
