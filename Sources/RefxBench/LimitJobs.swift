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
    },
    Job("room", "memory touched and given back, so that the system has it at hand", keys: "bytes=") { run in
      // A virtual machine gives what it does not use back to its host, and getting it again costs many times
      // what the page itself does: whoever comes first pays for all.
      let count = try run.count("bytes")
      run.bytes = count
      let buffer = Buffer(count)
      madvise(buffer.bytes.baseAddress, count, MADV_HUGEPAGE)
      let sum = try run.measure {
        for place in stride(from: 0, to: count, by: 4096) { buffer.bytes[place] = 1 }
        return touch(UnsafeRawBufferPointer(buffer.bytes))
      }
      run.note("touched", .integer(Int64(sum)))
    },
    Job("limit.write", "write() of bytes in memory to a new file", keys: "in= out=") { run in
      try write(run, syncing: false)
    },
    Job("limit.writesync", "write() and fsync()", keys: "in= out=") { run in try write(run, syncing: true) },
    Job("limit.pread", "pread() into memory that was touched", keys: "in=") { run in
      try read(run) { Buffer($0, filledWith: 1) }
    },
    Job("limit.freshpread", "pread() into memory that nobody touched before", keys: "in=") { run in
      try read(run) { Buffer($0) }
    },
    Job("limit.hugepread", "pread() into fresh memory in huge pages", keys: "in=") { run in
      try read(run) { count in
        let buffer = Buffer(count)
        madvise(buffer.bytes.baseAddress, count, MADV_HUGEPAGE)
        return buffer
      }
    },
    Job("limit.touch", "a file mapped, and a byte of every page looked at", keys: "in=") { run in
      let file = try OpenFile(try run.text("in"))
      run.bytes = file.byteCount
      let sum = try run.measure {
        guard let memory = mmap(nil, file.byteCount, PROT_READ, MAP_SHARED, file.descriptor, 0),
          memory != MAP_FAILED
        else { throw Trouble("mmap: \(errno)") }
        return touch(UnsafeRawBufferPointer(start: memory, count: file.byteCount))
      }
      run.note("touched", .integer(Int64(sum)))
    },
  ]

  private static let piece = 4 << 20

  private static func write(_ run: Run, syncing: Bool) throws {
    let file = try OpenFile(try run.text("in"))
    let content = try file.content()
    let bytes = content.bytes
    run.bytes = bytes.count
    let out = try run.text("out")
    defer { withExtendedLifetime(content) {} }
    try run.measure {
      let descriptor = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
      guard descriptor >= 0 else { throw Trouble("cannot open \(out)") }
      var done = 0
      while done < bytes.count {
        let written = Glibc.write(descriptor, bytes.baseAddress! + done, min(piece, bytes.count - done))
        guard written > 0 else { throw Trouble("cannot write \(out)") }
        done += written
      }
      if syncing { guard fsync(descriptor) == 0 else { throw Trouble("cannot sync \(out)") } }
      close(descriptor)
    }
  }

  private static func read(_ run: Run, _ memory: (Int) -> Buffer) throws {
    let file = try OpenFile(try run.text("in"))
    run.bytes = file.byteCount
    run.held = file.byteCount
    let warm = memory(file.byteCount)
    let last = try run.measure {
      try file.read(into: warm.bytes)
      return warm.bytes.last
    }
    try run.check(last != nil, "bytes")
  }
}

/// Looks at one byte of every page and gives their sum, so that no compiler leaves it out.
func touch(_ bytes: UnsafeRawBufferPointer) -> Int {
  var sum = 0
  var place = 0
  while place < bytes.count {
    sum &+= Int(bytes[place])
    place += 4096
  }
  return sum
}

/// Memory of its own mapping: it comes from the system at once and goes back to it.
final class Buffer: @unchecked Sendable {
  // Sendable: whoever fills it does so before he hands it on.
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

/// A file that is read by the system's own calls.
final class OpenFile {
  let descriptor: Int32
  let byteCount: Int

  init(_ path: String) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Trouble("cannot open \(path)") }
    byteCount = Int(lseek(descriptor, 0, SEEK_END))
  }

  deinit { close(descriptor) }

  /// Fills `bytes` from the start of the file.
  func read(into bytes: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = pread(descriptor, bytes.baseAddress! + done, min(4 << 20, bytes.count - done), off_t(done))
      guard count > 0 else { throw Trouble("cannot read") }
      done += count
    }
  }

  /// The whole file in memory.
  func content() throws -> Buffer {
    let buffer = Buffer(byteCount)
    try read(into: buffer.bytes)
    return buffer
  }
}
