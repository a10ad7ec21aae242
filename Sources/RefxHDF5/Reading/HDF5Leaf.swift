import CHDF5
import Refx
import RefxStore
import Synchronization

/// The payload of a dataset, read when it is asked for and brought into little-endian order, by as many
/// threads as ask.
///
/// Where the file holds a checksum of the leaf, nobody sees a byte of it that was not checked: who reads all
/// of it has all of it compared. A part of a compressed leaf is vouched for by the streams of its chunks,
/// each of which ends in a checksum, a part of a large raw leaf by the checksums of its slabs; where there
/// are none, all of it is read once before a part is given away.
final class HDF5Leaf: LeafSource {
  let elements: StoredElements
  let dtype: DType
  let byteCount: Int
  let checksums: LeafChecksums?
  let codec: ChunkCodec.Identity?
  private let isBigEndian: Bool
  /// Whether nothing is left to check.
  private let isSettled: Atomic<Bool>
  /// Held while all of the leaf is read on behalf of a part.
  private let checking = Mutex<Void>(())
  private let slabsAreSound = Atomic<Bool>(false)
  /// Which slabs were checked on behalf of a part of them; empty where none was.
  private let checkedSlabs = Mutex<[Bool]>([])

  /// - Precondition: the elements are numbers as wide as `dtype`'s.
  init(
    _ elements: StoredElements, dtype: DType, isBigEndian: Bool, checksums: LeafChecksums? = nil,
    codec: ChunkCodec.Identity? = nil
  ) {
    self.elements = elements
    self.dtype = dtype
    self.isBigEndian = isBigEndian
    self.checksums = checksums
    self.codec = codec
    byteCount = elements.byteCount
    isSettled = Atomic(checksums == nil || elements.input.options.verify == .never)
  }

  var storedByteCount: Int? { elements.storedByteCount }

  var grid: ChunkGrid {
    ChunkGrid(itemSize: dtype.itemSize ?? 1, shape: elements.header.shape ?? [], byteCount: byteCount)
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if buffer.count == byteCount {
      try readAll(into: buffer)
    } else if isSettled.load(ordering: .acquiring) || elements.chunksVouchForThemselves {
      try readUnchecked(at: offset, into: buffer)
    } else if let slabs = try soundSlabs() {
      try read(at: offset, into: buffer, checking: slabs)
    } else {
      try checkAll()
      try readUnchecked(at: offset, into: buffer)
    }
  }

  // MARK: All of it

  /// A leaf of fewer bytes is read by one thread.
  private static let parallelFrom = 4 << 20

  private func readAll(into buffer: UnsafeMutableRawBufferPointer) throws {
    let mustCheck = !isSettled.load(ordering: .acquiring)
    if byteCount < HDF5Leaf.parallelFrom {
      try readUnchecked(at: 0, into: buffer)
      if mustCheck { try settle(CRC32.of(UnsafeRawBufferPointer(buffer))) }
      return
    }
    let target = SharedBuffer(buffer)
    let sum = try sum(mustCheck) { range, body in
      let part = target[range]
      try readUnchecked(at: range.lowerBound, into: part)
      body(UnsafeRawBufferPointer(part))
    }
    if let sum { try settle(sum) }
  }

  /// Reads slab by slab on several threads.
  ///
  /// - Returns: the checksum of all of them; nil where none `isWanted`.
  private func sum(
    _ isWanted: Bool, _ read: @Sendable (Range<Int>, (UnsafeRawBufferPointer) -> Void) throws -> Void
  ) throws -> UInt32? {
    let grid = grid
    let sums = Mutex([UInt32](repeating: 0, count: isWanted ? grid.count : 0))
    let threads = Cores.threads(elements.input.options.threads, forBytes: byteCount)
    try forEachInParallel(grid.count, threads: threads) { position in
      try read(grid.range(of: position)) { bytes in
        guard isWanted else { return }
        let sum = CRC32.of(bytes)
        sums.withLock { $0[position] = sum }
      }
    }
    guard isWanted else { return nil }
    return sums.withLock { sums in
      sums.indices.reduce(0) { CRC32.combining($0, sums[$1], count: grid.range(of: $1).count) }
    }
  }

