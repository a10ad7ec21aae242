/// The links of a large group: a heap that holds them (a fractal heap), and an index by the hashes of their
/// names (a B-tree of version 2), as HDF5 1.8 and later keep them.
struct LinkHeap {
  private(set) var heap: UInt64 = 0
  private(set) var index: UInt64 = 0

  /// Where a link stands in the heap.
  private struct Record {
    let hash: UInt32
    let offset: UInt32
    let length: UInt16
  }

  /// Of a block where there are several; a single one may be smaller.
  private static let mostBlockBytes = 1 << 16
  private let blockBytes: Int
  /// Signature, version, the heap's address, the block's place in it, checksum.
  private static let blockHead = 4 + 1 + 8 + 4 + 4

  /// What the names of all links must stay below, with 16 bytes for each link.
  ///
  /// Two blocks in a row hold more than one; of blocks there may be 32,768.
  static let mostNameBytes = 1 << 29

  /// Whether a heap has room for links with names of that many bytes altogether.
  static func holds(
    _ links: [(name: [UInt8], address: UInt64)], within most: Int = LinkHeap.mostNameBytes
  ) -> Bool {
    links.count < 1 << 24 && links.reduce(0) { $0 + $1.name.count + 16 } < most
  }

  /// Adds heap and index of `links`, which are many.
  ///
  /// - Precondition: names are shorter than a block, and ``holds(_:within:)``.
  init(_ links: [(name: [UInt8], address: UInt64)], to metadata: inout MetadataBuffer) {
    let (blocks, records) = LinkHeap.packed(links)
    blockBytes =
      blocks.count > 1
      ? LinkHeap.mostBlockBytes
      : Int(nextPowerOfTwo: max(512, LinkHeap.blockHead + blocks.reduce(0) { $0 + $1.count }))
    addHeap(blocks, count: links.count, to: &metadata)
    let order = records.indices.sorted {
      records[$0].hash == records[$1].hash
        ? links[$0].name.lexicographicallyPrecedes(links[$1].name) : records[$0].hash < records[$1].hash
    }
    addIndex(order.map { records[$0] }, to: &metadata)
  }

  /// The links side by side in blocks, none across two.
  private static func packed(
    _ links: [(name: [UInt8], address: UInt64)]
  ) -> (blocks: [[UInt8]], records: [Record]) {
    var blocks: [[UInt8]] = []
    var block: [UInt8] = []
    var records: [Record] = []
    records.reserveCapacity(links.count)
    for link in links {
      let message = LinkMessage.bytes(link.name, to: link.address)
      if blockHead + block.count + message.count > mostBlockBytes {
        blocks.append(block)
        block.removeAll(keepingCapacity: true)
      }
      records.append(
        Record(
          hash: link.name.withUnsafeBytes(MetadataChecksum.of),
          offset: UInt32(blocks.count * mostBlockBytes + blockHead + block.count),
          length: UInt16(message.count)))
      block += message
    }
    blocks.append(block)
    return (blocks, records)
  }

  // MARK: Heap

  /// A header, blocks, and where they are several a table of them.
  private mutating func addHeap(_ blocks: [[UInt8]], count: Int, to metadata: inout MetadataBuffer) {
    let width = blocks.count <= 1 ? 4 : Int(nextPowerOfTwo: max(blocks.count, 4))
    heap = metadata.address
    let headerBytes = 146
    let firstBlock = heap + UInt64(headerBytes)
    let table = firstBlock + UInt64(blocks.count * blockBytes)
    let hasTable = blocks.count > 1
    let used = blocks.reduce(0) { $0 + $1.count }
    let free = blocks.count * (blockBytes - LinkHeap.blockHead) - used

    let start = metadata.bytes.count
    metadata.add("FRHP")
    metadata.add(0 as UInt8)
    metadata.add(7 as UInt16)  // bytes of an identifier
    metadata.add(0 as UInt16)  // no filters
    metadata.add(2 as UInt8)  // blocks have checksums
    metadata.add(UInt32(LinkHeap.mostBlockBytes - LinkHeap.blockHead))  // of one object at most
    metadata.add(0 as UInt64)  // huge objects: the next number, their index
    metadata.add(MetadataBuffer.undefined)
    metadata.add(UInt64(free))
    metadata.add(MetadataBuffer.undefined)  // nothing keeps track of free space
    metadata.add(UInt64((hasTable ? width : 1) * blockBytes))
    metadata.add(UInt64(blocks.count * blockBytes))
    metadata.add(UInt64(hasTable ? blocks.count * blockBytes : 0))  // where the next block goes
    metadata.add(UInt64(count))
    for _ in 0..<4 { metadata.add(0 as UInt64) }  // huge and tiny objects: bytes, count
    metadata.add(UInt16(width))
    metadata.add(UInt64(blockBytes))  // of the first blocks
    metadata.add(UInt64(LinkHeap.mostBlockBytes))  // of blocks that hold objects, at most
    metadata.add(32 as UInt16)  // bits of a place in the heap
    metadata.add(1 as UInt16)  // rows to start with
    metadata.add(hasTable ? table : firstBlock)
    metadata.add((hasTable ? 1 : 0) as UInt16)  // rows now
    metadata.addChecksum(from: start)
    assert(metadata.bytes.count - start == headerBytes)

    for (number, block) in blocks.enumerated() {
      metadata.add(image(of: block, number: number))
    }
    if hasTable { addTable(of: blocks.count, width: width, firstBlock: firstBlock, to: &metadata) }
  }

