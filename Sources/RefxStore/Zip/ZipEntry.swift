import Refx

/// What the directory says of one member.
struct ZipEntry {
  /// Where the directory speaks of it.
  let place: Int
  let name: String
  let rawName: [UInt8]
  let flags: Int
  let isDeflated: Bool
  let crc32: UInt32
  let storedByteCount: Int
  let byteCount: Int
  /// Where the member's own header stands.
  let headerPlace: Int

  init(_ fields: inout ZipFields) throws {
    place = fields.place
    try fields.expect(0x0201_4B50, "entry of the directory")
    let maker = try fields.uint16() >> 8
    try fields.skip(2)
    flags = try fields.uint16()
    let method = try fields.uint16()
    try fields.skip(4)
    crc32 = try fields.uint32()
    let stored = try fields.uint32()
    let size = try fields.uint32()
    let nameCount = try fields.uint16()
    let extraCount = try fields.uint16()
    let commentCount = try fields.uint16()
    let disk = try fields.uint16()
    try fields.skip(2)
    let attributes = try fields.uint32()
    let start = try fields.uint32()
    rawName = Array(try fields.take(nameCount))
    let extra = try fields.take(extraCount)
    try fields.skip(commentCount)

    guard let name = String(validating: rawName, as: UTF8.self), !rawName.isEmpty, !rawName.contains(0) else {
      throw RefxError.zipDamaged("a member's name is not UTF-8", at: place)
    }
    self.name = name
    guard flags & 0x41 == 0 else { throw RefxError.zipMember(name, "is encrypted", at: place) }
    switch method {
    case 0: isDeflated = false
    case 8: isDeflated = true
    default:
      throw RefxError.zipMember(
        name, "is packed by method \(method), and only stored and deflated ones are read", at: place)
    }
    // Made on Unix, with the type of a symbolic link.
    guard maker != 3 || attributes >> 28 != 0xA else {
      throw RefxError.zipMember(name, "is a symbolic link, which is never followed", at: place)
    }
    guard disk == 0 || disk == 0xFFFF else {
      throw RefxError.zipDamaged("the archive is one of several parts", at: place)
    }
    // In this order they stand in the longer form.
    var long = LongNumbers(try ZipEntry.longNumbers(extra, at: place), place: place)
    byteCount = try long.number(size)
    storedByteCount = try long.number(stored)
    headerPlace = try long.number(start)
    // Deflate packs at most 1 : 1032.
    guard isDeflated ? byteCount / 1040 <= storedByteCount : byteCount == storedByteCount else {
      throw RefxError.zipMember(
        name, "declares \(byteCount) bytes, which \(storedByteCount) stored ones cannot hold", at: place)
    }
  }

  /// Numbers of four bytes, or of eight where those were too few.
  private struct LongNumbers {
    private var rest: ArraySlice<UInt64>
    private let place: Int

    init(_ numbers: [UInt64], place: Int) {
      rest = numbers[...]
      self.place = place
    }

    mutating func number(_ short: UInt32) throws -> Int {
      if short != .max { return Int(short) }
      guard let number = rest.popFirst().flatMap({ Int(exactly: $0) }) else {
        throw RefxError.zipDamaged("a member lacks the longer form of its size or place", at: place)
      }
      return number
    }
  }

  /// The numbers of eight bytes in the extra field that is for them.
  private static func longNumbers(_ extra: UnsafeRawBufferPointer, at place: Int) throws -> [UInt64] {
    var fields = ZipFields(extra, firstByte: place)
    var found: [UInt64] = []
    // Some writers pad with less than a field.
    while extra.count - (fields.place - place) >= 4 {
      let kind = try fields.uint16()
      let count = try fields.uint16()
      guard kind == 1 else {
        try fields.skip(count)
        continue
      }
      guard found.isEmpty else { throw RefxError.zipDamaged("a member has two longer forms", at: place) }
      for _ in 0..<(count / 8) { found.append(try fields.uint64()) }
      try fields.skip(count % 8)
    }
    return found
  }
}

/// What stands before a member's bytes, which must say the same as the directory.
struct ZipLocalHeader {
  /// The stored bytes.
  let data: Range<Int>
  /// Where what belongs to the member ends.
  var dataEnd: Int { data.upperBound }

  private static let byteCount = 30

  init(of entry: ZipEntry, in file: InputFile, before limit: Int) throws {
    let start = entry.headerPlace
    func damaged(_ what: String) -> RefxError { .zipMember(entry.name, what, at: start) }
    guard start <= limit, limit - start >= ZipLocalHeader.byteCount + entry.rawName.count else {
      throw damaged("lies beyond the archive's members")
    }
    let bytes = try file.bytes(at: start, count: ZipLocalHeader.byteCount + entry.rawName.count)
    let length = try bytes.withUnsafeBytes { bytes in
      var fields = ZipFields(bytes, firstByte: start)
      try fields.expect(0x0403_4B50, "member where the directory says")
      try fields.skip(2)
      guard try fields.uint16() == entry.flags, try fields.uint16() == (entry.isDeflated ? 8 : 0) else {
        throw damaged("is packed otherwise than the directory says")
      }
      try fields.skip(4)
      let crc32 = try fields.uint32()
      let stored = try fields.uint32()
      let size = try fields.uint32()
      // Where the sizes follow the data, they are zeros here.
      if entry.flags & 8 == 0 {
        guard crc32 == entry.crc32, stored == .max || Int(stored) == entry.storedByteCount,
          size == .max || Int(size) == entry.byteCount
        else { throw damaged("has another size or checksum than the directory says") }
      }
      let nameCount = try fields.uint16()
      let extraCount = try fields.uint16()
      guard nameCount == entry.rawName.count, try fields.take(nameCount).elementsEqual(entry.rawName) else {
        throw damaged("has another name than the directory says")
      }
      return ZipLocalHeader.byteCount + nameCount + extraCount
    }
    guard length <= limit - start, entry.storedByteCount <= limit - start - length else {
      throw damaged("lies beyond the archive's members")
    }
    data = (start + length)..<(start + length + entry.storedByteCount)
  }
}
