/// HDF5's byte shuffle: the first bytes of all elements, then their second bytes, and so on.
package enum Shuffle {
  /// - Precondition: both buffers have the same count, a multiple of `itemSize`.
  static func shuffle(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, itemSize: Int
  ) {
    precondition(source.count == target.count && source.count.isMultiple(of: itemSize))
    guard itemSize > 1, let from = source.baseAddress, let to = target.baseAddress else {
      target.copyMemory(from: source)
      return
    }
    let count = source.count / itemSize
    let input = from.assumingMemoryBound(to: UInt8.self)
    let output = to.assumingMemoryBound(to: UInt8.self)
    for plane in 0..<itemSize {
      let row = output + plane * count
      var byte = input + plane
      for position in 0..<count {
        row[position] = byte.pointee
        byte += itemSize
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
    let input = from.assumingMemoryBound(to: UInt8.self)
    let output = to.assumingMemoryBound(to: UInt8.self)
    for plane in 0..<itemSize {
      let row = input + plane * stride
      var byte = output + plane
      for position in 0..<count {
        byte.pointee = row[position]
        byte += itemSize
      }
    }
  }
}
