/// How a dataset says where its chunks are, from HDF5 1.10 on. Each chunk has the number that it has in C order
/// in the grid of the largest extents that the dataset may get.
enum ChunkListing: Equatable, Sendable {
  /// There is one chunk at most. A size is said where it was filtered.
  case single(address: Int?, byteCount: Int?, mask: UInt32)
  /// Side by side, none filtered.
  case implicit(address: Int?)
  /// A list of as many entries as there may be chunks.
  case fixedArray(address: Int?)
  /// A tree of records.
  case tree(address: Int?)

  /// What follows the extents of a chunk in a layout message.
  ///
  /// - Returns: nil where libhdf5 has to be asked, as about arrays that grow.
  init?(_ fields: inout Fields, flags: Int, _ file: MetadataFile) {
    // A 1 says that chunks at the edge are not filtered.
    guard flags & 1 == 0, let kind = fields.int(1) else { return nil }
    var size: (byteCount: Int, mask: UInt32)?
    switch kind {
    case 1 where flags & 2 != 0:
      guard let byteCount = fields.int(file.lengthSize), let mask = fields.number(4) else { return nil }
      size = (byteCount, UInt32(mask))
    case 1, 2: break
    case 3: guard fields.skip(1) else { return nil }
    case 5: guard fields.skip(6) else { return nil }
    default: return nil
    }
    guard case .some(let address) = fields.address(file.addressSize) else { return nil }
    switch kind {
    case 1: self = .single(address: address, byteCount: size?.byteCount, mask: size?.mask ?? 0)
    case 2: self = .implicit(address: address)
    case 3: self = .fixedArray(address: address)
    default: self = .tree(address: address)
    }
  }
}

/// Goes through the chunks that a listing names.
struct ChunkListReader {
  let file: MetadataFile
  /// How many chunks there may be along each axis.
  let counts: [Int]
  /// Of a chunk that is not filtered.
  let chunkBytes: Int
  let isFiltered: Bool

  struct Entry: Equatable {
    let position: [Int]
    /// Where in the file.
    let offset: Int
    let byteCount: Int
    let mask: UInt32
  }

  /// Calls `body` with each chunk that was written, in C order, until it returns false.
  ///
  /// - Returns: false where the listing is not as it must be, or `body` returned false.
  func forEach(of listing: ChunkListing, _ body: (Entry) -> Bool) -> Bool {
    switch listing {
    case .single(nil, _, _), .implicit(nil), .fixedArray(nil), .tree(nil): return true
    case .single(let address?, let byteCount, let mask):
      guard counts.allSatisfy({ $0 == 1 }), (byteCount != nil) == isFiltered else { return false }
      return add(counts.map { _ in 0 }, address, byteCount ?? chunkBytes, mask, body)
    case .implicit(let address?):
      guard !isFiltered, let count = total, count <= file.byteCount else { return false }
      for number in 0..<count {
        let (place, overflow) = number.multipliedReportingOverflow(by: chunkBytes)
        let (start, another) = address.addingReportingOverflow(place)
        guard !overflow, !another, add(position(of: number), start, chunkBytes, 0, body) else { return false }
      }
      return true
    case .fixedArray(let address?): return fixedArray(at: address, body)
    case .tree(let address?): return tree(at: address, body)
    }
  }

  private func add(
    _ position: [Int], _ address: Int, _ byteCount: Int, _ mask: UInt32, _ body: (Entry) -> Bool
  ) -> Bool {
    guard let offset = file.offset(of: address), byteCount > 0, offset <= file.byteCount,
      byteCount <= file.byteCount - offset
    else { return false }
    return body(Entry(position: position, offset: offset, byteCount: byteCount, mask: mask))
  }

  /// How many chunks there may be; nil where they cannot be counted.
  private var total: Int? {
    var total = 1
    for count in counts {
      let (product, overflow) = total.multipliedReportingOverflow(by: count)
      guard !overflow else { return nil }
      total = product
    }
    return total
  }

  private func position(of number: Int) -> [Int] {
    var position = counts
    var rest = number
    for axis in counts.indices.reversed() {
      position[axis] = rest % counts[axis]
      rest /= counts[axis]
    }
    return position
  }

  // MARK: Arrays

  /// How many bytes the length of a filtered chunk may take.
  private static let lengthSizes = 1...8

  private func fixedArray(at address: Int, _ body: (Entry) -> Bool) -> Bool {
    let headBytes = 8 + file.lengthSize + file.addressSize + 4
    guard let place = file.offset(of: address), let total, total > 0 else { return false }
    typealias Head = (entryBytes: Int, pageBits: Int, block: Int?)
    let head = file.withBytes(at: place, least: headBytes) { bytes -> Head? in
      guard var fields = Fields(bytes, checkedBySumAt: headBytes - 4), fields.follows("FAHD"),
        fields.number(1) == 0, fields.int(1) == (isFiltered ? 1 : 0), let entryBytes = fields.int(1),
        let pageBits = fields.int(1), fields.int(file.lengthSize) == total,
        case .some(let block) = fields.address(file.addressSize)
      else { return nil }
      return (entryBytes, pageBits, block)
    }
    guard let head, (1...32).contains(head.pageBits), total <= file.byteCount,
      isFiltered
        ? ChunkListReader.lengthSizes.contains(head.entryBytes - file.addressSize - 4)
        : head.entryBytes == file.addressSize
    else { return false }
    guard let block = head.block else { return true }
    return entries(in: block, of: address, head.entryBytes, pageBits: head.pageBits, total, body)
  }

