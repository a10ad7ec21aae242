/// An object of a heap: where in the heap it is.
struct HeapObject {
  let offset: Int
  let count: Int
  /// What the index says of it besides.
  let tag: UInt32
}

/// A heap that grows by blocks of doubling size, in which large groups keep their links (a "fractal heap").
///
/// Objects that are in its blocks are read; a heap with filters, or with objects elsewhere, is not known here.
/// All its metadata has checksums, and most heaps have them for their blocks too.
struct FractalHeap {
  /// How many bytes name an object.
  let identifierBytes: Int
  let objectCount: Int

  private let address: Int
  private let root: Int
  /// Rows of the root, where that is a table of blocks and not a block.
  private let rootRows: Int
  private let blocksHaveSums: Bool
  private let width: Int
  private let firstBlockBytes: Int
  private let mostBlockBytes: Int
  /// Bits, and bytes, of a place in the heap.
  private let offsetBits: Int
  private let offsetBytes: Int
  /// Bytes of an object's length.
  private let countBytes: Int

  /// - Returns: nil where libhdf5 has to be asked.
  init?(at address: Int, in file: MetadataFile) {
    let bytes = 22 + 12 * file.lengthSize + 3 * file.addressSize + 4
    guard let place = file.offset(of: address),
      let heap = file.withBytes(
        at: place, least: bytes, { FractalHeap($0, count: bytes, address: address, file) })
    else { return nil }
    self = heap
  }

  private init?(_ bytes: UnsafeRawBufferPointer, count: Int, address: Int, _ file: MetadataFile) {
    guard var fields = Fields(bytes, checkedBySumAt: count - 4), fields.follows("FRHP"),
      fields.number(1) == 0, let identifierBytes = fields.int(2), fields.number(2) == 0,
      let flags = fields.int(1), flags < 4, let mostObjectBytes = fields.int(4),
      // Huge objects: the next number, their index. Free space: how much, who keeps track of it.
      fields.skip(2 * file.lengthSize + 2 * file.addressSize),
      // Bytes of the heap, of its blocks, of what was ever given out.
      fields.skip(3 * file.lengthSize), let objectCount = fields.int(file.lengthSize)
    else { return nil }
    // Huge and tiny objects: how many bytes, how many.
    for _ in 0..<4 { guard fields.number(file.lengthSize) == 0 else { return nil } }
    guard let width = fields.int(2), let firstBlockBytes = fields.int(file.lengthSize),
      let mostBlockBytes = fields.int(file.lengthSize), let offsetBits = fields.int(2),
      fields.skip(2), case .some(.some(let root)) = fields.address(file.addressSize),
      let rootRows = fields.int(2)
    else { return nil }
    // Powers of two, all of them; a heap has less than 2^62 bytes.
    guard width > 0, width & (width - 1) == 0, firstBlockBytes > 0,
      firstBlockBytes & (firstBlockBytes - 1) == 0, mostBlockBytes >= firstBlockBytes,
      mostBlockBytes & (mostBlockBytes - 1) == 0, mostBlockBytes <= 1 << 32, (1...62).contains(offsetBits),
      mostBlockBytes <= 1 << offsetBits, mostObjectBytes <= mostBlockBytes, rootRows < 64,
      objectCount > 0
    else { return nil }
    self.address = address
    self.identifierBytes = identifierBytes
    self.objectCount = objectCount
    self.root = root
    self.rootRows = rootRows
    self.width = width
    self.firstBlockBytes = firstBlockBytes
    self.mostBlockBytes = mostBlockBytes
    self.offsetBits = offsetBits
    blocksHaveSums = flags & 2 != 0
    offsetBytes = (offsetBits + 7) / 8
    countBytes = min(
      (mostBlockBytes.trailingZeroBitCount + 7) / 8, Fields.bytes(for: mostObjectBytes))
    guard 1 + offsetBytes + countBytes <= identifierBytes else { return nil }
  }

  // MARK: Objects

  /// Reads the name of an object; nil for one that is in no block.
  func object(_ fields: inout Fields, tag: UInt32) -> HeapObject? {
    guard fields.number(1) == 0, let offset = fields.int(offsetBytes), let count = fields.int(countBytes),
      count > 0, fields.skip(identifierBytes - 1 - offsetBytes - countBytes)
    else { return nil }
    return HeapObject(offset: offset, count: count, tag: tag)
  }

