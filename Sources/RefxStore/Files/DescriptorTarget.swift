import Glibc
import Refx

/// A descriptor that is written front to back through a buffer: standard output, a pipe.
public final class DescriptorTarget: WriteTarget {
  private let writer: BufferedWriter

  /// - Parameter name: what the target is called in errors, such as "standard output".
  public init(descriptor: Int32, name: String) {
    writer = BufferedWriter(descriptor: descriptor, name: name)
  }

  public var position: Int { writer.position }
  public var temporaryPath: String? { nil }

  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    try writer.append(bytes)
  }

  /// Writes what is still in the buffer. To be called at the end; the descriptor stays open.
  public func flush() throws {
    try writer.flush()
  }
}

/// The temporary of an atomic save as a target.
final class FileTarget: RewritableTarget {
  private let writer: BufferedWriter
  private let path: String
  /// Whether someone asked for the path, to write the file there.
  private(set) var pathWasTaken = false
  private var isOpen = true

  init(descriptor: Int32, name: String, temporaryPath: String) {
    writer = BufferedWriter(descriptor: descriptor, name: name)
    path = temporaryPath
  }

  var descriptor: Int32 { writer.descriptor }
  var position: Int { writer.position }

  var temporaryPath: String? {
    pathWasTaken = true
    return path
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    try writer.append(bytes)
  }

  func replace(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    try writer.replace(bytes, at: offset)
  }

  func flush() throws {
    try writer.flush()
  }

  func close() throws {
    isOpen = false
    guard Glibc.close(descriptor) != 0, errno != EINTR else { return }
    throw RefxError.system("cannot close the file", errno: errno, file: writer.name)
  }

  /// Closes without a word.
  func abandon() {
    if isOpen { _ = Glibc.close(descriptor) }
    isOpen = false
  }
}

/// Small pieces are collected; large ones go straight through.
final class BufferedWriter {
  let descriptor: Int32
  let name: String
  private(set) var position = 0
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
  private var filled = 0

  init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  deinit { buffer.deallocate() }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    if bytes.count > buffer.count - filled { try flush() }
    if bytes.count >= buffer.count {
      try write(bytes)
    } else {
      UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(from: bytes)
      filled += bytes.count
    }
    position += bytes.count
  }

  func flush() throws {
    let count = filled
    filled = 0
    try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }

  /// Writes over what was appended before; needs a descriptor of a file.
  func replace(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    precondition(offset >= 0 && offset + bytes.count <= position)
    try flush()
    try writeAll(bytes) { pwrite(descriptor, $0, $1, off_t(offset + $2)) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    try writeAll(bytes) { bytes, count, _ in Glibc.write(descriptor, bytes, count) }
  }

  /// The whole write: short writes go on, interrupted ones are tried again.
  private func writeAll(
    _ bytes: UnsafeRawBufferPointer, _ write: (UnsafeRawPointer, _ count: Int, _ done: Int) -> Int
  ) throws {
    var done = 0
    while done < bytes.count {
      let count = write(bytes.baseAddress! + done, bytes.count - done, done)
      if count > 0 {
        done += count
      } else if count == 0 {
        throw RefxError.system("cannot write", errno: EIO, file: name)
      } else if errno == EPIPE {
        throw RefxError.readerIsGone(file: name)
      } else if errno != EINTR {
        throw RefxError.system("cannot write", errno: errno, file: name)
      }
    }
  }
}
