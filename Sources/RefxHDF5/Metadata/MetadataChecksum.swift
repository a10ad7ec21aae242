/// The checksum that HDF5 puts behind its newer metadata: Bob Jenkins' "lookup3" hash, over bytes taken as
/// little-endian words, with 0 to start from.
enum MetadataChecksum {
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var a = 0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count)
    var b = a
    var c = a
    guard var rest = bytes.baseAddress, !bytes.isEmpty else { return c }
    var count = bytes.count
    func word(_ place: Int) -> UInt32 {
      UInt32(littleEndian: rest.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }
    while count > 12 {
      a &+= word(0)
      b &+= word(4)
      c &+= word(8)
      mix(&a, &b, &c)
      rest += 12
      count -= 12
    }
    // The last 1 to 12 bytes, as if zeros followed.
    var last: (UInt32, UInt32, UInt32) = (0, 0, 0)
    withUnsafeMutableBytes(of: &last) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: rest, count: count))
    }
    a &+= UInt32(littleEndian: last.0)
    b &+= UInt32(littleEndian: last.1)
    c &+= UInt32(littleEndian: last.2)
    finish(&a, &b, &c)
    return c
  }

  private static func rotated(_ x: UInt32, _ by: UInt32) -> UInt32 { x &<< by | x &>> (32 &- by) }

  private static func mix(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    a = (a &- c) ^ rotated(c, 4)
    c &+= b
    b = (b &- a) ^ rotated(a, 6)
    a &+= c
    c = (c &- b) ^ rotated(b, 8)
    b &+= a
    a = (a &- c) ^ rotated(c, 16)
    c &+= b
    b = (b &- a) ^ rotated(a, 19)
    a &+= c
    c = (c &- b) ^ rotated(b, 4)
    b &+= a
  }

  private static func finish(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
    c = (c ^ b) &- rotated(b, 14)
    a = (a ^ c) &- rotated(c, 11)
    b = (b ^ a) &- rotated(a, 25)
    c = (c ^ b) &- rotated(b, 16)
    a = (a ^ c) &- rotated(c, 4)
    b = (b ^ a) &- rotated(a, 14)
    c = (c ^ b) &- rotated(b, 24)
  }
}
