import Refx
import RefxStore

/// Where the chunks of a dataset lie: all of them, read once, out of the tree in which files up to HDF5 1.8
/// list them (a B-tree of version 1), or out of a listing as later ones have it.
///
/// libhdf5 is not asked: its release 1.10 walks all chunks to find one, and only one thread can be in it.
struct ChunkIndex {
  struct Entry {
    /// Where in the file the stored bytes start.
    let offset: Int
    let byteCount: Int
    /// A bit for each filter that was left out.
    let mask: UInt32
  }

  /// The numbers of the chunks that were written, counted in C order, ascending.
  private var numbers: [Int] = []
  private var entries: [Entry] = []
  /// Whether every chunk is there, with every filter, and none shares bytes with another.
  private(set) var isComplete = false
  /// Whether the tree is not as every writer makes it. To ask libhdf5 chunk by chunk what it makes of it would
  /// take long, and nothing would vouch for the answers.
  private(set) var isDamaged = false

  /// - Returns: nil where the chunks are listed in another way, or are too many: then libhdf5 is asked.
  init?(_ chunking: Chunking, shape: [Int], in input: HDF5Input) {
    guard let list = chunking.list, let grid = Grid(chunking, shape: shape, input) else { return nil }
    let file = MetadataFile(
      input.bytes, userBlock: input.userBlock, addressSize: input.addressSize, lengthSize: input.lengthSize)
    switch list {
    case .tree(let root):
      guard walk(root, level: nil, in: file, of: grid) else {
        isDamaged = true
        return
      }
    case .listing(let listing, let mostCounts):
      let reader = ChunkListReader(
        file: file, counts: mostCounts, chunkBytes: chunking.byteCount, isFiltered: !chunking.filters.isEmpty)
      // These carry checksums, so that libhdf5 refuses a damaged one at once.
      guard reader.forEach(of: listing, { add($0, of: grid) }) else { return nil }
    }
    isComplete = entries.count == grid.count && entries.allSatisfy { $0.mask == 0 } && areDisjoint
  }

  /// The chunk with that number; nil where it was never written.
  func entry(_ number: Int) -> Entry? {
    // Where all are there, each stands at its number.
    if number < numbers.count, numbers[number] == number { return entries[number] }
    var low = 0
    var high = numbers.count
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low < numbers.count && numbers[low] == number ? entries[low] : nil
  }

  /// The stored bytes of all chunks.
  var storedByteCount: Int { entries.reduce(0) { $0 + $1.byteCount } }

  private var areDisjoint: Bool {
    let byPlace = entries.sorted { $0.offset < $1.offset }
    return zip(byPlace, byPlace.dropFirst()).allSatisfy { $0.offset + $0.byteCount <= $1.offset }
  }

  /// How the dataset is cut.
  private struct Grid {
    let shape: [Int]
    let chunkShape: [Int]
    let counts: [Int]
    let count: Int
    let input: HDF5Input

    /// More chunks than this are not worth the memory.
    private static let most = 1 << 22

    init?(_ chunking: Chunking, shape: [Int], _ input: HDF5Input) {
      self.shape = shape
      self.input = input
      chunkShape = chunking.shape
      counts = zip(shape, chunking.shape).map { extent, chunk in extent == 0 ? 0 : (extent - 1) / chunk + 1 }
      guard counts.count == shape.count, let count = DType.elementCount(of: counts),
        (1...Grid.most).contains(count)
      else { return nil }
      self.count = count
    }
  }

  /// Looks at a node and what lies below it.
  ///
  /// Levels fall by one from node to node and the numbers of chunks only rise, so no node is met twice.
  private mutating func walk(_ address: Int, level: Int?, in file: MetadataFile, of grid: Grid) -> Bool {
    guard let offset = file.offset(of: address) else { return false }
    let headBytes = 8 + 2 * file.addressSize
    let keyBytes = 8 + 8 * (grid.shape.count + 1)
    let head = file.withBytes(at: offset, least: headBytes) { bytes -> (level: Int, count: Int)? in
      var fields = Fields(bytes)
      // The 1 says that it lists chunks.
      guard fields.follows("TREE"), fields.number(1) == 1, let level = fields.int(1),
        let count = fields.int(2)
      else { return nil }
      return (level, count)
    }
    guard let head, head.level < 32, head.level == level ?? head.level, head.count > 0 || level == nil else {
      return false
    }
    var children: [Int] = []
    let least = headBytes + head.count * (keyBytes + file.addressSize)
    let isRead = file.withBytes(at: offset, least: least) { bytes -> Bool? in
      var fields = Fields(bytes)
      guard fields.skip(headBytes) else { return nil }
      for _ in 0..<head.count {
        guard let key = fields.take(keyBytes), case .some(.some(let child)) = fields.address(file.addressSize)
        else { return nil }
        if head.level > 0 {
          children.append(child)
        } else {
          guard let place = file.offset(of: child), add(key, at: place, of: grid) else { return nil }
        }
      }
      return true
    }
    guard isRead != nil else { return false }
    for child in children where !walk(child, level: head.level - 1, in: file, of: grid) { return false }
    return true
  }

  /// What lies beyond the dataset's extents, which may have shrunk, is nobody's.
  private mutating func add(_ entry: ChunkListReader.Entry, of grid: Grid) -> Bool {
    guard zip(entry.position, grid.counts).allSatisfy({ $0 < $1 }) else { return true }
    let number = zip(entry.position, grid.counts).reduce(0) { $0 * $1.1 + $1.0 }
    guard number > numbers.last ?? -1 else { return false }
    numbers.append(number)
    entries.append(Entry(offset: entry.offset, byteCount: entry.byteCount, mask: entry.mask))
    return true
  }

  private mutating func add(_ key: UnsafeRawBufferPointer, at offset: Int, of grid: Grid) -> Bool {
    var fields = Fields(key)
    guard let byteCount = fields.int(4), let mask = fields.number(4), byteCount > 0,
      offset <= grid.input.bytes.byteCount, byteCount <= grid.input.bytes.byteCount - offset
    else { return false }
    var number = 0
    for axis in grid.shape.indices {
      guard let start = fields.int(8), start < grid.shape[axis], start % grid.chunkShape[axis] == 0 else {
        return false
      }
      number = number * grid.counts[axis] + start / grid.chunkShape[axis]
    }
    // The last extent is that of an element.
    guard fields.number(8) == 0, number > numbers.last ?? -1 else { return false }
    numbers.append(number)
    entries.append(Entry(offset: offset, byteCount: byteCount, mask: UInt32(mask)))
    return true
  }
}