  /// The block of a fixed array: entries and a checksum, or pages of them, each with a checksum of its own.
  private func entries(
    in block: Int, of array: Int, _ entryBytes: Int, pageBits: Int, _ total: Int, _ body: (Entry) -> Bool
  ) -> Bool {
    let pageCount = total > 1 << pageBits ? (total - 1) >> pageBits + 1 : 0
    let mapBytes = (pageCount + 7) / 8
    let frontBytes = 6 + file.addressSize + mapBytes
    let ownBytes = pageCount == 0 ? total * entryBytes : 0
    guard let place = file.offset(of: block) else { return false }
    typealias Front = (map: [UInt8], entries: [UInt8])
    let front = file.withBytes(at: place, least: frontBytes + ownBytes + 4) { bytes -> Front? in
      guard var fields = Fields(bytes, checkedBySumAt: frontBytes + ownBytes), fields.follows("FADB"),
        fields.number(1) == 0, fields.int(1) == (isFiltered ? 1 : 0), fields.int(file.addressSize) == array,
        let map = fields.take(mapBytes), let entries = fields.take(ownBytes)
      else { return nil }
      return (Array(map), Array(entries))
    }
    guard let front else { return false }
    guard pageCount > 0 else { return add(front.entries, entryBytes, from: 0, body) }
    var start = place + frontBytes + 4
    for page in 0..<pageCount {
      let first = page << pageBits
      let count = min(1 << pageBits, total - first)
      let bytes = count * entryBytes
      // Bits go from the highest down. A page that was never written is not there to be read.
      if front.map[page / 8] & (0x80 >> (page % 8)) != 0 {
        let entries = file.withBytes(at: start, least: bytes + 4) { piece -> [UInt8]? in
          guard var fields = Fields(piece, checkedBySumAt: bytes) else { return nil }
          return fields.take(bytes).map(Array.init)
        }
        guard let entries, add(entries, entryBytes, from: first, body) else { return false }
      }
      // Every page takes the room of a full one, but the last.
      start += bytes + 4
    }
    return true
  }

  private func add(_ entries: [UInt8], _ entryBytes: Int, from first: Int, _ body: (Entry) -> Bool) -> Bool {
    entries.withUnsafeBytes { bytes in
      var fields = Fields(bytes)
      for number in first..<(first + bytes.count / entryBytes) {
        guard case .some(let address) = fields.address(file.addressSize) else { return false }
        var byteCount = chunkBytes
        var mask: UInt32 = 0
        if isFiltered {
          guard let stored = fields.int(entryBytes - file.addressSize - 4), let bits = fields.number(4) else {
            return false
          }
          byteCount = stored
          mask = UInt32(bits)
        }
        guard let address else { continue }
        guard add(position(of: number), address, byteCount, mask, body) else { return false }
      }
      return true
    }
  }

  // MARK: Trees

  private func tree(at address: Int, _ body: (Entry) -> Bool) -> Bool {
    // The length of a filtered chunk takes as many bytes as the tree's records say.
    guard let place = file.offset(of: address),
      let recordBytes = file.withBytes(
        at: place, least: 12,
        { bytes -> Int? in
          var fields = Fields(bytes)
          return fields.skip(10) ? fields.int(2) : nil
        })
    else { return false }
    let lengthBytes = recordBytes - file.addressSize - 8 * counts.count - (isFiltered ? 4 : 0)
    guard isFiltered ? ChunkListReader.lengthSizes.contains(lengthBytes) : lengthBytes == 0 else {
      return false
    }
    var last: [Int]?
    return RecordIndex.forEach(
      at: address, type: isFiltered ? 11 : 10, recordBytes: recordBytes, in: file, most: file.byteCount
    ) { record in
      var fields = Fields(record)
      guard case .some(.some(let address)) = fields.address(file.addressSize) else { return false }
      var byteCount = chunkBytes
      var mask: UInt32 = 0
      if isFiltered {
        guard let stored = fields.int(lengthBytes), let bits = fields.number(4) else { return false }
        byteCount = stored
        mask = UInt32(bits)
      }
      var position: [Int] = []
      for count in counts {
        guard let step = fields.int(8), step < count else { return false }
        position.append(step)
      }
      guard fields.remaining == 0, last.map({ $0.lexicographicallyPrecedes(position) }) ?? true else {
        return false
      }
      last = position
      return add(position, address, byteCount, mask, body)
    }
  }
}