  /// Calls `body` with each object and its bytes, until it returns false.
  ///
  /// - Parameter objects: ascending by their places.
  /// - Returns: false where one is in no block, two share bytes, or `body` returned false.
  func forEach(
    _ objects: [HeapObject], in file: MetadataFile, _ body: (HeapObject, UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    var walk = Walk(heap: self, file: file, objects: objects[...], bytesLeft: file.byteCount)
    let isWalked =
      rootRows == 0
      ? walk.block(at: root, from: 0, count: nil, body)
      : walk.table(at: root, from: 0, rows: rootRows, depth: 0, body)
    return isWalked && walk.objects.isEmpty
  }

  private struct Walk {
    let heap: FractalHeap
    let file: MetadataFile
    /// Those that were not met yet.
    var objects: ArraySlice<HeapObject>
    /// What blocks and tables may still take: no two share bytes.
    var bytesLeft: Int
    /// Where the object before ended.
    var end = 0

    private mutating func take(_ count: Int) -> Bool {
      guard count <= bytesLeft else { return false }
      bytesLeft -= count
      return true
    }

    /// Signature, version, the heap's address, the place in the heap.
    private func isHead(_ fields: inout Fields, _ signature: StaticString, from start: Int) -> Bool {
      fields.follows(signature) && fields.number(1) == 0 && fields.int(file.addressSize) == heap.address
        && fields.int(heap.offsetBytes) == start
    }

    // MARK: Blocks

    /// - Parameter count: nil for the only block of a heap, which is of the first size or larger.
    mutating func block(
      at address: Int, from start: Int, count: Int?, _ body: (HeapObject, UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
      let count = count ?? heap.firstBlockBytes
      let sumBytes = heap.blocksHaveSums ? 4 : 0
      let headBytes = 5 + file.addressSize + heap.offsetBytes + sumBytes
      guard let place = file.offset(of: address), count >= headBytes, take(count) else { return false }
      let (stop, overflow) = start.addingReportingOverflow(count)
      guard !overflow else { return false }
      return file.withBytes(at: place, least: count) { bytes -> Bool? in
        let bytes = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        var fields = Fields(bytes)
        guard isHead(&fields, "FHDB", from: start), isSound(bytes, headBytes, &fields) else { return nil }
        while let object = objects.first, object.offset < stop {
          let first = object.offset - start
          guard first >= headBytes, object.count <= count - first, object.offset >= end,
            body(object, UnsafeRawBufferPointer(rebasing: bytes[first..<(first + object.count)]))
          else { return nil }
          end = object.offset + object.count
          objects.removeFirst()
        }
        return true
      } ?? false
    }

    /// Whether the block has its checksum, which was made of all of it, with zeros in its own place.
    private func isSound(_ bytes: UnsafeRawBufferPointer, _ headBytes: Int, _ fields: inout Fields) -> Bool {
      guard heap.blocksHaveSums else { return true }
      guard let sum = fields.number(4) else { return false }
      var copy = Array(bytes)
      for place in (headBytes - 4)..<headBytes { copy[place] = 0 }
      return copy.withUnsafeBytes(MetadataChecksum.of) == UInt32(sum)
    }

    // MARK: Tables

    /// Two rows have blocks of the first size, each further row blocks of twice the size of the row before.
    private func blockBytes(inRow row: Int) -> Int? {
      let doublings = max(row - 1, 0)
      let bits = heap.firstBlockBytes.trailingZeroBitCount + doublings
      return bits <= heap.offsetBits ? 1 << bits : nil
    }

    mutating func table(
      at address: Int, from start: Int, rows: Int, depth: Int,
      _ body: (HeapObject, UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
      // The blocks of a table of tables are smaller than itself, so there are few in each other.
      let headBytes = 5 + file.addressSize + heap.offsetBytes
      let count = headBytes + rows * heap.width * file.addressSize + 4
      guard depth < 16, rows > 0, let place = file.offset(of: address), take(count) else { return false }
      let children = file.withBytes(at: place, least: count) { bytes -> [Int?]? in
        guard var fields = Fields(bytes, checkedBySumAt: count - 4), isHead(&fields, "FHIB", from: start)
        else { return nil }
        var children: [Int?] = []
        for _ in 0..<(rows * heap.width) {
          guard case .some(let child) = fields.address(file.addressSize) else { return nil }
          children.append(child)
        }
        return children
      }
      guard let children else { return false }
      var position = start
      for row in 0..<rows {
        guard let bytes = blockBytes(inRow: row) else { return false }
        for column in 0..<heap.width {
          let (stop, overflow) = position.addingReportingOverflow(bytes)
          guard !overflow else { return false }
          if let child = children[row * heap.width + column] {
            guard
              bytes <= heap.mostBlockBytes
                ? block(at: child, from: position, count: bytes, body)
                : table(at: child, from: position, rows: self.rows(in: bytes), depth: depth + 1, body)
            else { return false }
          } else if let object = objects.first, object.offset < stop {
            return false
          }
          position = stop
        }
      }
      return true
    }

    /// Of the table that stands for a block of that size.
    private func rows(in bytes: Int) -> Int {
      bytes.trailingZeroBitCount - heap.firstBlockBytes.trailingZeroBitCount
        - heap.width.trailingZeroBitCount + 1
    }
  }
}
