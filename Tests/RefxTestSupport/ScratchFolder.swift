import Glibc

/// A new folder for the files of a test; gone with the object.
public final class ScratchFolder: Sendable {
  public let path: String

  public init() {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/refx-test-XXXXXX".utf8CString)
    let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }
    precondition(made != nil, "no folder for tests can be made in \(base)")
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  deinit {
    for name in contents() {
      let file = "\(path)/\(name)"
      if unlink(file) != 0 { rmdir(file) }
    }
    rmdir(path)
  }

  /// The path of the file `name` in the folder.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// The names in the folder, sorted.
  public func contents() -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a folder in the folder, so that what it lies in can go.
  public func removeFolder(_ name: String) {
    guard let directory = opendir(file(name)) else { return }
    while let entry = readdir(directory) {
      let entry = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if entry != ".", entry != ".." { unlink(file(name) + "/" + entry) }
    }
    closedir(directory)
    rmdir(file(name))
  }
}
