import Refx

/// What stands at the end of an archive: where its directory is, and how many members it lists.
struct ZipEnd {
  let directory: Range<Int>
  let count: Int
  /// Where in the file it stands.
  let place: Int

  private static let byteCount = 22
  private static let locatorBytes = 20
  private static let longBytes = 56

  init(of file: InputFile) throws {
    guard file.byteCount >= ZipEnd.byteCount else {
      throw RefxError.cut(file: file.name, offset: 0, wanted: ZipEnd.byteCount, size: file.byteCount)
    }
    // A comment of up to 65,535 bytes may follow, whose length must then fit.
    let tail = min(file.byteCount, ZipEnd.byteCount + 0xFFFF)
    let first = file.byteCount - tail
    let bytes = try file.bytes(at: first, count: tail)
    var found: Int?
    for start in stride(from: tail - ZipEnd.byteCount, through: 0, by: -1)
    where bytes[start] == 0x50 && bytes[start..<(start + 4)].elementsEqual([0x50, 0x4B, 5, 6]) {
      let comment = Int(bytes[start + 20]) | Int(bytes[start + 21]) << 8
      if start + ZipEnd.byteCount + comment == tail {
        found = start
        break
      }
    }
    guard let found else { throw RefxError.zipCut(size: file.byteCount) }
    place = first + found
    let part = Array(bytes[found..<(found + ZipEnd.byteCount)])
    let short = try part.withUnsafeBytes { try ZipEnd.read($0, at: first + found) }
    let long = try ZipEnd.long(of: file, before: place, short)
    let size = long?.size ?? UInt64(short.size)
    let start = long?.start ?? UInt64(short.start)
    let entries = long?.count ?? UInt64(short.count)
    // The directory ends where its end begins: nothing stands between, and nothing before the archive.
    let limit = long?.place ?? place
    guard let size = Int(exactly: size), let start = Int(exactly: start), start <= limit,
      limit - start == size
    else {
      throw RefxError.zipDamaged("the directory is not where the archive's end says", at: place)
    }
    directory = start..<limit
    // An entry takes 46 bytes at least.
    guard let entries = Int(exactly: entries), entries <= size / 46, entries > 0 || size == 0 else {
      throw RefxError.zipDamaged("a directory of \(size) bytes lists \(entries) members", at: place)
    }
    count = entries
  }

  private struct Short {
    let count: Int
    let size: UInt32
    let start: UInt32
  }

  private static func read(_ bytes: UnsafeRawBufferPointer, at place: Int) throws -> Short {
    var fields = ZipFields(bytes, firstByte: place)
    try fields.skip(4)
    let disk = try fields.uint16()
    let directoryDisk = try fields.uint16()
    let countHere = try fields.uint16()
    let count = try fields.uint16()
    let size = try fields.uint32()
    let start = try fields.uint32()
    // 0xFFFF: the longer form says it.
    guard [disk, directoryDisk].allSatisfy({ $0 == 0 || $0 == 0xFFFF }), countHere == count else {
      throw RefxError.zipDamaged("the archive is one of several parts", at: place)
    }
    return Short(count: count, size: size, start: start)
  }

  private struct Long {
    let count: UInt64
    let size: UInt64
    let start: UInt64
    let place: Int
  }

  /// The longer form, which stands before the short one where a number did not fit into that; some writers,
  /// torch's among them, always write it. Then both have to agree.
  private static func long(of file: InputFile, before place: Int, _ short: Short) throws -> Long? {
    let fills = short.count != 0xFFFF && short.size != .max && short.start != .max
    if fills, Int(short.start) + Int(short.size) + locatorBytes + longBytes != place { return nil }
    guard place >= locatorBytes + longBytes else {
      throw RefxError.zipDamaged("the archive's end lacks its longer form", at: place)
    }
    let locator = place - locatorBytes
    let start = try file.bytes(at: locator, count: locatorBytes).withUnsafeBytes { bytes in
      var fields = ZipFields(bytes, firstByte: locator)
      try fields.expect(0x0706_4B50, "place of the longer form of the archive's end")
      try fields.skip(4)
      return try fields.uint64()
    }
    guard start == UInt64(locator - longBytes) else {
      throw RefxError.zipDamaged("the longer form of the archive's end stands elsewhere", at: locator)
    }
    let longPlace = locator - longBytes
    return try file.bytes(at: longPlace, count: longBytes).withUnsafeBytes { bytes in
      var fields = ZipFields(bytes, firstByte: longPlace)
      try fields.expect(0x0606_4B50, "longer form of the archive's end")
      guard try fields.uint64() == UInt64(longBytes - 12) else {
        throw RefxError.zipDamaged("the longer form of the archive's end has another length", at: longPlace)
      }
      try fields.skip(4 + 8)
      let countHere = try fields.uint64()
      let count = try fields.uint64()
      guard countHere == count else {
        throw RefxError.zipDamaged("the archive is one of several parts", at: longPlace)
      }
      let long = Long(count: count, size: try fields.uint64(), start: try fields.uint64(), place: longPlace)
      guard short.count == 0xFFFF || UInt64(short.count) == long.count,
        short.size == .max || UInt64(short.size) == long.size,
        short.start == .max || UInt64(short.start) == long.start
      else {
        throw RefxError.zipDamaged("the two forms of the archive's end say different things", at: longPlace)
      }
      return long
    }
  }
}
