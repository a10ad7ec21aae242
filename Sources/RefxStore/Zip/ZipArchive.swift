import Refx

/// The directory of a zip archive, as the ZIP application note describes it, checked as a whole before anything
/// of it is read.
///
/// An archive says everything twice, at its end and before each member, and readers differ in whom they believe.
/// So both have to agree; members have names of their own, lie side by side without an overlap, and are stored or
/// deflated. Nothing is ever unpacked to a place that an archive names.
package struct ZipArchive {
  package struct Member: Sendable {
    /// The name, which is only ever a name.
    package let name: String
    /// Where in the file its stored bytes lie.
    package let stored: Range<Int>
    package let isDeflated: Bool
    /// How many bytes it has.
    package let byteCount: Int
    package let crc32: UInt32
  }

  /// In the order of the directory.
  package private(set) var members: [Member] = []
  private let extraNameBytes: Int

  /// Whether the file begins as an archive does; one without members begins with its end.
  package static func recognises(_ file: InputFile) -> Bool {
    guard let start = try? file.bytes(at: 0, count: 4) else { return false }
    return start == [0x50, 0x4B, 3, 4] || start == [0x50, 0x4B, 5, 6]
  }

  /// The name that stands before the first member, by which formats know their own. Reads no directory.
  ///
  /// - Returns: nil where there is no member, or the file ends before.
  package static func firstName(of file: InputFile) -> [UInt8]? {
    guard recognises(file), let head = try? file.bytes(at: 0, count: 30), head[2] == 3 else { return nil }
    return try? file.bytes(at: 30, count: Int(head[26]) | Int(head[27]) << 8)
  }

  /// - Parameters:
  ///   - extraMembers: how many members may be no node of the tree.
  ///   - extraNameBytes: how many bytes of a member's name are the format's own.
  /// - Throws: ``RefxError`` where the directory is cut, damaged, ambiguous, or of a kind that is not read.
  package init(
    of file: InputFile, _ budget: Budget, extraMembers: Int = 0, extraNameBytes: Int = 0
  ) throws {
    self.extraNameBytes = extraNameBytes
    let end = try ZipEnd(of: file)
    try budget.check(nodes: max(0, end.count - extraMembers), at: end.place)
    try budget.charge(metadataBytes: end.directory.count, at: end.directory.lowerBound)
    let bytes = try file.bytes(at: end.directory.lowerBound, count: end.directory.count)
    try bytes.withUnsafeBytes { try read($0, end, in: file, budget) }
  }

  private mutating func read(
    _ bytes: UnsafeRawBufferPointer, _ end: ZipEnd, in file: InputFile, _ budget: Budget
  ) throws {
    var scanner = ZipFields(bytes, firstByte: end.directory.lowerBound)
    var names: Set<Key> = []
    var places: [Range<Int>] = []
    members.reserveCapacity(end.count)
    for _ in 0..<end.count {
      let entry = try ZipEntry(&scanner)
      try budget.check(nameBytes: max(0, entry.name.utf8.count - extraNameBytes), at: entry.place)
      guard names.insert(Key(entry.name)).inserted else {
        throw RefxError.zipDamaged("two members have the name \"\(entry.name)\"", at: entry.place)
      }
      let header = try ZipLocalHeader(of: entry, in: file, before: end.directory.lowerBound)
      places.append(entry.headerPlace..<header.dataEnd)
      members.append(
        Member(
          name: entry.name, stored: header.data, isDeflated: entry.isDeflated, byteCount: entry.byteCount,
          crc32: entry.crc32))
    }
    guard scanner.isAtEnd else {
      throw RefxError.zipDamaged("the directory has more than its \(end.count) members", at: scanner.place)
    }
    try checkPlaces(places)
  }

  /// One byte belongs to one member, so that an archive cannot hold more than its size allows.
  private func checkPlaces(_ places: [Range<Int>]) throws {
    let sorted = places.sorted { $0.lowerBound < $1.lowerBound }
    for (place, next) in zip(sorted, sorted.dropFirst()) where place.upperBound > next.lowerBound {
      throw RefxError.zipDamaged("two members lie in the same bytes", at: next.lowerBound)
    }
  }
}
