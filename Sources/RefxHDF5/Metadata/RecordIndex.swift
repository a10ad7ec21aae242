/// A tree of records of one size, in order (a B-tree of version 2).
///
/// All of it has checksums.
struct RecordIndex {
  private let file: MetadataFile
  private let type: Int
  private let recordBytes: Int
  /// For each level from the leaves up, how a node of it is laid out.
  private var levels: [Level] = []
  private var recordsLeft: Int
  /// What nodes may still take: no two share bytes.
  private var bytesLeft: Int

  private struct Level {
    /// How many records a node has at most, and with all below it.
    let most: Int
    let mostInAll: Int
    /// Of a pointer to a node of the level below.
    let pointerBytes: Int
  }

  /// Calls `body` with the bytes of each record, in order, until it returns false.
  ///
  /// - Parameters:
  ///   - type: what the records are.
  ///   - most: how many there may be.
  /// - Returns: false where the tree is not as it must be, or `body` returned false.
  static func forEach(
    at address: Int, type: Int, recordBytes: Int, in file: MetadataFile, most: Int,
    _ body: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    var index = RecordIndex(file, type: type, recordBytes: recordBytes)
    return index.walk(address, most: most, body)
  }

  private init(_ file: MetadataFile, type: Int, recordBytes: Int) {
    self.file = file
    self.type = type
    self.recordBytes = recordBytes
    recordsLeft = 0
    bytesLeft = file.byteCount
  }

  private mutating func walk(_ address: Int, most: Int, _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
    let bytes = 16 + file.addressSize + 2 + file.lengthSize + 4
    guard let place = file.offset(of: address),
      let head = file.withBytes(at: place, least: bytes, { head($0, count: bytes) }),
      head.all <= most, addLevels(head.depth, nodeBytes: head.nodeBytes)
    else { return false }
    recordsLeft = head.all
    guard let root = head.root else { return head.all == 0 && head.count == 0 }
    return node(root, level: head.depth, count: head.count, all: head.all, body) && recordsLeft == 0
  }

  private func head(
    _ bytes: UnsafeRawBufferPointer, count: Int
  ) -> (nodeBytes: Int, depth: Int, root: Int?, count: Int, all: Int)? {
    guard var fields = Fields(bytes, checkedBySumAt: count - 4), fields.follows("BTHD"),
      fields.number(1) == 0, fields.int(1) == type, let nodeBytes = fields.int(4),
      fields.int(2) == recordBytes, let depth = fields.int(2),
      // At how many per cent nodes are split, and merged.
      fields.skip(2), case .some(let root) = fields.address(file.addressSize), let count = fields.int(2),
      let all = fields.int(file.lengthSize)
    else { return nil }
    return (nodeBytes, depth, root, count, all)
  }

  /// Signature, version, type, checksum.
  private static let frameBytes = 10

  private mutating func addLevels(_ depth: Int, nodeBytes: Int) -> Bool {
    guard depth < 16, nodeBytes > RecordIndex.frameBytes else { return false }
    let leaf = (nodeBytes - RecordIndex.frameBytes) / recordBytes
    guard leaf > 0 else { return false }
    levels = [Level(most: leaf, mostInAll: leaf, pointerBytes: 0)]
    for level in 0..<depth {
      let below = levels[level].mostInAll
      // An address, the node's own records, and in higher levels those of all nodes below it.
      let pointer =
        file.addressSize + Fields.bytes(for: leaf) + (level > 0 ? Fields.bytes(for: below) : 0)
      let room = nodeBytes - RecordIndex.frameBytes - pointer
      guard room > 0, room / (recordBytes + pointer) > 0 else { return false }
      let most = room / (recordBytes + pointer)
      let (product, overflow) = (most + 1).multipliedReportingOverflow(by: below)
      let (all, another) = product.addingReportingOverflow(most)
      guard !overflow, !another else { return false }
      levels.append(Level(most: most, mostInAll: all, pointerBytes: pointer))
    }
    return true
  }

  // MARK: Nodes

  private struct Child {
    let address: Int
    let count: Int
    let all: Int
  }

  private mutating func node(
    _ address: Int, level: Int, count: Int, all: Int, _ body: (UnsafeRawBufferPointer) -> Bool
  ) -> Bool {
    let layout = levels[level]
    let recordsEnd = 6 + count * recordBytes
    let end = recordsEnd + (level > 0 ? (count + 1) * layout.pointerBytes : 0)
    guard count > 0, count <= layout.most, count <= all, all <= recordsLeft, end + 4 <= bytesLeft,
      let place = file.offset(of: address)
    else { return false }
    bytesLeft -= end + 4
    if level == 0 {
      guard all == count else { return false }
      recordsLeft -= count
      return file.withBytes(at: place, least: end + 4) { bytes -> Bool? in
        guard var fields = Fields(bytes, checkedBySumAt: end), isHead(&fields, "BTLF") else { return nil }
        for _ in 0..<count {
          guard let record = fields.take(recordBytes), body(record) else { return nil }
        }
        return true
      } ?? false
    }
    // The file's bytes are at hand until others are asked for.
    let found = file.withBytes(at: place, least: end + 4) { bytes -> (records: [UInt8], [Child])? in
      guard var fields = Fields(bytes, checkedBySumAt: end), isHead(&fields, "BTIN"),
        let records = fields.take(count * recordBytes)
      else { return nil }
      var children: [Child] = []
      let leafCountBytes = Fields.bytes(for: levels[0].most)
      for _ in 0...count {
        guard case .some(.some(let child)) = fields.address(file.addressSize),
          let own = fields.int(leafCountBytes)
        else { return nil }
        var all = own
        if level > 1 {
          guard let below = fields.int(Fields.bytes(for: levels[level - 1].mostInAll)) else { return nil }
          all = below
        }
        children.append(Child(address: child, count: own, all: all))
      }
      return (Array(records), children)
    }
    guard let (records, children) = found else { return false }
    recordsLeft -= count
    let before = recordsLeft
    for (number, child) in children.enumerated() {
      guard node(child.address, level: level - 1, count: child.count, all: child.all, body) else {
        return false
      }
      guard number < count else { continue }
      let isTaken = records.withUnsafeBytes { records in
        body(UnsafeRawBufferPointer(rebasing: records[(number * recordBytes)..<((number + 1) * recordBytes)]))
      }
      guard isTaken else { return false }
    }
    return before - recordsLeft == all - count
  }

  private func isHead(_ fields: inout Fields, _ signature: StaticString) -> Bool {
    fields.follows(signature) && fields.number(1) == 0 && fields.int(1) == type
  }
}
