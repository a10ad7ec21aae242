import Refx
import RefxStore

/// What stands around the payload: the header at the start, the directory of sections and the trailer at the
/// end.
struct RefxEnvelope {
  /// A section of the catalogue.
  struct Section {
    let tag: UInt32
    let isRequired: Bool
    let offset: Int
    let byteCount: Int
    let crc32: UInt32
  }

  /// What the header says.
  let version: Int
  /// Where the payload ends and the catalogue starts.
  let catalogueOffset: Int
  let sections: [Section]
}

// MARK: Writing

extension RefxEnvelope {
  static func header() -> [UInt8] {
    var header = SectionWriter()
    header.add(RefxLayout.magic)
    header.add(integer: RefxLayout.version)
    header.add(integer: UInt16(RefxLayout.headerBytes))
    header.add(integer: 0 as UInt32)
    header.add(integer: 0 as UInt64)
    header.add(integer: 0 as UInt64)
    header.add(repeatElement(0, count: 28))
    header.add(integer: header.crc32)
    return header.bytes
  }

  static func directory(of sections: [Section]) -> SectionWriter {
    var directory = SectionWriter()
    for section in sections {
      directory.add(integer: section.tag)
      directory.add(integer: section.isRequired ? RefxLayout.Section.required : 0)
      directory.add(integer: UInt64(section.offset))
      directory.add(integer: UInt64(section.byteCount))
      directory.add(integer: section.crc32)
      directory.add(integer: 0 as UInt32)
    }
    return directory
  }

  static func trailer(
    catalogueOffset: Int, directoryOffset: Int, sections: Int, directoryCRC32: UInt32
  ) -> [UInt8] {
    var trailer = SectionWriter()
    trailer.add(integer: UInt64(catalogueOffset))
    trailer.add(integer: UInt64(directoryOffset))
    trailer.add(integer: UInt32(sections))
    trailer.add(integer: directoryCRC32)
    let byteCount = directoryOffset + sections * RefxLayout.directoryEntryBytes + RefxLayout.trailerBytes
    trailer.add(integer: UInt64(byteCount))
    trailer.add(repeatElement(0, count: 20))
    trailer.add(integer: trailer.crc32)
    trailer.add(RefxLayout.endMagic)
    return trailer.bytes
  }
}

// MARK: Reading

extension RefxEnvelope {
  /// Reads and checks header, trailer and directory.
  init(reading file: InputFile) throws {
    version = try RefxEnvelope.checkedVersion(of: file)
    let end = file.byteCount - RefxLayout.trailerBytes
    let trailer = Fields(try file.bytes(at: end, count: RefxLayout.trailerBytes), at: end)
    guard trailer.bytes[56...].elementsEqual(RefxLayout.endMagic) else {
      throw RefxError.refxIsCut(size: file.byteCount)
    }
    try trailer.checkSum(at: 52, of: "the trailer")
    try trailer.checkZero(32..<52, in: "the trailer")
    let byteCount: UInt64 = trailer.integer(at: 24)
    guard byteCount == UInt64(file.byteCount) else {
      throw RefxError.refxField(
        "the length that the file gives itself", at: end + 24, expected: "\(file.byteCount) bytes",
        found: "\(byteCount)")
    }
    let count = Int(trailer.integer(at: 16) as UInt32)
    guard count <= RefxLayout.mostSections else {
      throw RefxError.beyondLimit(
        "the number of sections", limit: RefxLayout.mostSections, found: count, at: end + 16)
    }
    let directoryBytes = count * RefxLayout.directoryEntryBytes
    // What the trailer says of the directory's place must be the one place where it can be.
    guard end - RefxLayout.headerBytes >= directoryBytes,
      trailer.integer(at: 8) == UInt64(end - directoryBytes)
    else {
      throw RefxError.refxField(
        "the offset of the directory", at: end + 8, expected: "\(end - directoryBytes)",
        found: "\(trailer.integer(at: 8) as UInt64)")
    }
    let directoryOffset = end - directoryBytes
    let stated: UInt64 = trailer.integer(at: 0)
    guard let catalogueOffset = Int(exactly: stated), catalogueOffset >= RefxLayout.headerBytes,
      catalogueOffset <= directoryOffset
    else {
      throw RefxError.refxField(
        "the offset of the catalogue", at: end, expected: "64 to \(directoryOffset)", found: "\(stated)")
    }
    self.catalogueOffset = catalogueOffset
    let directory = Fields(try file.bytes(at: directoryOffset, count: directoryBytes), at: directoryOffset)
    let sum = directory.bytes.withUnsafeBytes { CRC32.of($0) }
    guard sum == trailer.integer(at: 20) else {
      throw RefxError.checksumDiffers(
        "the directory", at: directoryOffset, expected: trailer.integer(at: 20), found: sum)
    }
    sections = try RefxEnvelope.sections(
      in: directory, count: count, from: catalogueOffset, to: directoryOffset)
  }

