import Glibc
import Refx
import Synchronization

/// A file that is read, or bytes that stand for one. Its descriptor stays open while anything reads from it.
public final class InputFile: Sendable {
  /// As its user named it; said in errors.
  public let name: String
  /// The size when the file was opened.
  public let byteCount: Int
  private let content: Content

  private enum Content: Sendable {
    case descriptor(Int32)
    case memory(MemoryBytes)
    case region(any FileRegion)
  }
  /// The bytes of a region as a file, once somebody needed one.
  private let copy = Mutex<InputFile?>(nil)

  /// Opens the file at `path` to read.
  ///
  /// - Throws: ``RefxError`` where it is missing, may not be read, or is no regular file.
  public init(path: String) throws {
    name = path
    // O_NONBLOCK, so that a FIFO is refused below and not waited for.
    let descriptor = path.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw RefxError.system("cannot open the file", errno: errno, file: path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let reason = errno
      close(descriptor)
      throw RefxError.system("cannot look at the file", errno: reason, file: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw RefxError.notAFileToRead(kind: kindOfFile(mode: status.st_mode), file: path)
    }
    byteCount = Int(status.st_size)
    content = .descriptor(descriptor)
  }

  /// Reads the file that is open as `descriptor`, which is closed with the last reader.
  ///
  /// - Throws: ``RefxError`` where it is no regular file.
  package init(descriptor: Int32, name: String) throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw RefxError.system("cannot look at the file", errno: errno, file: name)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw RefxError.notARegularFile(kind: kindOfFile(mode: status.st_mode), file: name)
    }
    self.name = name
    byteCount = Int(status.st_size)
    content = .descriptor(descriptor)
  }

  /// Lets `bytes` stand for a file called `name`. Copies nothing.
  public init(_ bytes: MemoryBytes, name: String) {
    self.name = name
    byteCount = bytes.byteCount
    content = .memory(bytes)
  }

  /// Lets a part of a file, such as a member of an archive, stand for a file called `name`. Copies nothing.
  package init(_ region: any FileRegion, name: String) {
    self.name = name
    byteCount = region.byteCount
    content = .region(region)
  }

  deinit {
    if case .descriptor(let descriptor) = content { close(descriptor) }
  }

  /// The file's descriptor; nil where bytes in memory, or a part of a file, stand for a file.
  public var descriptor: Int32? {
    if case .descriptor(let descriptor) = content { descriptor } else { nil }
  }

  /// The bytes in memory that stand for a file; nil for a file on disk.
  public var memory: MemoryBytes? {
    if case .memory(let bytes) = content { bytes } else { nil }
  }

  /// These bytes for who can only read whole files or memory: the same, or a copy of a part of a file in a file
  /// without a name, which is made once.
  ///
  /// - Throws: ``RefxError`` where the part cannot be read, or no such file be made.
  package func standingAlone() throws -> InputFile {
    guard case .region(let region) = content else { return self }
    return try copy.withLock { copy in
      if let copy { return copy }
      let made = try UnnamedFile()
      let buffer = ByteBuffer()
      while made.position < byteCount {
        let part = buffer.room(for: min(1 << 20, byteCount - made.position))
        try region.read(at: made.position, into: part)
        try made.append(UnsafeRawBufferPointer(part))
      }
      let file = try made.reopened(name: name)
      copy = file
      return file
    }
  }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// - Throws: ``RefxError`` where the file is shorter, or the system cannot read it.
  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard offset >= 0, offset <= byteCount, buffer.count <= byteCount - offset else {
      throw RefxError.cut(file: name, offset: offset, wanted: buffer.count, size: byteCount)
    }
    switch content {
    case .memory(let bytes): bytes.read(at: offset, into: buffer)
    case .region(let region): try region.read(at: offset, into: buffer)
    case .descriptor(let descriptor):
      var done = 0
      while done < buffer.count {
        let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
        if count < 0 {
          if errno == EINTR { continue }
          throw RefxError.system("cannot read", errno: errno, file: name)
        }
        // The file was cut by someone after it was opened.
        guard count > 0 else {
          throw RefxError.cut(file: name, offset: offset, wanted: buffer.count, size: offset + done)
        }
        done += count
      }
    }
  }

  /// The `count` bytes from `offset` on.
  public func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    guard count >= 0, offset >= 0, offset <= byteCount, count <= byteCount - offset else {
      throw RefxError.cut(file: name, offset: offset, wanted: count, size: byteCount)
    }
    // An array that gets no memory ends the process, and a file that is mostly a hole may have any size.
    if count > 1 << 26 {
      guard let room = malloc(count) else { throw RefxError.outOfMemory("hold \(count) bytes of \(name)") }
      free(room)
    }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
      filled = count
    }
  }
}

/// What a file that is no regular file is called.
func kindOfFile(mode: mode_t) -> String {
  switch mode & S_IFMT {
  case S_IFREG: "a file"
  case S_IFDIR: "a folder"
  case S_IFIFO: "a FIFO"
  case S_IFSOCK: "a socket"
  default: "a device"
  }
}
