import Glibc
import Refx
import RefxStore

/// A file that several ranks write at once, each to places of its own.
public protocol RankedFile: AnyObject {
  /// Writes all of `bytes`; where the file collects them, they may be written with ``endRound()`` only.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws

  /// Called by all ranks at the same times.
  func endRound() throws

  /// Everything that was written is on the disk when this returns, where that is asked for. Called by all ranks.
  func finish(durable: Bool) throws

  /// Ends it without a word. Safe to call at any time, on any rank.
  func abandon()
}

/// The file as the system has it.
final class PosixFile: RankedFile {
  private var descriptor: Int32
  private let name: String

  /// - Parameter name: what the file is called in errors.
  init(_ path: String, name: String) throws {
    self.name = name
    descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      throw RefxError.system("cannot open the new file", errno: errno, file: name)
    }
  }

  deinit { abandon() }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let count = pwrite(descriptor, start + done, bytes.count - done, off_t(offset + done))
      if count > 0 {
        done += count
      } else if count == 0 || errno != EINTR {
        throw RefxError.system("cannot write", errno: count == 0 ? EIO : errno, file: name)
      }
    }
  }

  func endRound() {}

  func finish(durable: Bool) throws {
    if durable, fsync(descriptor) != 0 {
      throw RefxError.system("cannot sync the file", errno: errno, file: name)
    }
    let closed = close(descriptor)
    descriptor = -1
    if closed != 0, errno != EINTR {
      throw RefxError.system("cannot close the file", errno: errno, file: name)
    }
  }

  func abandon() {
    if descriptor >= 0 { _ = close(descriptor) }
    descriptor = -1
  }
}