  // MARK: Checking

  private func checkAll() throws {
    try checking.withLock { _ in
      guard !isSettled.load(ordering: .acquiring) else { return }
      let scratch = elements.input.slabs
      let sum = try sum(true) { range, body in
        try scratch.with { buffer in
          let part = buffer.room(for: range.count)
          try readUnchecked(at: range.lowerBound, into: part)
          body(UnsafeRawBufferPointer(part))
        }
      }
      if let sum { try settle(sum) }
    }
  }

  /// Compares the checksum of all bytes with what the file says.
  private func settle(_ found: UInt32) throws {
    guard let checksums else { return }
    try check(found, is: checksums.whole, elements.name)
    isSettled.store(true, ordering: .releasing)
  }

  private func check(_ found: UInt32, is expected: UInt32, _ place: String) throws {
    guard found == expected else {
      throw RefxError.hdf5ChecksumDiffers(
        expected: expected, found: found, object: place, file: elements.input.bytes.name)
    }
  }

  /// Reads a part of a leaf of which every slab has a checksum: of the slabs that it touches, each is checked
  /// when it is touched for the first time.
  private func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer, checking slabs: [UInt32])
    throws
  {
    let grid = grid
    var done = 0
    while done < buffer.count {
      let position = grid.position(ofByte: offset + done)
      let slab = grid.range(of: position)
      let start = offset + done
      let target = UnsafeMutableRawBufferPointer(
        rebasing: buffer[done..<(done + min(slab.upperBound - start, buffer.count - done))])
      let place = "\(elements.name), bytes \(slab.lowerBound) to \(slab.upperBound)"
      if wasSlabChecked(position) {
        try readUnchecked(at: start, into: target)
      } else if target.count == slab.count {
        try readUnchecked(at: start, into: target)
        try check(CRC32.of(UnsafeRawBufferPointer(target)), is: slabs[position], place)
      } else {
        try elements.input.slabs.with { room in
          let whole = room.room(for: slab.count)
          try readUnchecked(at: slab.lowerBound, into: whole)
          try check(CRC32.of(UnsafeRawBufferPointer(whole)), is: slabs[position], place)
          let from = start - slab.lowerBound
          target.copyMemory(from: UnsafeRawBufferPointer(rebasing: whole[from..<(from + target.count)]))
        }
        checkedSlabs.withLock { checked in
          if checked.isEmpty { checked = [Bool](repeating: false, count: slabs.count) }
          checked[position] = true
        }
      }
      done += target.count
    }
  }

  private func wasSlabChecked(_ position: Int) -> Bool {
    checkedSlabs.withLock { $0.isEmpty ? false : $0[position] }
  }

  /// The checksums of the slabs, where they are those of this leaf: together they must make that of the
  /// whole.
  private func soundSlabs() throws -> [UInt32]? {
    guard let checksums, !checksums.slabs.isEmpty, checksums.slabs.count == grid.count else { return nil }
    if slabsAreSound.load(ordering: .acquiring) { return checksums.slabs }
    let grid = grid
    let whole = checksums.slabs.indices.reduce(0) {
      CRC32.combining($0, checksums.slabs[$1], count: grid.range(of: $1).count)
    }
    try check(whole, is: checksums.whole, elements.name)
    slabsAreSound.store(true, ordering: .releasing)
    return checksums.slabs
  }

  // MARK: Bytes

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

/// What a file says of the logical bytes of a leaf.
struct LeafChecksums: Sendable {
  /// The CRC-32 of all of them.
  let whole: UInt32
  /// The CRC-32 of each slab of the grid, where there are several.
  var slabs: [UInt32] = []
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
