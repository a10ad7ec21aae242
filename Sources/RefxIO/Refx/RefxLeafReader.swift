import Refx
import RefxStore

/// Reads the leaf table and the chunk table side by side, checks that the extents tile the payload exactly,
/// and gives one leaf after the other.
struct RefxLeafReader {
  private var leaves: SectionReader
  private var chunks: SectionReader
  private let payload: RefxPayload
  private let budget: Budget
  private let count: Int
  /// Where the extents read so far end.
  private var end = RefxLayout.headerBytes
  /// The shape of the leaf before: most leaves look like their neighbour, and then share the array.
  private var lastShape: [Int] = []

  init(leaves: SectionReader, chunks: SectionReader, payload: RefxPayload, _ budget: Budget) throws {
    self.leaves = leaves
    self.chunks = chunks
    self.payload = payload
    self.budget = budget
    count = try self.leaves.varint()
    // A leaf takes 31 bytes at least.
    guard count <= self.leaves.remaining / 31 else {
      throw self.leaves.damaged("more leaves than there is room for", found: "\(count)")
    }
    try budget.check(nodes: count, at: self.leaves.place)
    let chunkCount = chunks.remaining / RefxLayout.chunkEntryBytes
    guard chunks.remaining.isMultiple(of: RefxLayout.chunkEntryBytes) else {
      throw chunks.damaged(
        "a part of an entry", expected: "8 bytes each", found: "\(chunks.remaining) in all")
    }
    payload.leaves.reserveCapacity(count)
    payload.chunks.reserveCapacity(chunkCount)
  }

  mutating func next() throws -> Leaf {
    guard payload.leaves.count < count else {
      throw leaves.damaged("the tree has more leaves than the table", found: "\(count) in the table")
    }
    let record = leaves
    let dtypeCode = try leaves.byte()
    guard let dtype = RefxLayout.dtypes[Int(dtypeCode)] else {
      throw RefxError.refxUnknown("dtype", number: Int(dtypeCode), at: record.place)
    }
    let storageCode = try leaves.byte()
    guard let storage = LeafStorage(rawValue: storageCode) else {
      throw RefxError.refxUnknown("kind of storage", number: Int(storageCode), at: record.place + 1)
    }
    let shape = try readShape()
    let byteCount = try readByteCount(dtype: dtype, shape: shape)
    guard storage == .raw || (byteCount > 0 && dtype != .string) else {
      throw record.damaged("a compressed leaf that must be raw")
    }
    let crc: UInt32 = try leaves.integer()
    let hash = ContentHash(low: try leaves.integer(), high: try leaves.integer())
    let offset: UInt64 = try leaves.integer()
    // Before a grid is made of it: a raw leaf lies in the file, a compressed one has entries for its chunks.
    let most =
      storage == .raw
      ? payload.catalogueOffset
      : chunks.remaining / RefxLayout.chunkEntryBytes * ChunkGrid.byteLimit
    guard byteCount <= most else {
      throw record.damaged("a leaf is larger than the file can hold", found: "\(byteCount) bytes")
    }
    try budget.charge(bytes: byteCount, at: record.place)
    let grid = ChunkGrid(
      itemSize: dtype.itemSize ?? 1, shape: dtype == .string ? [byteCount] : shape, byteCount: byteCount)
    end += RefxLayout.padding(after: end, storage: storage, byteCount: byteCount)
    guard offset == UInt64(end) else {
      throw record.damaged(
        "a leaf's data is not where it must be", expected: "offset \(end)", found: "\(offset)")
    }
    if byteCount == 0, crc != 0 || hash != ContentHasher().finish() {
      throw record.damaged("an empty leaf's sums are not those of nothing")
    }
    payload.leaves.append(.init(firstChunk: payload.chunks.count, storage: storage, crc32: crc, hash: hash))
    try readChunks(of: grid, storage: storage)
    let source = RefxLeafSource(
      payload: payload, number: payload.leaves.count - 1, dtype: dtype, shape: shape, byteCount: byteCount)
    return Leaf(dtype: dtype, shape: shape, source: source)
  }

  private mutating func readShape() throws -> [Int] {
    let rank = Int(try leaves.byte())
    try budget.check(rank: rank, at: leaves.place - 1)
    let before = leaves
    if rank == lastShape.count {
      var isSame = true
      for extent in lastShape where try leaves.varint() != extent {
        isSame = false
        break
      }
      if isSame { return lastShape }
      leaves = before
    }
    var shape: [Int] = []
    shape.reserveCapacity(rank)
    for _ in 0..<rank { shape.append(try leaves.varint()) }
    lastShape = shape
    return shape
  }

  /// Text says how many bytes it has; everything else has as many as its shape needs.
  private mutating func readByteCount(dtype: DType, shape: [Int]) throws -> Int {
    if dtype.itemSize == nil {
      let byteCount = try leaves.varint()
      // Each string has eight bytes for its length.
      guard let count = DType.elementCount(of: shape), count <= byteCount / 8, count > 0 || byteCount == 0
      else {
        throw leaves.damaged("a text leaf has fewer bytes than its shape needs", found: "\(byteCount)")
      }
      return byteCount
    }
    guard let byteCount = dtype.byteCount(of: shape) else {
      throw leaves.damaged("a leaf's shape is larger than any file", found: "\(dtype.name) \(shape)")
    }
    return byteCount
  }

  private mutating func readChunks(of grid: ChunkGrid, storage: LeafStorage) throws {
    guard grid.count <= chunks.remaining / RefxLayout.chunkEntryBytes else {
      throw chunks.damaged(
        "fewer entries than the leaves have chunks", expected: "\(grid.count) more",
        found: "\(chunks.remaining / RefxLayout.chunkEntryBytes)")
    }
    for position in 0..<grid.count {
      let length: UInt32 = try chunks.integer()
      let crc: UInt32 = try chunks.integer()
      let isRight = storage == .raw ? Int(length) == grid.range(of: position).count : length > 0
      guard isRight, Int(length) <= payload.catalogueOffset - end else {
        throw chunks.damaged(
          "a chunk's length does not fit",
          expected: "at most \(payload.catalogueOffset - end) bytes, as the grid has it",
          found: "\(length)")
      }
      payload.chunks.append(.init(offset: end, byteCount: length, crc32: crc))
      end += Int(length)
    }
  }

  /// All entries are used, and the extents end where the catalogue starts.
  func finish() throws {
    guard payload.leaves.count == count else {
      throw leaves.damaged(
        "the table has more leaves than the tree", expected: "\(payload.leaves.count)", found: "\(count)")
    }
    try leaves.checkEnd()
    try chunks.checkEnd()
    guard end == payload.catalogueOffset else {
      throw chunks.damaged(
        "the chunks do not fill the file up to the catalogue", expected: "byte \(payload.catalogueOffset)",
        found: "byte \(end)")
    }
  }
}
