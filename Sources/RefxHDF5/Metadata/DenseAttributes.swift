/// The attributes of an object that has many: a heap holds them, and an index by the hashes of their names says
/// where in the heap.
struct DenseAttributes {
  private(set) var attributes = LayoutAttributes()

  /// - Returns: nil where libhdf5 has to be asked.
  init?(heap address: Int, index: Int, in file: MetadataFile) {
    guard let heap = FractalHeap(at: address, in: file),
      heap.identifierBytes == DenseAttributes.identifierBytes
    else { return nil }
    var objects: [(object: HeapObject, order: Int)] = []
    let isIndexed = RecordIndex.forEach(
      at: index, type: 8, recordBytes: DenseAttributes.identifierBytes + 9, in: file, most: heap.objectCount
    ) { record in
      var fields = Fields(record)
      guard var identifier = fields.subfields(DenseAttributes.identifierBytes),
        // Attributes that objects share stand elsewhere.
        fields.number(1) == 0, let order = fields.int(4), let hash = fields.number(4),
        let object = heap.object(&identifier, tag: UInt32(hash)), hash >= objects.last?.object.tag ?? 0
      else { return false }
      objects.append((object, order))
      return true
    }
    guard isIndexed, objects.count == heap.objectCount else { return nil }
    // In the order of the heap, each of its blocks is read once.
    objects.sort { $0.object.offset < $1.object.offset }
    var found: [(order: Int, bytes: [UInt8])] = []
    var next = 0
    let isRead = heap.forEach(objects.map(\.object), in: file) { _, bytes in
      found.append((objects[next].order, Array(bytes)))
      next += 1
      return true
    }
    guard isRead else { return nil }
    // As they were made, where their writer kept track of it.
    found.sort { $0.order < $1.order }
    for (_, bytes) in found {
      let isKnown = bytes.withUnsafeBytes { bytes in
        var fields = Fields(bytes)
        return attributes.take(&fields, file)
      }
      guard isKnown else { return nil }
    }
  }

  /// How an index of attributes names an object of the heap.
  private static let identifierBytes = 8
}
