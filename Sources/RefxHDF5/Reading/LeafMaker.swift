import Refx
import RefxStore

/// Turns datasets into leaves and static values, within what the size of the file can justify.
struct LeafMaker {
  private let input: HDF5Input
  /// Deflate packs at most 1 : 1032. What declares more than that, all in all, is mostly fill values or a
  /// lie, and reading it would take out of all proportion to the file.
  private var bytesLeft: Int
  private var textLeft: Int
  private let budget: Budget

  init(_ input: HDF5Input, _ budget: Budget) {
    self.input = input
    self.budget = budget
    bytesLeft = input.bytes.byteCount.multipliedClamping(by: 1040) + (256 << 20)
    textLeft = input.bytes.byteCount.multipliedClamping(by: 64) + (16 << 20)
  }

  /// The dataset as a leaf; one that is listed with the reason where it cannot be represented.
  ///
  /// - Parameters:
  ///   - dtype: what the layout says the elements are, where that differs from their HDF5 type.
  ///   - checksum: that of the logical bytes, where the file holds one.
  mutating func leaf(
    _ header: DatasetHeader, _ name: String, dtype: DType? = nil, checksum: UInt32? = nil,
    codec: ChunkCodec.Identity? = nil
  ) throws -> Leaf {
    let shape = header.shape ?? []
    try budget.check(rank: shape.count)
    if case .unsupported(let reason) = header.element { return .unsupported(reason, shape: shape) }
    guard let count = DType.elementCount(of: shape) else {
      return tooLarge(shape, "more elements than can be counted")
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: header.itemSize)
    guard !overflow, bytes <= bytesLeft else { return tooLarge(shape, "\(count) elements") }
    bytesLeft -= bytes
    // What text takes is known when it is read.
    if case .number = header.element { try budget.charge(bytes: bytes) }
    let elements = StoredElements(input: input, header: header, name: name)
    switch header.element {
    case .unsupported(let reason): return .unsupported(reason, shape: shape)
    case .number(let own, let isBigEndian):
      let dtype = dtype ?? own
      let source = HDF5Leaf(
        elements, dtype: dtype, isBigEndian: isBigEndian, checksum: checksum, codec: codec)
      return Leaf(dtype: dtype, shape: shape, source: source)
    case .fixedText, .heapText: return try text(elements, shape, checksum: checksum)
    }
  }

  private func tooLarge(_ shape: [Int], _ what: String) -> Leaf {
    .unsupported(
      UnsupportedLeaf(
        typeName: "sparse",
        reason: "it declares \(what), out of all proportion to the \(input.bytes.byteCount) bytes of the file"
      ),
      shape: shape)
  }

  /// Text is read with the catalogue: its size is not known before.
  private mutating func text(_ elements: StoredElements, _ shape: [Int], checksum: UInt32?) throws -> Leaf {
    let bytes: [UInt8]
    do {
      bytes = try read(elements) { try $0.canonicalBytes() }
      try budget.charge(bytes: bytes.count)
    } catch let error as RefxError {
      if budget.isExceeded { throw error }
      // What another program wrote may be unreadable; what the layout vouches for must not be.
      if checksum != nil { throw error }
      return .unsupported(UnsupportedLeaf(unreadableText: error), shape: shape)
    }
    let found = bytes.withUnsafeBytes(CRC32.of)
    if let checksum, checksum != found {
      throw RefxError.hdf5ChecksumDiffers(
        expected: checksum, found: found, object: elements.name, file: input.bytes.name)
    }
    let memory = MemoryBytes(count: bytes.count) { buffer in
      bytes.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    return Leaf(dtype: .string, shape: shape, source: memory)
  }

  /// The text of a scalar, as bytes.
  mutating func scalarText(_ header: DatasetHeader, _ name: String) throws -> [UInt8] {
    try read(StoredElements(input: input, header: header, name: name)) { try $0.scalar() }
  }

  /// Reads text, within what the size of the file justifies and what the budget has left.
  private mutating func read(_ elements: StoredElements, _ body: (TextReader) throws -> [UInt8]) throws
    -> [UInt8]
  {
    let bytes: [UInt8]
    let left = budget.metadataBytesLeft
    do {
      bytes = try body(TextReader(elements, limit: min(textLeft, left)))
    } catch let error as RefxError {
      throw error.code == .limit && left < textLeft ? budget.refusalOfMetadata() : error
    }
    textLeft -= bytes.count
    try budget.charge(metadataBytes: bytes.count)
    return bytes
  }

  /// The one number of a scalar, as its little-endian bytes.
  func scalarBytes(_ header: DatasetHeader, dtype: DType, isBigEndian: Bool, _ name: String) throws -> [UInt8]
  {
    let elements = StoredElements(input: input, header: header, name: name)
    let source = HDF5Leaf(elements, dtype: dtype, isBigEndian: isBigEndian)
    var bytes = [UInt8](repeating: 0, count: elements.byteCount)
    try bytes.withUnsafeMutableBytes { try source.read(at: 0, into: $0) }
    return bytes
  }
}

extension UnsupportedLeaf {
  /// Text that could not be read, and why.
  init(unreadableText error: RefxError) {
    var reason = error
    reason.file = nil
    reason.advice = nil
    self.init(typeName: "string", reason: reason.summary)
  }
}
