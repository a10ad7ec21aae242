import RefxStore

/// A block of elements that lie in a storage by some strides and in a buffer by others.
struct ElementBlock {
  /// One index of the block: how often it counts, and how many elements it moves here and there.
  struct Axis {
    var extent: Int
    let source: Int
    let target: Int
  }

  /// Ascending by their steps in the storage, none of one element alone.
  private var axes: [Axis]
  private var source: Int
  private var target: Int

  /// The most that is read at once of a storage to take elements out of.
  private static let mostOfAStretch = 4 << 20
  /// To ask the system for a run costs about as much as copying this many bytes.
  private static let bytesOfARead = 6 << 10

  /// - Parameters:
  ///   - source: where the first element lies in the storage.
  ///   - target: where it goes in the buffer.
  init(_ axes: [Axis], source: Int, target: Int) {
    self.axes = axes.sorted { $0.source < $1.source }
    self.source = source
    self.target = target
  }

  /// Copies the block.
  ///
  /// - Parameters:
  ///   - start: where in the region the storage's first element stands, in bytes.
  ///   - size: the bytes of an element.
  func read(
    _ region: any FileRegion, from start: Int, size: Int, into buffer: UnsafeMutableRawBufferPointer,
    _ scratch: ByteBuffer
  ) throws {
    let reach = axes.reduce(1) { $0 + ($1.extent - 1) * $1.source }
    let run = axes.first { $0.source == 1 }?.extent ?? 1
    let runs = axes.reduce(1) { $0 * ($1.source == 0 ? 1 : $1.extent) } / run
    let isDense = reach <= 2 * run * runs || runs == 1
    if axes.count <= 1, axes.allSatisfy({ $0.source == 1 && $0.target == 1 }) {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[(target * size)..<((target + run) * size)])
      return try region.read(at: start + source * size, into: part)
    }
    if reach * size <= ElementBlock.mostOfAStretch,
      isDense || reach * size / runs <= ElementBlock.bytesOfARead
    {
      let stretch = scratch.room(for: reach * size)
      try region.read(at: start + source * size, into: stretch)
      return copy(from: stretch, into: buffer, size)
    }
    // The axis of the largest steps, in two halves; one of a single element is no axis.
    guard let last = axes.last else { return }
    var low = self
    var high = self
    let half = last.extent / 2
    low.axes[axes.count - 1].extent = half
    high.axes[axes.count - 1].extent -= half
    high.source += half * last.source
    high.target += half * last.target
    if half == 1 { low.axes.removeLast() }
    if last.extent - half == 1 { high.axes.removeLast() }
    try low.read(region, from: start, size: size, into: buffer, scratch)
    try high.read(region, from: start, size: size, into: buffer, scratch)
  }

  // MARK: In memory

  /// A word of 16 bytes.
  private struct Pair: BitwiseCopyable {
    let low: UInt64
    let high: UInt64
  }

  private func copy(
    from stretch: UnsafeMutableRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer, _ size: Int
  ) {
    switch size {
    case 1: copy(from: stretch, into: buffer, UInt8.self)
    case 2: copy(from: stretch, into: buffer, UInt16.self)
    case 4: copy(from: stretch, into: buffer, UInt32.self)
    case 8: copy(from: stretch, into: buffer, UInt64.self)
    default: copy(from: stretch, into: buffer, Pair.self)
    }
  }

  /// Elements move as words of their size.
  private func copy<Word: BitwiseCopyable>(
    from stretch: UnsafeMutableRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer, _ type: Word.Type
  ) {
    let size = MemoryLayout<Word>.size
    // The last index of the target runs fastest, so that what is written lies side by side.
    let axes = axes.sorted { $0.target > $1.target }
    let inner = axes.last ?? Axis(extent: 1, source: 0, target: 0)
    let outer = axes.dropLast()
    var index = [Int](repeating: 0, count: outer.count)
    var from = 0
    var to = target
    while true {
      var here = from * size
      var there = to * size
      for _ in 0..<inner.extent {
        buffer.storeBytes(
          of: stretch.loadUnaligned(fromByteOffset: here, as: Word.self), toByteOffset: there, as: Word.self)
        here += inner.source * size
        there += inner.target * size
      }
      var axis = outer.count - 1
      while axis >= 0 {
        index[axis] += 1
        from += outer[axis].source
        to += outer[axis].target
        if index[axis] < outer[axis].extent { break }
        from -= outer[axis].extent * outer[axis].source
        to -= outer[axis].extent * outer[axis].target
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