  /// The version of the file, whose header is checked.
  private static func checkedVersion(of file: InputFile) throws -> Int {
    let start = try file.bytes(at: 0, count: min(file.byteCount, RefxLayout.headerBytes))
    guard start.starts(with: RefxLayout.magic) else {
      throw RefxError.notARefxFile(
        found: start.isEmpty ? "an empty file" : hexadecimal(start.prefix(RefxLayout.magic.count)))
    }
    guard file.byteCount >= RefxLayout.headerBytes + RefxLayout.trailerBytes else {
      throw RefxError.refxIsTooShort(size: file.byteCount)
    }
    let header = Fields(start, at: 0)
    try header.checkSum(at: 60, of: "the header")
    let version: UInt16 = header.integer(at: 8)
    guard version == RefxLayout.version else {
      throw RefxError.refxVersion(Int(version), known: Int(RefxLayout.version))
    }
    let unknown = (header.integer(at: 16) as UInt64) & ~RefxLayout.knownFeatures
    guard unknown == 0 else {
      throw RefxError.refxFeatures((0..<64).filter { unknown >> UInt64($0) & 1 == 1 })
    }
    let headerBytes: UInt16 = header.integer(at: 10)
    guard headerBytes == UInt16(RefxLayout.headerBytes) else {
      throw RefxError.refxField(
        "the length of the header", at: 10, expected: "\(RefxLayout.headerBytes)", found: "\(headerBytes)")
    }
    try header.checkZero(12..<16, in: "the header")
    try header.checkZero(32..<60, in: "the header")
    return Int(version)
  }

  /// The sections tile the catalogue in the order of the directory.
  private static func sections(
    in directory: Fields, count: Int, from start: Int, to end: Int
  ) throws -> [Section] {
    var sections: [Section] = []
    var tags: Set<UInt32> = []
    var place = start
    for number in 0..<count {
      let entry = number * RefxLayout.directoryEntryBytes
      let tag: UInt32 = directory.integer(at: entry)
      let name = nameOfSection(tag)
      let flags: UInt32 = directory.integer(at: entry + 4)
      guard flags <= RefxLayout.Section.required else {
        throw RefxError.refxField(
          "the flags of section \(name)", at: directory.start + entry + 4, expected: "0 or 1",
          found: "\(flags)")
      }
      guard tags.insert(tag).inserted else {
        throw RefxError.refxField(
          "the directory", at: directory.start + entry, expected: "each section once", found: "\(name) again")
      }
      let offset: UInt64 = directory.integer(at: entry + 8)
      let length: UInt64 = directory.integer(at: entry + 16)
      guard offset == UInt64(place), length <= UInt64(end - place) else {
        throw RefxError.refxField(
          "the place of section \(name)", at: directory.start + entry + 8,
          expected: "offset \(place) and at most \(end - place) bytes", found: "\(offset) and \(length)")
      }
      try directory.checkZero(entry + 28..<entry + 32, in: "the directory")
      sections.append(
        Section(
          tag: tag, isRequired: flags == RefxLayout.Section.required, offset: place, byteCount: Int(length),
          crc32: directory.integer(at: entry + 24)))
      place += Int(length)
    }
    guard place == end else {
      throw RefxError.refxField(
        "the catalogue", at: place, expected: "sections up to byte \(end)",
        found: "none from byte \(place) on")
    }
    return sections
  }
}

/// Integers at fixed places of a piece of the file.
private struct Fields {
  let bytes: [UInt8]
  /// Where the piece starts in the file.
  let start: Int

  init(_ bytes: [UInt8], at start: Int) {
    self.bytes = bytes
    self.start = start
  }

  func integer<Number: FixedWidthInteger>(at offset: Int) -> Number {
    bytes.withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Number.self)) }
  }

  /// The checksum at `offset` covers everything before it.
  func checkSum(at offset: Int, of what: String) throws {
    let found = bytes.withUnsafeBytes { CRC32.of(UnsafeRawBufferPointer(rebasing: $0[..<offset])) }
    let expected: UInt32 = integer(at: offset)
    guard expected == found else {
      throw RefxError.checksumDiffers(what, at: start + offset, expected: expected, found: found)
    }
  }

  func checkZero(_ range: Range<Int>, in what: String) throws {
    guard let place = bytes[range].firstIndex(where: { $0 != 0 }) else { return }
    throw RefxError.refxField(
      "a reserved byte of \(what)", at: start + place, expected: "0", found: "\(bytes[place])")
  }
}
