/// What the header of a group or dataset says, read by our own code, which takes a fraction of the time that
/// libhdf5 needs to open an object.
///
/// Only what is common is known here. Whatever else there is, and whatever is not as it must be, is left to
/// libhdf5: then there is no value.
struct ObjectHeader {
  private(set) var space: Space?
  /// The largest extents that a dataset may get, each nil where it has no limit.
  private(set) var mostExtents: [Int?] = []
  /// The message that describes the elements, byte for byte.
  private(set) var type: [UInt8]?
  private(set) var layout: Layout?
  /// Where chunks are that no tree of the layout's lists, in the ways of HDF5 1.10 and later.
  private(set) var chunkListing: ChunkListing?
  /// Whether the chunks at the edges went through the filters too.
  private(set) var filtersPartialChunks = true
  private(set) var filters: [Filter] = []
  /// Of a group: ascending by the bytes of their names, no two of one name.
  private(set) var links: [StoredLink]?
  private(set) var attributes = LayoutAttributes()

  enum Space {
    case null
    case simple([Int])
  }

  enum Layout {
    /// In the header itself: where in the file, and how many bytes.
    case compact(offset: Int, count: Int)
    /// From an address on, where anything was written.
    case contiguous(address: Int?)
    /// In chunks of that shape, of elements of that size, which a tree at an address lists.
    case chunked(tree: Int?, shape: [Int], itemSize: Int)
  }

  struct Filter {
    let id: Int
    let values: [UInt32]
  }

  /// Where the links are that do not stand in the header. They are read when all of the header was: the
  /// bytes of a message are at hand until others are asked for.
  private var linkStore: LinkStore?

  /// Where attributes are that do not stand in the header.
  private var attributeStore: (heap: Int, index: Int)?

  private enum LinkStore {
    case table(SymbolTable)
    case heap(Int, index: Int)
  }

  /// - Parameter mostLinks: how many links a group may have.
  /// - Returns: nil where libhdf5 has to be asked.
  init?(at address: Int, in file: MetadataFile, mostLinks: Int = 1 << 24) {
    var header = ObjectHeader()
    guard HeaderMessages.forEach(at: address, in: file, { header.take($0, file) }),
      header.readLinks(file, most: mostLinks), header.readAttributes(file)
    else { return nil }
    // One or the other, and all of it.
    guard (header.links == nil) != (header.layout == nil), header.links == nil || header.space == nil,
      header.layout == nil || header.space != nil && header.type != nil
    else { return nil }
    self = header
  }

  private init() {}

  /// - Returns: false where libhdf5 has to be asked.
  private mutating func take(_ message: HeaderMessage, _ file: MetadataFile) -> Bool {
    var fields = Fields(message.body)
    switch message.type {
    case 0x01: return !message.isShared && takeSpace(&fields, file)
    case 0x02: return takeLinkInfo(&fields, file)
    case 0x03:
      guard !message.isShared, type == nil, fields.remaining <= 4096 else { return false }
      type = Array(message.body)
      return true
    // A value for what was never written. Without bytes it is zero.
    case 0x04: return !message.isShared && fields.number(4) == 0
    case 0x05: return !message.isShared && isZeroFill(&fields)
    case 0x06: return takeLink(&fields, file)
    case 0x08: return takeLayout(&fields, message.offset, file)
    case 0x0B: return !message.isShared && takeFilters(&fields)
    case 0x0C: return !message.isShared && attributes.take(&fields, file)
    case 0x11: return !message.isShared && takeSymbolTable(&fields, file)
    case 0x15: return takeAttributeInfo(&fields, file)
    // What a group is estimated to hold, a comment, times, how often it is linked to.
    case 0x0A, 0x0D, 0x0E, 0x12, 0x16: return true
    default: return false
    }
  }

  private mutating func takeSpace(_ fields: inout Fields, _ file: MetadataFile) -> Bool {
    var head = fields
    guard space == nil, let found = Space(&fields, lengthSize: file.lengthSize), head.skip(2),
      let flags = head.int(1)
    else { return false }
    space = found
    guard case .simple(let extents) = found else { return true }
    mostExtents = extents
    guard flags & 1 != 0 else { return true }
    for axis in extents.indices {
      // No limit is all ones, as an address that is none.
      guard case .some(let most) = fields.address(file.lengthSize), most ?? Int.max >= extents[axis] else {
        return false
      }
      mostExtents[axis] = most
    }
    return true
  }

  private func isZeroFill(_ fields: inout Fields) -> Bool {
    switch fields.int(1) {
    case 2:
      // When it is allocated and written, whether there is one, how long it is.
      guard fields.skip(2), let isDefined = fields.int(1) else { return false }
      return isDefined == 0 || fields.number(4) == 0
    case 3:
      guard let flags = fields.int(1) else { return false }
      return flags & 0x20 == 0 || fields.number(4) == 0
    default: return false
    }
  }

