import Glibc
import Refx

/// A process, told apart from every other, also from a later one of the same number.
struct ProcessIdentity: Equatable {
  let number: pid_t
  /// When it started, in ticks since the system did; nil where the system does not say.
  let start: UInt64?

  static var own: ProcessIdentity {
    let number = getpid()
    return ProcessIdentity(number: number, start: Status(of: number)?.start)
  }

  /// Whether this process, of this machine, has ended. Where that cannot be told, it lives.
  var hasEnded: Bool {
    if kill(number, 0) != 0, errno == ESRCH { return true }
    guard let status = Status(of: number) else { return false }
    // One that has ended keeps its number until someone asks how.
    if status.isZombie { return true }
    guard let start else { return false }
    return status.start != start
  }

  /// What `/proc` says of a process.
  private struct Status {
    let isZombie: Bool
    let start: UInt64

    init?(of number: pid_t) {
      guard let bytes = contentOfSystemFile("/proc/\(number)/stat"),
        // The name stands in parentheses and may hold anything.
        let end = bytes.lastIndex(of: UInt8(ascii: ")"))
      else { return nil }
      // The third field, the state, is the first of these; see proc(5).
      let fields = bytes[(end + 1)...].split(separator: UInt8(ascii: " "))
      guard fields.count > 19, let start = UInt64(String(decoding: fields[19], as: UTF8.self)),
        let threads = Int(String(decoding: fields[17], as: UTF8.self))
      else { return nil }
      self.start = start
      // A process whose first thread has ended looks like one; its other threads may write.
      let state = fields[0].first
      isZombie = threads <= 1 && (state == UInt8(ascii: "Z") || state == UInt8(ascii: "X"))
    }
  }
}

/// Where a process's number means something: one start of one machine, one space of process numbers.
enum ProcessDomain {
  /// Eight hexadecimal digits.
  static let own: String = {
    var bytes: [UInt8] = []
    var name = [CChar](repeating: 0, count: 256)
    if gethostname(&name, 255) == 0 { bytes += name.map { UInt8(bitPattern: $0) } }
    bytes += contentOfSystemFile("/proc/sys/kernel/random/boot_id") ?? []
    // Containers of one machine may have the same name.
    var link = [CChar](repeating: 0, count: 64)
    let count = readlink("/proc/self/ns/pid", &link, link.count)
    if count > 0 { bytes += link[..<count].map { UInt8(bitPattern: $0) } }
    return hexadecimalHash(bytes)
  }()
}

/// The first bytes of a small file that the system makes up; nil where it cannot be read.
private func contentOfSystemFile(_ path: String) -> [UInt8]? {
  let descriptor = retryingInterrupted { open(path, O_RDONLY | O_CLOEXEC) }
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: 1024)
  let count = bytes.withUnsafeMutableBytes { buffer in
    buffer.baseAddress.map { read(descriptor, $0, buffer.count) } ?? 0
  }
  return count > 0 ? Array(bytes[..<count]) : nil
}

/// Eight hexadecimal digits that stand for `bytes`.
func hexadecimalHash(_ bytes: [UInt8]) -> String {
  let hash = bytes.withUnsafeBytes { ContentHasher.hash($0) }
  return withUnsafeBytes(of: UInt32(truncatingIfNeeded: hash.low).bigEndian) { hexadecimal($0) }
}
