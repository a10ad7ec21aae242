import Refx
import RefxStore

@testable import RefxHDF5

extension FuzzTarget {
  /// The newer listings of chunks, with checksums that fit, since a wrong one would end every run at once: each
  /// chunk lies within the file and the listing's grid, in ascending order.
  ///
  /// The first bytes are the kind of listing, the rank, and for each axis how many chunks there may be; then each
  /// block with its length in two bytes before it, the first at the listing's address. `*` in a block stands for
  /// the address of the next one.
  static let chunkListings = FuzzTarget(
    "hdf5-chunk-listing",
    seeds: {
      let filtered = Array(repeating: UInt8(0), count: 4)
      let head: [UInt8] = Array("FAHD".utf8) + [0, 0, 8, 10] + number(4, 8) + next
      let entries = number(0, 8) + number(64, 8) + [UInt8](repeating: 0xFF, count: 8) + number(96, 8)
      let block: [UInt8] = Array("FADB".utf8) + [0, 0] + number(0, 8) + entries
      let packedHead: [UInt8] = Array("FAHD".utf8) + [0, 1, 14, 1] + number(4, 8) + next
      let packed = (0..<4).flatMap { number($0 * 8, 8) + number(9, 2) + filtered }
      let packedBlock: [UInt8] = Array("FADB".utf8) + [0, 1] + number(0, 8) + [0xC0]
      let tree: [UInt8] =
        Array("BTHD".utf8) + [0, 10] + number(512, 4) + number(24, 2) + number(0, 2) + [100, 40] + next
        + number(2, 2) + number(2, 8)
      let leaf: [UInt8] =
        Array("BTLF".utf8) + [0, 10] + number(0, 8) + number(0, 8) + number(1, 8) + number(32, 8)
        + number(1, 8)
        + number(0, 8)
      return [
        [3, 0, 4] + framed(head) + framed(block),
        [3 + 8, 1, 2, 2] + framed(packedHead) + framed(packedBlock)
          + framed(packed), [5, 1, 2, 2] + framed(tree) + framed(leaf), [1, 0, 1], [2, 1, 2, 2],
      ]
    }
  ) { input in
    var parts = FuzzInput(input)
    let choice = parts.byte()
    let counts = (0..<(1 + parts.byte() % 3)).map { _ in parts.byte() }
    var bytes: [UInt8] = []
    var blocks = 0
    while parts.count > 2, blocks < 16 {
      let block = Array(parts.bytes(parts.short()))
      let end = bytes.count + block.count + checksumBytes
      bytes += block.withUnsafeBytes { pointed($0, to: end) }
      let sum = bytes[(bytes.count - block.count)...].withUnsafeBytes { MetadataChecksum.of($0) }
      withUnsafeBytes(of: sum.littleEndian) { bytes += $0 }
      blocks += 1
    }
    let memory = MemoryBytes(sharing: bytes)
    let file = MetadataFile(InputFile(memory, name: "input"), userBlock: 0, addressSize: 8, lengthSize: 8)
    let listing: ChunkListing
    switch choice & 7 {
    case 1: listing = .single(address: 0, byteCount: choice & 8 != 0 ? bytes.count / 2 : nil, mask: 0)
    case 2: listing = .implicit(address: 0)
    case 5: listing = .tree(address: 0)
    default: listing = .fixedArray(address: 0)
    }
    let reader = ChunkListReader(file: file, counts: counts, chunkBytes: 8, isFiltered: choice & 8 != 0)
    var last: [Int]?
    var problem: String?
    _ = reader.forEach(of: listing) { entry in
      if entry.offset < 0 || entry.byteCount <= 0 || entry.offset + entry.byteCount > bytes.count {
        problem = "a chunk beyond the file"
      }
      if zip(entry.position, counts).contains(where: { $0 >= $1 }) || entry.position.count != counts.count {
        problem = "a chunk beyond the grid"
      }
      if let last, !last.lexicographicallyPrecedes(entry.position) { problem = "chunks out of order" }
      last = entry.position
      return true
    }
    if let problem { try demand(false, problem) }
  }

  private static let checksumBytes = 4
  private static let next = [UInt8](repeating: UInt8(ascii: "*"), count: 8)

  private static func number(_ value: Int, _ count: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt64(value).littleEndian) { Array($0.prefix(count)) }
  }

  private static func framed(_ block: [UInt8]) -> [UInt8] { number(block.count, 2) + block }

  /// The block with the first run of eight `*` replaced by an address.
  private static func pointed(_ block: UnsafeRawBufferPointer, to address: Int) -> [UInt8] {
    var bytes = Array(block)
    guard bytes.count >= next.count,
      let place = (0...(bytes.count - next.count)).first(where: { bytes[$0...].starts(with: next) })
    else { return bytes }
    bytes.replaceSubrange(place..<(place + next.count), with: number(address, 8))
    return bytes
  }
}
