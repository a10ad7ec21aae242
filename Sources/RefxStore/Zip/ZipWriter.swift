import Refx

/// Writes an archive: members one behind the other, each with a header that says all about it, then the directory.
///
/// Nothing depends on the time or the machine. The bytes of each member begin at a multiple of 64, so that who maps
/// the archive finds the elements of arrays aligned; in the longer form (zip64) is only what needs it.
package final class ZipWriter {
  private let target: any RewritableTarget
  /// Where the archive begins in the target.
  private let start: Int
  private var directory: [UInt8] = []
  private var count = 0
  private var current: Member?

  private struct Member {
    let name: [UInt8]
    let isDeflated: Bool
    let byteCount: Int
    /// Where its header stands.
    let place: Int
    let isLong: Bool
    /// Where in its header the longer form is.
    let longPlace: Int
    /// Whether its header needs no more.
    let isSettled: Bool
    var storedByteCount = 0
  }

  package init(_ target: any RewritableTarget) {
    self.target = target
    start = target.position
  }

  private var position: Int { target.position - start }

  /// Begins a member. Its bytes follow with ``append(_:)``, then ``end(crc32:)``.
  ///
  /// - Parameters:
  ///   - name: at most 65,535 bytes of UTF-8.
  ///   - byteCount: how many bytes it has before they are deflated.
  ///   - known: its checksum, and how many bytes will be appended, where both are known: then the header is
  ///     written once.
  package func begin(
    _ name: String, byteCount: Int, isDeflated: Bool, known: (crc32: UInt32, storedByteCount: Int)? = nil
  ) throws {
    let bytes = Array(name.utf8)
    guard bytes.count <= 0xFFFF else { throw RefxError.zipNameTooLong(bytes.count) }
    // What is deflated may become a little longer.
    let isLong = byteCount >= (isDeflated ? 0xFF00_0000 : 0xFFFF_FFFF)
    let place = position
    let stored = known?.storedByteCount ?? (isDeflated ? 0 : byteCount)
    var extra: [UInt8] = []
    if isLong { extra += littleEndian(1, 2) + littleEndian(16, 2) + sizes(byteCount, stored, width: 8) }
    extra += padding(after: place + ZipWriter.headerBytes + bytes.count + extra.count)
    let header =
      littleEndian(0x0403_4B50, 4)
      + common(
        bytes, isDeflated: isDeflated, isLong: isLong, crc32: known?.crc32 ?? 0, byteCount, stored)
      + littleEndian(bytes.count, 2) + littleEndian(extra.count, 2) + bytes + extra
    try target.append(header)
    current = Member(
      name: bytes, isDeflated: isDeflated, byteCount: byteCount, place: place, isLong: isLong,
      longPlace: ZipWriter.headerBytes + bytes.count + 4, isSettled: known != nil)
  }

  /// Appends bytes of the member as they are to be stored.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    try target.append(bytes)
    current?.storedByteCount += bytes.count
  }

  /// - Parameter crc32: the checksum of the bytes before they were deflated.
  package func end(crc32: UInt32) throws {
    guard let member = current else { return }
    current = nil
    if !member.isSettled {
      let short =
        member.isLong
        ? littleEndian(Int(crc32), 4)
        : littleEndian(Int(crc32), 4) + sizes(member.storedByteCount, member.byteCount, width: 4)
      try replace(short, at: member.place + ZipWriter.sumPlace)
      if member.isLong {
        try replace(
          sizes(member.byteCount, member.storedByteCount, width: 8), at: member.place + member.longPlace)
      }
    }
    addToDirectory(member, crc32)
  }

  /// Writes the directory and the end.
  package func finish() throws {
    let place = position
    let size = directory.count
    try target.append(directory)
    let isLong = count >= 0xFFFF || place >= 0xFFFF_FFFF || size >= 0xFFFF_FFFF
    if isLong {
      let long = position
      try target.append(
        littleEndian(0x0606_4B50, 4) + littleEndian(44, 8) + littleEndian(ZipWriter.maker | 45, 2)
          + littleEndian(45, 2)
          + littleEndian(0, 8) + littleEndian(count, 8) + littleEndian(count, 8) + littleEndian(size, 8)
          + littleEndian(place, 8))
      try target.append(
        littleEndian(0x0706_4B50, 4) + littleEndian(0, 4) + littleEndian(long, 8) + littleEndian(1, 4))
    }
    let entries = min(count, 0xFFFF)
    try target.append(
      littleEndian(0x0605_4B50, 4) + littleEndian(0, 4) + littleEndian(entries, 2) + littleEndian(entries, 2)
        + littleEndian(min(size, 0xFFFF_FFFF), 4) + littleEndian(min(place, 0xFFFF_FFFF), 4)
        + littleEndian(0, 2))
  }

  // MARK: Fields

  private static let headerBytes = 30
  /// Where in a header the checksum and the sizes are.
  private static let sumPlace = 14
  /// Made on Unix, so that the type of a member's file is known: a regular one.
  private static let maker = 3 << 8
  private static let attributes = 0o100644 << 16
  private static let alignment = 64

  /// What a header and an entry of the directory have in common.
  private func common(
    _ name: [UInt8], isDeflated: Bool, isLong: Bool, crc32: UInt32, _ byteCount: Int, _ stored: Int
  ) -> [UInt8] {
    let flags = name.allSatisfy { $0 < 0x80 } ? 0 : 0x800
    // The first day that the format can say.
    let date = 1 << 5 | 1
    return littleEndian(isLong ? 45 : 20, 2) + littleEndian(flags, 2) + littleEndian(isDeflated ? 8 : 0, 2)
      + littleEndian(0, 2) + littleEndian(date, 2) + littleEndian(Int(crc32), 4)
      + (isLong ? littleEndian(-1, 8) : sizes(stored, byteCount, width: 4))
  }

  private func addToDirectory(_ member: Member, _ crc32: UInt32) {
    var long: [UInt8] = []
    if member.isLong { long += sizes(member.byteCount, member.storedByteCount, width: 8) }
    let isFar = member.place >= 0xFFFF_FFFF
    if isFar { long += littleEndian(member.place, 8) }
    let extra = long.isEmpty ? [] : littleEndian(1, 2) + littleEndian(long.count, 2) + long
    directory += littleEndian(0x0201_4B50, 4) + littleEndian(ZipWriter.maker | (extra.isEmpty ? 20 : 45), 2)
    directory += common(
      member.name, isDeflated: member.isDeflated, isLong: member.isLong, crc32: crc32, member.byteCount,
      member.storedByteCount)
    directory += littleEndian(member.name.count, 2) + littleEndian(extra.count, 2) + littleEndian(0, 6)
    directory += littleEndian(ZipWriter.attributes, 4)
    directory += littleEndian(isFar ? 0xFFFF_FFFF : member.place, 4) + member.name + extra
    count += 1
  }

  /// A field that takes the bytes behind it to a multiple of the alignment: Android's, which says that number.
  private func padding(after place: Int) -> [UInt8] {
    var room = (ZipWriter.alignment - place % ZipWriter.alignment) % ZipWriter.alignment
    if room == 0 { return [] }
    if room < 6 { room += ZipWriter.alignment }
    return littleEndian(0xD935, 2) + littleEndian(room - 4, 2) + littleEndian(ZipWriter.alignment, 2)
      + [UInt8](repeating: 0, count: room - 6)
  }

  private func sizes(_ first: Int, _ second: Int, width: Int) -> [UInt8] {
    littleEndian(first, width) + littleEndian(second, width)
  }

  private func littleEndian(_ number: Int, _ width: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(truncatingIfNeeded: number).littleEndian) { Array($0[..<width]) }
  }

  private func replace(_ bytes: [UInt8], at place: Int) throws {
    try bytes.withUnsafeBytes { try target.replace($0, at: start + place) }
  }
}
