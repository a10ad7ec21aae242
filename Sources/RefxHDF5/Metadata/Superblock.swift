import RefxStore

/// What stands at the front of a file: how its metadata is written, where its root group is, and where it
/// ends.
struct Superblock {
  /// The bytes before it, which are not HDF5's. Every address is relative to what follows them.
  let userBlock: Int
  /// Bytes of an address and of a length in the file: 2, 4 or 8.
  let addressSize: Int
  let lengthSize: Int
  /// Where in the file HDF5's bytes end.
  let end: Int
  /// The address of the root group's header.
  let root: Int
  /// Where the root group's links are, in files of versions 0 and 1 that say so here too.
  let rootTable: SymbolTable?

  enum Found {
    case known(Superblock)
    /// The file is sound so far, and shorter than it was: it had `expected` bytes.
    case cut(expected: Int)
    /// Libhdf5 has to be asked.
    case unknown
  }

  /// Looks at the start, and behind user blocks of 512, 1024, … bytes.
  static func find(in file: InputFile) -> Found {
    guard let start = place(in: file),
      let bytes = try? file.bytes(at: start, count: min(mostBytes, file.byteCount - start)),
      let (block, extensionAddress) = bytes.withUnsafeBytes({ read($0, at: start) })
    else { return .unknown }
    guard block.end <= file.byteCount else { return .cut(expected: block.end) }
    let metadata = MetadataFile(
      file, userBlock: start, addressSize: block.addressSize, lengthSize: block.lengthSize)
    guard metadata.offset(of: block.root) ?? Int.max < block.end,
      extensionAddress.map({ isHarmless($0, in: metadata) }) ?? true
    else { return .unknown }
    return .known(block)
  }

  private static let signatureBytes: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
  /// Of version 1, with addresses and lengths of eight bytes.
  private static let mostBytes = 100

  private static func place(in file: InputFile) -> Int? {
    var start = 0
    while start <= file.byteCount - signatureBytes.count {
      if let bytes = try? file.bytes(at: start, count: signatureBytes.count), bytes == signatureBytes {
        return start
      }
      start = start == 0 ? 512 : start * 2
    }
    return nil
  }

  private static func read(_ bytes: UnsafeRawBufferPointer, at start: Int) -> (Superblock, extension: Int?)? {
    var fields = Fields(bytes)
    guard fields.skip(signatureBytes.count), let version = fields.int(1) else { return nil }
    switch version {
    case 0, 1: return readOld(&fields, version: version, at: start).map { ($0, nil) }
    // The 3 came with files that are read while they are written.
    case 2, 3: return readNew(&fields, of: bytes, at: start)
    default: return nil
    }
  }

  // MARK: Versions 0 and 1

  private static func readOld(_ fields: inout Fields, version: Int, at start: Int) -> Superblock? {
    // Versions of the free space, of the root group's entry, one that is reserved, of shared headers.
    guard fields.number(2) == 0, fields.skip(1), fields.number(1) == 0, let sizes = Sizes(&fields),
      fields.skip(1), let leafRank = fields.int(2), leafRank > 0, let treeRank = fields.int(2), treeRank > 0,
      fields.number(4) == 0, version == 0 || (fields.int(2) ?? 0) > 0 && fields.skip(2),
      fields.int(sizes.address) == start,
      // Free space, or an extension; then the end, and what the driver that wrote the file has to say.
      case .some(nil) = fields.address(sizes.address),
      case .some(.some(let end)) = fields.address(sizes.address),
      case .some(nil) = fields.address(sizes.address),
      fields.skip(sizes.length), case .some(.some(let root)) = fields.address(sizes.address),
      let cached = fields.int(4), cached <= 1, fields.skip(4), var scratch = fields.subfields(16)
    else { return nil }
    var table: SymbolTable?
    if cached == 1 {
      table = SymbolTable(&scratch, addressSize: sizes.address)
      guard table != nil else { return nil }
    }
    guard end >= start + fields.place else { return nil }
    return Superblock(
      userBlock: start, addressSize: sizes.address, lengthSize: sizes.length, end: end, root: root,
      rootTable: table)
  }

  // MARK: Versions 2 and 3

  private static func readNew(
    _ fields: inout Fields, of bytes: UnsafeRawBufferPointer, at start: Int
  ) -> (Superblock, extension: Int?)? {
    // The flags are those of a file that is being written.
    guard let sizes = Sizes(&fields), fields.number(1) == 0, fields.int(sizes.address) == start,
      case .some(let more) = fields.address(sizes.address),
      case .some(.some(let end)) = fields.address(sizes.address),
      case .some(.some(let root)) = fields.address(sizes.address)
    else { return nil }
    let sum = MetadataChecksum.of(UnsafeRawBufferPointer(rebasing: bytes[..<fields.place]))
    guard fields.number(4) == UInt64(sum), end >= start + fields.place else { return nil }
    let block = Superblock(
      userBlock: start, addressSize: sizes.address, lengthSize: sizes.length, end: end, root: root,
      rootTable: nil)
    return (block, more)
  }

  /// Whether nothing in the extension changes what the rest of the file means.
  private static func isHarmless(_ address: Int, in file: MetadataFile) -> Bool {
    HeaderMessages.forEach(at: address, in: file) { message in
      switch message.type {
      // How wide trees are that somebody makes later, how free space is kept, how often it is linked to.
      case 0x13, 0x16: return !message.isShared
      case 0x17: return !message.isShared && (message.body.first ?? 2) <= 1
      // Tables of shared messages, drivers that spread a file over several, images of caches.
      default: return false
      }
    }
  }

  var geometry: FileGeometry {
    FileGeometry(userBlock: userBlock, addressSize: addressSize, lengthSize: lengthSize, root: UInt(root))
  }

  private struct Sizes {
    let address: Int
    let length: Int

    init?(_ fields: inout Fields) {
      guard let address = fields.int(1), let length = fields.int(1), [2, 4, 8].contains(address),
        [2, 4, 8].contains(length)
      else { return nil }
      self.address = address
      self.length = length
    }
  }
}
