import Glibc
import Refx

/// Where a file is in truth: behind its symbolic links, and independent of the current folder.
struct FileLocation {
  let path: String

  /// Follows `asked` while it names a symbolic link.
  ///
  /// - Throws: ``RefxError`` where links go in a circle, or one names what is no UTF-8.
  init(following asked: String) throws {
    var path = asked
    for _ in 0..<40 {
      guard let target = try FileLocation.target(ofLink: path, asked) else {
        self.path = FileLocation.absolute(path)
        return
      }
      path = target.utf8.first == UInt8(ascii: "/") ? target : FileName(path).folder + "/" + target
    }
    throw RefxError.system("cannot follow the symbolic link", errno: ELOOP, file: asked)
  }

  /// What the symbolic link at `path` says; nil where there is none.
  private static func target(ofLink path: String, _ asked: String) throws -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = buffer.withUnsafeMutableBytes { bytes in
      bytes.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), bytes.count) } ?? -1
    }
    guard count > 0 else { return nil }
    let target = String(decoding: buffer[..<count], as: UTF8.self)
    // Decoding would have mended what is no UTF-8, and another file would be written.
    guard target.utf8.elementsEqual(buffer[..<count]) else { throw RefxError.linkIsNoText(file: asked) }
    return target
  }

  /// So that a change of the current folder does not put the file elsewhere. A path that would become too long
  /// for the system stays as it is.
  private static func absolute(_ path: String) -> String {
    guard path.utf8.first != UInt8(ascii: "/"), let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    // A folder that cannot be reached is shown in parentheses.
    let length = strlen(current)
    guard current[0] == CChar(UInt8(ascii: "/")), length + path.utf8.count + 300 < Int(PATH_MAX),
      let folder = String(validatingCString: current)
    else { return path }
    return folder == "/" ? "/" + path : folder + "/" + path
  }
}
