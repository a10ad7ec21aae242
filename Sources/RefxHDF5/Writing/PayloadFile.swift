import Glibc
import Refx

/// A file that is written front to back, and whose first bytes come last.
final class PayloadFile {
  private let descriptor: Int32
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
  private var filled = 0
  /// How many bytes were appended.
  private(set) var position = 0

  /// Opens and empties the file at `path`, which exists.
  init(path: String) throws {
    descriptor = path.withCString { Glibc.open($0, O_WRONLY | O_CLOEXEC | O_TRUNC) }
    guard descriptor >= 0 else { throw RefxError.cannotWriteHDF5(errno: errno) }
  }

  deinit {
    close(descriptor)
    buffer.deallocate()
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    // What is large goes straight to the file, behind what was collected.
    let isLarge = bytes.count >= buffer.count / 4
    if isLarge || bytes.count > buffer.count - filled { try flush() }
    if isLarge {
      try write(bytes, at: position)
    } else {
      UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).copyMemory(from: bytes)
      filled += bytes.count
    }
    position += bytes.count
  }

  func append(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try append($0) }
  }

  /// Zeros up to a multiple of `alignment`.
  func align(to alignment: Int) throws {
    try append([UInt8](repeating: 0, count: (alignment - position % alignment) % alignment))
  }

  func flush() throws {
    let count = filled
    filled = 0
    try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: position - count)
  }

  /// Writes what stands at the front, where room was left for it.
  func replaceStart(with bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try write($0, at: 0) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw RefxError.cannotWriteHDF5(errno: errno)
      }
      guard count > 0 else { throw RefxError.cannotWriteHDF5(errno: EIO) }
      done += count
    }
  }
}
