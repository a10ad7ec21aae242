import CFiles
import Glibc
import Refx

extension WriteTarget {
  /// Writes what goes back to earlier bytes: to this target where that can be done, else to a file without a name, of
  /// which this one gets a copy.
  ///
  /// - Throws: what `write` throws, and ``RefxError`` where the system refuses.
  package func rewriting(_ write: (any RewritableTarget) throws -> Void) throws {
    if let target = self as? any RewritableTarget { return try write(target) }
    let file = try UnnamedFile()
    try write(file)
    try file.copy(to: self)
  }
}

/// A file on disk without a name, for what must be complete before it goes to a pipe.
package final class UnnamedFile: RewritableTarget {
  private let writer: BufferedWriter

  /// Makes the file in the system's folder for temporaries.
  ///
  /// - Throws: ``RefxError`` where the system refuses.
  package init() throws {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let descriptor = UnnamedFile.make(in: folder)
    guard descriptor >= 0 else {
      throw RefxError.system("cannot make a temporary file", errno: errno, file: folder)
    }
    writer = BufferedWriter(descriptor: descriptor, name: "a temporary file in \(folder)")
  }

  deinit { close(writer.descriptor) }

  /// Never has a name where the file system can do that; elsewhere it loses it at once.
  private static func make(in folder: String) -> Int32 {
    let unnamed = retryingInterrupted { refx_open_unnamed(folder) }
    guard unnamed < 0, errno != ENOENT, errno != EACCES else { return unnamed }
    var name = Array("\(folder)/refx-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    guard descriptor >= 0 else { return descriptor }
    unlink(name)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  package var position: Int { writer.position }
  package var temporaryPath: String? { nil }

  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    try writer.append(bytes)
  }

  package func replace(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    try writer.replace(bytes, at: offset)
  }

  /// Writes what is still in the buffer, so that it can be read.
  package func flush() throws { try writer.flush() }

  /// What was written, as a file that can be read and not written, and that stays when this one goes.
  package func reopened(name: String) throws -> InputFile {
    try writer.flush()
    let path = "/proc/self/fd/\(writer.descriptor)"
    let descriptor = retryingInterrupted { open(path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      throw RefxError.system("cannot read a temporary file", errno: errno, file: name)
    }
    do { return try InputFile(descriptor: descriptor, name: name) } catch {
      close(descriptor)
      throw error
    }
  }

  /// Fills `buffer` with the bytes from `offset` on, which must have been written and flushed. By any thread.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < buffer.count {
      let count = pread(
        writer.descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw RefxError.system("cannot read", errno: count < 0 ? errno : EIO, file: writer.name)
      }
      done += count
    }
  }

  /// Appends all of it to `target`, a piece at a time.
  package func copy(to target: any WriteTarget) throws {
    try writer.flush()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while true {
      let count = pread(writer.descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count < 0 {
        if errno == EINTR { continue }
        throw RefxError.system("cannot read", errno: errno, file: writer.name)
      }
      if count == 0 { return }
      try target.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
  }
}