  /// A block's checksum covers all of it, its own place being zero.
  private func image(of content: [UInt8], number: Int) -> [UInt8] {
    var image = MetadataBuffer()
    image.add("FHDB")
    image.add(0 as UInt8)
    image.add(heap)
    image.add(UInt32(number * blockBytes))
    let place = image.bytes.count
    image.add(0 as UInt32)
    image.add(content)
    image.add(zeros: blockBytes - image.bytes.count)
    let checksum = image.bytes.withUnsafeBytes(MetadataChecksum.of)
    image.replace(at: place, with: withUnsafeBytes(of: checksum.littleEndian, Array.init))
    return image.bytes
  }

  private func addTable(of count: Int, width: Int, firstBlock: UInt64, to metadata: inout MetadataBuffer) {
    let start = metadata.bytes.count
    metadata.add("FHIB")
    metadata.add(0 as UInt8)
    metadata.add(heap)
    metadata.add(0 as UInt32)
    for number in 0..<width {
      metadata.add(
        number < count ? firstBlock + UInt64(number * blockBytes) : MetadataBuffer.undefined)
    }
    metadata.addChecksum(from: start)
  }

  // MARK: Index

  private static let recordBytes = 11
  /// Signature, version, type, checksum.
  private static let nodeHead = 10

  /// Records in the order of their hashes: in one node, or in a row of nodes with one record between each
  /// two, which stand in a node above.
  private mutating func addIndex(_ records: [Record], to metadata: inout MetadataBuffer) {
    let nodeBytes = [512, 4096].first { LinkHeap.capacity($0) >= records.count } ?? 1 << 16
    let most = LinkHeap.capacity(nodeBytes)
    let isDeep = records.count > most
    let root: UInt64
    var rootCount = records.count
    if isDeep {
      // As many nodes as it takes, equally full.
      let nodeCount = (records.count + 1 + most) / (most + 1)
      var children: [(address: UInt64, count: Int)] = []
      var between: [Record] = []
      var next = 0
      for node in 0..<nodeCount {
        let end = (records.count + 1) * (node + 1) / nodeCount - 1
        children.append((metadata.address, end - next))
        LinkHeap.addNode("BTLF", records[next..<end], bytes: nodeBytes, to: &metadata)
        if node + 1 < nodeCount { between.append(records[end]) }
        next = end + 1
      }
      root = metadata.address
      rootCount = between.count
      LinkHeap.addNode("BTIN", between[...], children: children, bytes: nodeBytes, to: &metadata)
    } else {
      root = metadata.address
      LinkHeap.addNode("BTLF", records[...], bytes: nodeBytes, to: &metadata)
    }
    index = metadata.address
    let start = metadata.bytes.count
    metadata.add("BTHD")
    metadata.add(0 as UInt8)
    metadata.add(5 as UInt8)  // names of links
    metadata.add(UInt32(nodeBytes))
    metadata.add(UInt16(LinkHeap.recordBytes))
    metadata.add((isDeep ? 1 : 0) as UInt16)
    metadata.add(100 as UInt8)  // per cent at which a node is split, and merged
    metadata.add(40 as UInt8)
    metadata.add(root)
    metadata.add(UInt16(rootCount))
    metadata.add(UInt64(records.count))
    metadata.addChecksum(from: start)
  }

  private static func capacity(_ nodeBytes: Int) -> Int { (nodeBytes - nodeHead) / recordBytes }

  private static func addNode(
    _ signature: StaticString, _ records: ArraySlice<Record>, children: [(address: UInt64, count: Int)] = [],
    bytes nodeBytes: Int, to metadata: inout MetadataBuffer
  ) {
    let start = metadata.bytes.count
    metadata.add(signature)
    metadata.add(0 as UInt8)
    metadata.add(5 as UInt8)
    for record in records {
      metadata.add(record.hash)
      // An object of the heap: its place and length.
      metadata.add(0 as UInt8)
      metadata.add(record.offset)
      metadata.add(record.length)
    }
    for child in children {
      metadata.add(child.address)
      // In as many bytes as the most records of a node take.
      metadata.add(UInt16(child.count))
    }
    metadata.addChecksum(from: start)
    metadata.add(zeros: nodeBytes - (metadata.bytes.count - start))
  }
}

extension Int {
  /// The smallest power of two that is not below `least`.
  fileprivate init(nextPowerOfTwo least: Int) {
    self = 1
    while self < least { self *= 2 }
  }
}