  private mutating func takeLayout(_ fields: inout Fields, _ offset: Int, _ file: MetadataFile) -> Bool {
    // Versions 4 and 5 differ in how they list chunks alone.
    guard layout == nil, let version = fields.int(1), (3...5).contains(version) else { return false }
    switch fields.int(1) {
    case 0:
      guard let count = fields.int(2), count <= fields.remaining else { return false }
      layout = .compact(offset: offset + fields.place, count: count)
    case 1:
      guard case .some(let address) = fields.address(file.addressSize), fields.skip(file.lengthSize) else {
        return false
      }
      layout = .contiguous(address: address)
    case 2 where version == 3:
      guard let rank = fields.int(1), (2...33).contains(rank),
        case .some(let tree) = fields.address(file.addressSize)
      else { return false }
      var extents: [Int] = []
      for _ in 0..<rank {
        guard let extent = fields.int(4), extent > 0 else { return false }
        extents.append(extent)
      }
      let itemSize = extents.removeLast()
      layout = .chunked(tree: tree, shape: extents, itemSize: itemSize)
    case 2:
      guard let flags = fields.int(1), flags < 4, let rank = fields.int(1), (2...33).contains(rank),
        let extentBytes = fields.int(1), (1...8).contains(extentBytes)
      else { return false }
      var extents: [Int] = []
      for _ in 0..<rank {
        guard let extent = fields.int(extentBytes), extent > 0, extent < 1 << 32 else { return false }
        extents.append(extent)
      }
      let itemSize = extents.removeLast()
      // Of a kind that is not known here there is no listing, but all the rest.
      chunkListing = ChunkListing(&fields, flags: flags, file)
      filtersPartialChunks = flags & 1 == 0
      layout = .chunked(tree: nil, shape: extents, itemSize: itemSize)
    default: return false
    }
    return true
  }

  private mutating func takeFilters(_ fields: inout Fields) -> Bool {
    guard filters.isEmpty, let version = fields.int(1), version == 1 || version == 2,
      let count = fields.int(1), count <= 32, version == 2 || fields.skip(6)
    else { return false }
    for _ in 0..<count {
      guard let id = fields.int(2) else { return false }
      var nameLength = 0
      if version == 1 || id >= 256 {
        guard let length = fields.int(2) else { return false }
        nameLength = version == 1 ? (length + 7) / 8 * 8 : length
      }
      guard fields.skip(2), let valueCount = fields.int(2), fields.skip(nameLength) else { return false }
      var values: [UInt32] = []
      for _ in 0..<valueCount {
        guard let value = fields.number(4) else { return false }
        values.append(UInt32(value))
      }
      if version == 1, valueCount % 2 == 1, !fields.skip(4) { return false }
      filters.append(Filter(id: id, values: values))
    }
    return true
  }

  // MARK: Groups

  private mutating func takeSymbolTable(_ fields: inout Fields, _ file: MetadataFile) -> Bool {
    guard linkStore == nil, let table = SymbolTable(&fields, addressSize: file.addressSize) else {
      return false
    }
    linkStore = .table(table)
    return true
  }

  private mutating func takeLinkInfo(_ fields: inout Fields, _ file: MetadataFile) -> Bool {
    guard fields.int(1) == 0, let flags = fields.int(1), flags < 4, fields.skip(flags & 1 != 0 ? 8 : 0),
      case .some(let heap) = fields.address(file.addressSize),
      case .some(let index) = fields.address(file.addressSize)
    else { return false }
    guard let heap else {
      if links == nil { links = [] }
      return true
    }
    guard linkStore == nil, let index else { return false }
    linkStore = .heap(heap, index: index)
    return true
  }

  private mutating func takeLink(_ fields: inout Fields, _ file: MetadataFile) -> Bool {
    guard let link = StoredLink(&fields, addressSize: file.addressSize) else { return false }
    if links == nil { links = [] }
    links?.append(link)
    return true
  }

  /// Reads the links that stand elsewhere, which are all of the group's.
  private mutating func readLinks(_ file: MetadataFile, most: Int) -> Bool {
    guard let linkStore else {
      guard let found = links?.sorted(by: { $0.name < $1.name }) else { return true }
      links = found
      return found.count <= most && zip(found, found.dropFirst()).allSatisfy { $0.name != $1.name }
    }
    guard links == nil else { return false }
    switch linkStore {
    case .table(let table): links = OldGroup(table, in: file, most: most)?.links
    case .heap(let heap, let index):
      links = DenseLinks(heap: heap, index: index, in: file, most: most)?.links
    }
    return links != nil
  }

  // MARK: Attributes

  private mutating func takeAttributeInfo(_ fields: inout Fields, _ file: MetadataFile) -> Bool {
    guard fields.int(1) == 0, let flags = fields.int(1), fields.skip(flags & 1 != 0 ? 2 : 0),
      case .some(let heap) = fields.address(file.addressSize),
      case .some(let index) = fields.address(file.addressSize)
    else { return false }
    guard let heap else { return true }
    guard attributeStore == nil, let index else { return false }
    attributeStore = (heap, index)
    return true
  }

  /// Reads the attributes that stand elsewhere, which are all of the object's.
  private mutating func readAttributes(_ file: MetadataFile) -> Bool {
    guard let attributeStore else { return true }
    guard attributes.count == 0, attributes.others.isEmpty,
      let dense = DenseAttributes(heap: attributeStore.heap, index: attributeStore.index, in: file)
    else { return false }
    attributes = dense.attributes
    return true
  }
}
