import CHDF5
import Refx
import RefxStore
import Synchronization

/// The payload of a dataset, read when it is asked for and brought into little-endian order.
///
/// Where the file holds a checksum of the leaf, the first read of any part of it reads and checks all of it.
final class HDF5Leaf: LeafSource {
  let elements: StoredElements
  let dtype: DType
  let byteCount: Int
  let checksum: UInt32?
  let codec: ChunkCodec.Identity?
  private let isBigEndian: Bool
  private let wasChecked = Atomic<Bool>(false)

  /// - Precondition: the elements are numbers as wide as `dtype`'s.
  init(
    _ elements: StoredElements, dtype: DType, isBigEndian: Bool, checksum: UInt32? = nil,
    codec: ChunkCodec.Identity? = nil
  ) {
    self.elements = elements
    self.dtype = dtype
    self.isBigEndian = isBigEndian
    self.checksum = checksum
    self.codec = codec
    byteCount = elements.byteCount
  }

  var storedByteCount: Int? { elements.header.storedByteCount }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let checksum, !wasChecked.load(ordering: .acquiring) else {
      return try readUnchecked(at: offset, into: buffer)
    }
    var sum = CRC32()
    if buffer.count == byteCount {
      try readUnchecked(at: offset, into: buffer)
      sum.update(UnsafeRawBufferPointer(buffer))
    } else {
      try sumAll(into: &sum)
    }
    guard sum.value == checksum else {
      throw RefxError.hdf5ChecksumDiffers(
        expected: checksum, found: sum.value, object: elements.name, file: elements.input.bytes.name)
    }
    wasChecked.store(true, ordering: .releasing)
    if buffer.count != byteCount { try readUnchecked(at: offset, into: buffer) }
  }

  private func sumAll(into sum: inout CRC32) throws {
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: min(byteCount, 1 << 20), alignment: 64)
    defer { piece.deallocate() }
    let grid = ChunkGrid(
      itemSize: dtype.itemSize ?? 1, shape: elements.header.shape ?? [], byteCount: byteCount)
    for position in 0..<grid.count {
      let range = grid.range(of: position)
      let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<range.count])
      try readUnchecked(at: range.lowerBound, into: part)
      sum.update(UnsafeRawBufferPointer(part))
    }
  }

  private func readUnchecked(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if !isBigEndian {
      try elements.read(at: offset, into: buffer)
    } else {
      try readSwapped(at: offset, into: buffer)
    }
    if dtype == .bool, let other = buffer.first(where: { $0 > 1 }) {
      throw elements.input.damaged("a boolean that is \(other), neither false nor true", at: elements.name)
    }
  }

  /// The width of what has a byte order: a complex number is two of them.
  private var wordSize: Int {
    let size = dtype.itemSize ?? 1
    return dtype == .complex64 || dtype == .complex128 ? size / 2 : size
  }

  private func readSwapped(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let size = wordSize
    let start = offset / size * size
    let end = (offset + buffer.count + size - 1) / size * size
    if start == offset, end == offset + buffer.count {
      try elements.read(at: offset, into: buffer)
      return swapWords(buffer, size)
    }
    let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 16)
    defer { whole.deallocate() }
    try elements.read(at: start, into: whole)
    swapWords(whole, size)
    buffer.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: whole[(offset - start)..<(offset - start + buffer.count)]))
  }

  private func swapWords(_ buffer: UnsafeMutableRawBufferPointer, _ size: Int) {
    var word = 0
    while word < buffer.count {
      for byte in 0..<(size / 2) { buffer.swapAt(word + byte, word + size - 1 - byte) }
      word += size
    }
  }
}

/// What stands in a file and cannot be represented.
final class UnsupportedSource: LeafSource {
  let unsupported: UnsupportedLeaf?
  let byteCount = 0
  let storedByteCount: Int?

  init(_ reason: UnsupportedLeaf, storedByteCount: Int? = nil) {
    unsupported = reason
    self.storedByteCount = storedByteCount
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if let unsupported { throw RefxError.unsupportedLeaf(unsupported) }
  }
}

extension Leaf {
  static func unsupported(_ reason: UnsupportedLeaf, shape: [Int] = []) -> Leaf {
    Leaf(dtype: .unsupported, shape: shape, source: UnsupportedSource(reason))
  }
}
