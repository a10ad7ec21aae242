/// Appends bits to memory, the first in the lowest bit of the first byte, as deflate wants them.
struct BitWriter {
  private(set) var bytes: UnsafeMutablePointer<UInt8>
  private var pending: UInt64 = 0
  private var pendingCount: UInt64 = 0

  /// Writes from `start` on; the caller sees to it that there is room, and for eight bytes more.
  init(_ start: UnsafeMutablePointer<UInt8>) {
    bytes = start
  }

  /// How many bits of the byte at ``bytes`` are taken: 0 ..< 8.
  var bitsInByte: Int { Int(pendingCount) }

  /// Appends the low `count` bits of `bits`, which has no others; at most 56.
  @inline(__always)
  mutating func append(_ bits: UInt64, count: UInt64) {
    pending |= bits &<< pendingCount
    pendingCount &+= count
    UnsafeMutableRawPointer(bytes).storeBytes(of: pending.littleEndian, as: UInt64.self)
    bytes += Int(truncatingIfNeeded: pendingCount &>> 3)
    pending &>>= pendingCount & ~7
    pendingCount &= 7
  }

  /// Appends a code as ``PrefixCode/entries`` holds it.
  @inline(__always)
  mutating func append(code entry: UInt32) {
    append(UInt64(entry &>> 6), count: UInt64(entry & 63))
  }

  /// Fills the byte up with zeros.
  mutating func align() {
    if pendingCount > 0 { append(0, count: 8 - pendingCount) }
  }

  /// Appends whole bytes.
  ///
  /// - Precondition: the writer is aligned.
  mutating func append(_ more: UnsafeRawBufferPointer) {
    precondition(pendingCount == 0)
    if let start = more.baseAddress {
      UnsafeMutableRawPointer(bytes).copyMemory(from: start, byteCount: more.count)
    }
    bytes += more.count
  }
}
