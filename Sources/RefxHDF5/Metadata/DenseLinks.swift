/// The links of a large group of the new style: a heap holds them, and an index by the hashes of their names
/// says where in the heap.
struct DenseLinks {
  /// Ascending by the bytes of their names.
  private(set) var links: [StoredLink] = []

  /// - Parameter most: how many links there may be.
  /// - Returns: nil where libhdf5 has to be asked.
  init?(heap address: Int, index: Int, in file: MetadataFile, most: Int) {
    guard let heap = FractalHeap(at: address, in: file), heap.identifierBytes == DenseLinks.identifierBytes,
      heap.objectCount <= most
    else { return nil }
    var objects: [HeapObject] = []
    let index = RecordIndex.forEach(
      at: index, type: 5, recordBytes: 4 + DenseLinks.identifierBytes, in: file, most: heap.objectCount
    ) { record in
      var fields = Fields(record)
      guard let hash = fields.number(4), let object = heap.object(&fields, tag: UInt32(hash)),
        hash >= objects.last?.tag ?? 0
      else { return false }
      objects.append(object)
      return true
    }
    guard index, objects.count == heap.objectCount else { return nil }
    // In the order of the heap, each of its blocks is read once.
    objects.sort { $0.offset < $1.offset }
    var found: [StoredLink] = []
    found.reserveCapacity(objects.count)
    let isRead = heap.forEach(objects, in: file) { object, bytes in
      var fields = Fields(bytes)
      guard let link = StoredLink(&fields, addressSize: file.addressSize), fields.remaining == 0,
        link.name.bytes.withUnsafeBytes(MetadataChecksum.of) == object.tag
      else { return false }
      found.append(link)
      return true
    }
    guard isRead else { return nil }
    found.sort { $0.name < $1.name }
    guard zip(found, found.dropFirst()).allSatisfy({ $0.name != $1.name }) else { return nil }
    links = found
  }

  /// How an index of links names an object of the heap.
  private static let identifierBytes = 7
}
