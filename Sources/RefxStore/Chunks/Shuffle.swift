import CShuffle

/// HDF5's byte shuffle: the first bytes of all elements, then their second bytes, and so on.
///
/// Elements of 2, 4 and 8 bytes go by whole vectors where the processor has them (x86-64 with AVX2), those of 16
/// in two halves; elsewhere in loops that the compiler turns into what vector instructions there are; other sizes
/// byte by byte.
package enum Shuffle {
  /// How many elements are taken at once, so that they stay in the nearest cache.
  private static let block = 1024
  /// How many elements of 16 bytes are halved at once, on the stack.
  private static let halvedBlock = 64

  /// - Precondition: both buffers have the same count, a multiple of `itemSize`.
  package static func shuffle(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, itemSize: Int
  ) {
    precondition(source.count == target.count && source.count.isMultiple(of: itemSize))
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    let count = source.count / itemSize
    shuffle(from, count: count, into: to, stride: count, itemSize: itemSize)
  }

  /// Puts the bytes of `count` elements into planes that begin every `stride` bytes; what lies between the
  /// elements and the next plane is left as it is.
  static func shuffle(
    _ from: UnsafeRawPointer, count: Int, into to: UnsafeMutableRawPointer, stride: Int, itemSize: Int
  ) {
    switch itemSize {
    case 1: to.copyMemory(from: from, byteCount: count)
    case 2:
      let done = refx_shuffle(from, to, count, stride, 2)
      split(from, UInt16.self, done..<count, to, stride)
    case 4:
      let done = refx_shuffle(from, to, count, stride, 4)
      split(from, UInt32.self, done..<count, to, stride)
    case 8: split8(from, count, to, stride)
    case 16:
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * halvedBlock) { halves in
        for start in Swift.stride(from: 0, to: count, by: halvedBlock) {
          let part = min(halvedBlock, count - start)
          for place in 0..<part {
            let offset = (start &+ place) &* 16
            halves[place] = from.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            halves[halvedBlock &+ place] = from.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)
          }
          split8(UnsafeRawPointer(halves.baseAddress!), part, to + start, stride)
          split8(UnsafeRawPointer(halves.baseAddress! + halvedBlock), part, to + start + 8 * stride, stride)
        }
      }
    default:
      for start in Swift.stride(from: 0, to: count, by: block) {
        for plane in 0..<itemSize {
          let row = (to + plane * stride).assumingMemoryBound(to: UInt8.self)
          let bytes = (from + plane).assumingMemoryBound(to: UInt8.self)
          for place in start..<min(count, start + block) { row[place] = bytes[place &* itemSize] }
        }
      }
    }
  }

  private static func split8(
    _ from: UnsafeRawPointer, _ count: Int, _ to: UnsafeMutableRawPointer, _ stride: Int
  ) {
    let done = refx_shuffle(from, to, count, stride, 8)
    split(from, UInt64.self, done..<count, to, stride)
  }

  @inline(__always)
  private static func split<Word: FixedWidthInteger & BitwiseCopyable>(
    _ from: UnsafeRawPointer, _ word: Word.Type, _ range: Range<Int>, _ to: UnsafeMutableRawPointer,
    _ stride: Int
  ) {
    let size = Word.bitWidth / 8
    for start in Swift.stride(from: range.lowerBound, to: range.upperBound, by: block) {
      let end = min(range.upperBound, start + block)
      for plane in 0..<size {
        let row = (to + plane * stride).assumingMemoryBound(to: UInt8.self)
        let shift = Word(truncatingIfNeeded: 8 * plane)
        for place in start..<end {
          let word = from.loadUnaligned(fromByteOffset: place &* size, as: Word.self).littleEndian
          row[place] = UInt8(truncatingIfNeeded: word &>> shift)
        }
      }
    }
  }

  /// Puts the first `target.count` bytes of the elements in `planes` back in order.
  ///
  /// - Precondition: both counts are multiples of `itemSize`, and the target is not larger.
  package static func unshuffle(
    _ planes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, itemSize: Int
  ) {
    precondition(
      target.count <= planes.count && planes.count.isMultiple(of: itemSize)
        && target.count.isMultiple(of: itemSize))
    guard let from = planes.baseAddress, let to = target.baseAddress else { return }
    let stride = planes.count / itemSize
    let count = target.count / itemSize
    switch itemSize {
    case 1: to.copyMemory(from: from, byteCount: count)
    case 2:
      let done = refx_unshuffle(from, to, count, stride, 2)
      join(from, UInt16.self, done..<count, to, stride)
    case 4:
      let done = refx_unshuffle(from, to, count, stride, 4)
      join(from, UInt32.self, done..<count, to, stride)
    case 8: join8(from, count, to, stride)
    case 16:
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * halvedBlock) { halves in
        for start in Swift.stride(from: 0, to: count, by: halvedBlock) {
          let part = min(halvedBlock, count - start)
          join8(from + start, part, UnsafeMutableRawPointer(halves.baseAddress!), stride)
          join8(
            from + start + 8 * stride, part, UnsafeMutableRawPointer(halves.baseAddress! + halvedBlock),
            stride)
          for place in 0..<part {
            let offset = (start &+ place) &* 16
            to.storeBytes(of: halves[place], toByteOffset: offset, as: UInt64.self)
            to.storeBytes(of: halves[halvedBlock &+ place], toByteOffset: offset &+ 8, as: UInt64.self)
          }
        }
      }
    default:
      for start in Swift.stride(from: 0, to: count, by: block) {
        for plane in 0..<itemSize {
          let row = (from + plane * stride).assumingMemoryBound(to: UInt8.self)
          let bytes = (to + plane).assumingMemoryBound(to: UInt8.self)
          for place in start..<min(count, start + block) { bytes[place &* itemSize] = row[place] }
        }
      }
    }
  }

  private static func join8(
    _ from: UnsafeRawPointer, _ count: Int, _ to: UnsafeMutableRawPointer, _ stride: Int
  ) {
    let done = refx_unshuffle(from, to, count, stride, 8)
    join(from, UInt64.self, done..<count, to, stride)
  }

  @inline(__always)
  private static func join<Word: FixedWidthInteger & BitwiseCopyable>(
    _ from: UnsafeRawPointer, _ word: Word.Type, _ range: Range<Int>, _ to: UnsafeMutableRawPointer,
    _ stride: Int
  ) {
    let size = Word.bitWidth / 8
    let first = from.assumingMemoryBound(to: UInt8.self)
    for place in range {
      var word: Word = 0
      for plane in 0..<size {
        word |=
          Word(truncatingIfNeeded: first[plane &* stride &+ place])
          &<< Word(truncatingIfNeeded: 8 &* plane)
      }
      to.storeBytes(of: word.littleEndian, toByteOffset: place &* size, as: Word.self)
    }
  }
}
