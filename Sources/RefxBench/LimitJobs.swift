import Glibc
import RefxIO

/// What the machine can do at most: the same bytes moved with nothing in between.
enum LimitJobs {
  static let all: [Job] = [
    Job("limit.memcpy", "one copy between two buffers that were touched", keys: "bytes=") { run in
      let count = try run.count("bytes")
      run.bytes = count
      let from = Buffer(count, filledWith: 1)
      let to = Buffer(count, filledWith: 2)
      try run.measure { to.bytes.copyMemory(from: UnsafeRawBufferPointer(from.bytes)) }
      try run.check(to.bytes.last == from.bytes.last, "the same bytes")
    }
  ]
}

/// Memory of its own mapping: it comes from the system at once and goes back to it.
final class Buffer {
  let bytes: UnsafeMutableRawBufferPointer

  /// Fresh memory of zeros that nobody has touched.
  init(_ count: Int) {
    let memory = mmap(nil, max(count, 1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(memory != MAP_FAILED, "no memory for \(count) bytes")
    bytes = UnsafeMutableRawBufferPointer(start: memory, count: count)
  }

  /// Memory that was touched.
  convenience init(_ count: Int, filledWith byte: UInt8) {
    self.init(count)
    memset(bytes.baseAddress!, Int32(byte), count)
  }

  deinit { munmap(bytes.baseAddress, max(bytes.count, 1)) }
}
