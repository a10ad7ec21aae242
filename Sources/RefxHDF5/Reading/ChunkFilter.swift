import Refx
import RefxStore

/// One step of what was done to a chunk before it was stored.
enum ChunkFilter: Hashable, Sendable {
  case deflate
  case shuffle(itemSize: Int)
  case fletcher32

  /// - Returns: nil for a filter that this library does not decode.
  init?(id: Int, values: [UInt32]) {
    switch id {
    case 1: self = .deflate
    case 2:
      guard let size = values.first, size > 0 else { return nil }
      self = .shuffle(itemSize: Int(size))
    case 3: self = .fletcher32
    default: return nil
    }
  }

  static func unknown(id: Int) -> UnsupportedLeaf {
    let names = [
      2: "shuffle without a size", 4: "szip", 5: "nbit", 6: "scale-offset", 32000: "lzf", 32001: "blosc",
      32004: "lz4", 32008: "bitshuffle", 32015: "zstandard",
    ]
    let name = names[id].map { "\($0), \(id)" } ?? "\(id)"
    return UnsupportedLeaf(
      typeName: "filter \(id)",
      reason: "it is packed with filter \(name); only deflate, shuffle and fletcher32 are decoded")
  }

  /// Why a sequence of filters is not decoded; nil where it is.
  static func reasonToRefuse(_ filters: [ChunkFilter]) -> UnsupportedLeaf? {
    if filters.filter({ $0 == .deflate }).count > 1 {
      return UnsupportedLeaf(
        typeName: "filter 1 twice",
        reason: "it is deflated more than once, which only serves to blow up memory")
    }
    if filters.filter({ $0 == .fletcher32 }).count > 1 || filters.count > 3 {
      return UnsupportedLeaf(
        typeName: "filters", reason: "it is packed with more filters than one of each kind")
    }
    return nil
  }
}

extension Chunking {
  /// Undoes the filters of a stored chunk. `mask` has a bit for each filter that was left out.
  ///
  /// - Returns: the chunk's elements, exactly `byteCount` bytes.
  /// - Throws: ``RefxError`` where a checksum differs or the lengths do not fit. At most one byte more than
  ///   the chunk has is ever produced.
  func decode(_ stored: [UInt8], mask: UInt32, by decoder: ChunkDecoder) throws -> [UInt8] {
    let applied = filters.indices.filter { $0 >= 32 || mask & (1 << UInt32($0)) == 0 }
    // The length before each step, which is what undoing it must give.
    var lengths: [Int] = []
    var length: Int? = byteCount
    for position in applied {
      lengths.append(length ?? -1)
      switch filters[position] {
      case .deflate: length = nil
      case .shuffle: break
      case .fletcher32: length = length.map { $0 + 4 }
      }
    }
    var bytes = stored
    for (position, expected) in zip(applied, lengths).reversed() {
      switch filters[position] {
      case .fletcher32: bytes = try Fletcher32.checked(bytes)
      case .deflate: bytes = try inflate(bytes, count: expected, by: decoder)
      case .shuffle(let itemSize): bytes = unshuffled(bytes, itemSize: itemSize)
      }
    }
    guard bytes.count == byteCount else {
      throw RefxError.chunkDoesNotDecode(
        expected: byteCount, fault: bytes.count < byteCount ? .shorter(bytes.count) : .longer)
    }
    return bytes
  }

  private func inflate(_ stored: [UInt8], count: Int, by decoder: ChunkDecoder) throws -> [UInt8] {
    guard count >= 0 else { throw RefxError.chunkDoesNotDecode(expected: count, fault: .longer) }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try stored.withUnsafeBytes {
        try decoder.inflate($0, into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
      }
      filled = count
    }
  }

  /// Bytes beyond the last whole element were left in place.
  private func unshuffled(_ planes: [UInt8], itemSize: Int) -> [UInt8] {
    let count = planes.count / itemSize
    guard itemSize > 1, count > 1 else { return planes }
    let whole = count * itemSize
    return [UInt8](unsafeUninitializedCapacity: planes.count) { buffer, filled in
      planes.withUnsafeBytes { planes in
        let target = UnsafeMutableRawBufferPointer(buffer)
        Shuffle.unshuffle(
          UnsafeRawBufferPointer(rebasing: planes[..<whole]),
          into: UnsafeMutableRawBufferPointer(rebasing: target[..<whole]), itemSize: itemSize)
        UnsafeMutableRawBufferPointer(rebasing: target[whole..<planes.count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: planes[whole...]))
      }
      filled = planes.count
    }
  }
}

/// HDF5's checksum of a stored chunk: two sums of its 16-bit words, highest byte first.
enum Fletcher32 {
  /// The bytes before the checksum, which must fit them.
  static func checked(_ stored: [UInt8]) throws -> [UInt8] {
    guard stored.count >= 4 else {
      throw RefxError.chunkDoesNotDecode(expected: 4, fault: .shorter(stored.count))
    }
    let body = stored.count - 4
    let expected = stored.withUnsafeBytes {
      UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: body, as: UInt32.self))
    }
    let found = sum(stored[..<body])
    // Old releases of libhdf5 wrote the bytes of each half the other way round, and readers take both.
    let swapped = (found & 0x00FF_00FF) << 8 | (found & 0xFF00_FF00) >> 8
    guard expected == found || expected == swapped else {
      throw RefxError.fletcherDiffers(expected: expected, found: found)
    }
    return Array(stored[..<body])
  }

  static func sum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var first: UInt32 = 0
    var second: UInt32 = 0
    bytes.withUnsafeBufferPointer { bytes in
      var words = bytes.count / 2
      var place = 0
      while words > 0 {
        // 360 words cannot overflow the sums.
        let block = min(words, 360)
        words -= block
        for _ in 0..<block {
          first &+= UInt32(bytes[place]) << 8 | UInt32(bytes[place + 1])
          second &+= first
          place += 2
        }
        first = (first & 0xFFFF) &+ (first >> 16)
        second = (second & 0xFFFF) &+ (second >> 16)
      }
      if bytes.count % 2 == 1 {
        first &+= UInt32(bytes[place]) << 8
        second &+= first
        first = (first & 0xFFFF) &+ (first >> 16)
        second = (second & 0xFFFF) &+ (second >> 16)
      }
    }
    first = (first & 0xFFFF) &+ (first >> 16)
    second = (second & 0xFFFF) &+ (second >> 16)
    return second << 16 | first
  }
}
