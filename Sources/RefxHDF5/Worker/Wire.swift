import Glibc

/// The connection between a process and its worker: messages, each behind its length in eight bytes.
enum Wire {
  /// The first number of an answer.
  enum Outcome {
    /// Says that who answers is a worker of this release.
    static let answer: UInt64 = 0x7265_6678_0001
    static let error: UInt64 = 0x7265_6678_FFFF
  }

  /// - Returns: false where the other side is gone.
  static func send(_ message: [UInt8], to connection: Int32) -> Bool {
    var length = UInt64(message.count).littleEndian
    return withUnsafeBytes(of: &length) { send($0, to: connection) }
      && message.withUnsafeBytes { send($0, to: connection) }
  }

  static func send(_ bytes: UnsafeRawBufferPointer, to connection: Int32) -> Bool {
    var rest = bytes[...]
    while let start = rest.isEmpty ? nil : UnsafeRawBufferPointer(rebasing: rest).baseAddress {
      // A worker that is gone must not take its user with it. What is no socket is written to.
      var count = Glibc.send(connection, start, rest.count, Int32(MSG_NOSIGNAL))
      if count < 0, errno == ENOTSOCK || errno == EPERM { count = write(connection, start, rest.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// - Parameter deadline: when it is too late, in seconds of the clock that only ever goes on.
  /// - Returns: nil where the other side is gone or too late, or says more than `most` bytes.
  static func receive(from connection: Int32, most: Int, deadline: Int = .max) -> [UInt8]? {
    var length: UInt64 = 0
    guard
      withUnsafeMutableBytes(of: &length, { receive(into: $0, from: connection, deadline: deadline) }),
      let count = Int(exactly: UInt64(littleEndian: length)), count <= most
    else { return nil }
    var isWhole = false
    let message = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      isWhole = receive(
        into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]),
        from: connection, deadline: deadline)
      filled = isWhole ? count : 0
    }
    return isWhole ? message : nil
  }

  static func receive(
    into buffer: UnsafeMutableRawBufferPointer, from connection: Int32, deadline: Int
  ) -> Bool {
    var done = 0
    while done < buffer.count {
      if deadline != .max, now() > deadline { return false }
      let count = read(connection, buffer.baseAddress! + done, buffer.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec
  }
}
