/// HDF5's byte shuffle: the first bytes of all elements, then their second bytes, and so on.
///
/// Elements of 2, 4, 8 and 16 bytes go block by block through the nearest cache, in loops that the compiler
/// turns into vector instructions; others byte by byte.
package enum Shuffle {
  /// How many elements are taken at once.
  private static let block = 2048

  /// - Precondition: both buffers have the same count, a multiple of `itemSize`.
  static func shuffle(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, itemSize: Int
  ) {
    precondition(source.count == target.count && source.count.isMultiple(of: itemSize))
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    shuffle(from, count: source.count / itemSize, into: to, stride: source.count / itemSize, itemSize)
  }

  /// Puts the bytes of `count` elements into planes that begin every `stride` bytes; what lies between the
  /// elements and the stride is left as it is.
  static func shuffle(
    _ from: UnsafeRawPointer, count: Int, into to: UnsafeMutableRawPointer, stride: Int, _ itemSize: Int
  ) {
    if itemSize == 1 { return to.copyMemory(from: from, byteCount: count) }
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * block) { scratch in
      let words = UnsafeMutableRawPointer(scratch.baseAddress!)
      var start = 0
      while start < count {
        let part = min(block, count &- start)
        let source = from + start &* itemSize
        let target = to + start
        switch itemSize {
        case 2: split2(source, part, target, stride)
        case 4: split4(source, part, target, stride)
        case 8: split8(source, part, target, stride, words)
        case 16:
          let halves = UnsafeMutableRawPointer(words)
          withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * block) { pairs in
            let pairs = UnsafeMutableRawPointer(pairs.baseAddress!)
            for place in 0..<part {
              let low = source.loadUnaligned(fromByteOffset: place &* 16, as: UInt64.self)
              let high = source.loadUnaligned(fromByteOffset: place &* 16 &+ 8, as: UInt64.self)
              pairs.storeBytes(of: low, toByteOffset: place &* 8, as: UInt64.self)
              pairs.storeBytes(of: high, toByteOffset: (block &+ place) &* 8, as: UInt64.self)
            }
            split8(UnsafeRawPointer(pairs), part, target, stride, halves)
            split8(UnsafeRawPointer(pairs + block &* 8), part, target + 8 &* stride, stride, halves)
          }
        default:
          for plane in 0..<itemSize {
            let row = (target + plane &* stride).assumingMemoryBound(to: UInt8.self)
            var byte = (source + plane).assumingMemoryBound(to: UInt8.self)
            for place in 0..<part {
              row[place] = byte.pointee
              byte += itemSize
            }
          }
        }
        start &+= part
      }
    }
  }

  @inline(__always)
  private static func split2(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer, _ stride: Int
  ) {
    for plane in 0..<2 {
      let row = (target + plane &* stride).assumingMemoryBound(to: UInt8.self)
      let shift = UInt16(8 &* plane)
      for place in 0..<count {
        let word = source.loadUnaligned(fromByteOffset: place &* 2, as: UInt16.self).littleEndian
        row[place] = UInt8(truncatingIfNeeded: word &>> shift)
      }
    }
  }

  @inline(__always)
  private static func split4(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer, _ stride: Int
  ) {
    for plane in 0..<4 {
      let row = (target + plane &* stride).assumingMemoryBound(to: UInt8.self)
      let shift = UInt32(8 &* plane)
      for place in 0..<count {
        let word = source.loadUnaligned(fromByteOffset: place &* 4, as: UInt32.self).littleEndian
        row[place] = UInt8(truncatingIfNeeded: word &>> shift)
      }
    }
  }

  /// First into halves of four bytes.
  @inline(__always)
  private static func split8(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer, _ stride: Int,
    _ halves: UnsafeMutableRawPointer
  ) {
    for place in 0..<count {
      let word = source.loadUnaligned(fromByteOffset: place &* 8, as: UInt64.self).littleEndian
      let low = UInt32(truncatingIfNeeded: word).littleEndian
      let high = UInt32(truncatingIfNeeded: word &>> 32).littleEndian
      halves.storeBytes(of: low, toByteOffset: place &* 4, as: UInt32.self)
      halves.storeBytes(of: high, toByteOffset: (block &+ place) &* 4, as: UInt32.self)
    }
    split4(UnsafeRawPointer(halves), count, target, stride)
    split4(UnsafeRawPointer(halves + block &* 4), count, target + 4 &* stride, stride)
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
    if itemSize == 1 { return to.copyMemory(from: from, byteCount: count) }
    withUnsafeTemporaryAllocation(of: UInt64.self, capacity: block) { scratch in
      let words = UnsafeMutableRawPointer(scratch.baseAddress!)
      var start = 0
      while start < count {
        let part = min(block, count &- start)
        let source = from + start
        let target = to + start &* itemSize
        switch itemSize {
        case 2: join2(source, part, target, stride)
        case 4: join4(source, part, target, stride)
        case 8: join8(source, part, target, every: 8, stride, words)
        case 16:
          join8(source, part, target, every: 16, stride, words)
          join8(source + 8 &* stride, part, target + 8, every: 16, stride, words)
        default:
          for plane in 0..<itemSize {
            let row = (source + plane &* stride).assumingMemoryBound(to: UInt8.self)
            var byte = (target + plane).assumingMemoryBound(to: UInt8.self)
            for place in 0..<part {
              byte.pointee = row[place]
              byte += itemSize
            }
          }
        }
        start &+= part
      }
    }
  }

  @inline(__always)
  private static func join2(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer, _ stride: Int
  ) {
    let a = source.assumingMemoryBound(to: UInt8.self)
    let b = a + stride
    for place in 0..<count {
      let word = UInt16(a[place]) | UInt16(b[place]) &<< 8
      target.storeBytes(of: word.littleEndian, toByteOffset: place &* 2, as: UInt16.self)
    }
  }

  @inline(__always)
  private static func join4(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer, _ stride: Int
  ) {
    let a = source.assumingMemoryBound(to: UInt8.self)
    let b = a + stride
    let c = b + stride
    let d = c + stride
    for place in 0..<count {
      let low = UInt32(a[place]) | UInt32(b[place]) &<< 8
      let high = UInt32(c[place]) | UInt32(d[place]) &<< 8
      target.storeBytes(of: (low | high &<< 16).littleEndian, toByteOffset: place &* 4, as: UInt32.self)
    }
  }

  /// First into halves of four bytes.
  @inline(__always)
  private static func join8(
    _ source: UnsafeRawPointer, _ count: Int, _ target: UnsafeMutableRawPointer, every step: Int,
    _ stride: Int, _ halves: UnsafeMutableRawPointer
  ) {
    let upper = halves + block &* 4
    join4(source, count, halves, stride)
    join4(source + 4 &* stride, count, upper, stride)
    for place in 0..<count {
      let low = halves.loadUnaligned(fromByteOffset: place &* 4, as: UInt32.self).littleEndian
      let high = upper.loadUnaligned(fromByteOffset: place &* 4, as: UInt32.self).littleEndian
      let word = UInt64(low) | UInt64(high) &<< 32
      target.storeBytes(of: word.littleEndian, toByteOffset: place &* step, as: UInt64.self)
    }
  }
}
