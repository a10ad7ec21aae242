import Refx
import Synchronization

extension Leaf {
  /// The same array with its dimensions in another order, put there as they are read: axis k of the result is
  /// `axes[k]` of this one; nil turns them round. Exact, bit by bit. Reads nothing now.
  ///
  /// Reading holds at most two windows of 32 MiB of all results that share `windows`. An array of up to that size is
  /// read once, a larger one once for each 32 MiB of it.
  ///
  /// - Parameter windows: others than those by which this array itself is transposed.
  /// - Throws: ``RefxError`` where the axes are none of this array, or it holds text.
  package func transposed(_ axes: [Int]?, windows: TransposedWindows, at path: Path) throws -> Leaf {
    if let reason = source.unsupported { throw RefxError.unsupportedLeaf(reason).atPath(path) }
    let axes = axes ?? shape.indices.reversed()
    guard axes.count == shape.count, axes.sorted() == Array(shape.indices) else {
      throw RefxError.axesDoNotFit(axes, shape: shape).atPath(path)
    }
    if axes == Array(shape.indices) { return self }
    guard let size = dtype.itemSize else { throw RefxError.cannotTranspose(dtype).atPath(path) }
    let newShape = axes.map { shape[$0] }
    // Where no more than one axis is longer than 1, the elements stay in their order.
    let long = axes.filter { shape[$0] > 1 }
    if count == 0 || long == long.sorted() { return Leaf(dtype: dtype, shape: newShape, source: source) }
    return Leaf(
      dtype: dtype, shape: newShape,
      source: TransposedSource(self, axes: axes, size: size, windows: windows))
  }
}

/// What was put into order last, so that neighbouring pieces of a large array are found together.
package final class TransposedWindows: Sendable {
  private struct Window {
    let source: ObjectIdentifier
    let start: Int
    let bytes: MemoryBytes
  }

  /// The later used one last.
  private let held = Mutex<[Window]>([])
  static let most = 2

  package init() {}

  /// The window of a source that begins at `start`, made where it is not held. One is made at a time, which bounds
  /// what they take.
  fileprivate func window(
    of source: TransposedSource, at start: Int, make: () throws -> MemoryBytes
  ) throws -> MemoryBytes {
    try held.withLock { held in
      let identity = ObjectIdentifier(source)
      let place = held.firstIndex { $0.source == identity && $0.start == start }
      let window: Window
      if let place {
        window = held.remove(at: place)
      } else {
        if held.count >= TransposedWindows.most { held.removeFirst() }
        window = Window(source: identity, start: start, bytes: try make())
      }
      held.append(window)
      return window.bytes
    }
  }

  /// Forgets the windows of a source.
  fileprivate func forget(_ source: ObjectIdentifier) {
    held.withLock { held in held.removeAll { $0.source == source } }
  }
}

/// An array read in one order of its dimensions and handed on in another.
private final class TransposedSource: LeafSource {
  let byteCount: Int
  private let leaf: Leaf
  private let size: Int
  /// For each dimension of the array below how far its neighbours lie from each other here, in elements.
  private let strides: [Int]
  /// The same in the array below, whose last dimension runs fastest.
  private let sourceStrides: [Int]
  /// The dimension of the array below that runs fastest here.
  private let fastest: Int
  private let windows: TransposedWindows

  /// What is not larger is put into order by whoever reads it.
  private static let smallBytes = 1 << 20
  private static let windowBytes = 32 << 20

  var storedByteCount: Int? { leaf.source.storedByteCount }

  init(_ leaf: Leaf, axes: [Int], size: Int, windows: TransposedWindows) {
    self.leaf = leaf
    self.size = size
    self.windows = windows
    byteCount = leaf.byteCount
    var strides = Array(repeating: 0, count: axes.count)
    var stride = 1
    for axis in axes.reversed() {
      strides[axis] = stride
      stride *= leaf.shape[axis]
    }
    self.strides = strides
    var sourceStrides = Array(repeating: 1, count: axes.count)
    for axis in axes.indices.dropLast().reversed() {
      sourceStrides[axis] = sourceStrides[axis + 1] * leaf.shape[axis + 1]
    }
    self.sourceStrides = sourceStrides
    // One whose extent is 1 may have the same stride as the one that counts.
    fastest = axes.last { leaf.shape[$0] > 1 } ?? axes.count - 1
  }

  deinit { windows.forget(ObjectIdentifier(self)) }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    precondition(offset >= 0 && offset <= byteCount && buffer.count <= byteCount - offset)
    if byteCount <= TransposedSource.smallBytes {
      let all = try part(from: 0, byteCount: byteCount)
      return copy(all, from: offset, to: buffer)
    }
    var done = 0
    while done < buffer.count {
      let place = offset + done
      let start = place / TransposedSource.windowBytes * TransposedSource.windowBytes
      let length = min(TransposedSource.windowBytes, byteCount - start)
      let window = try windows.window(of: self, at: start) { try part(from: start, byteCount: length) }
      let count = min(buffer.count - done, start + length - place)
      copy(
        window, from: place - start,
        to: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)]))
      done += count
    }
  }

  private func copy(_ bytes: MemoryBytes, from offset: Int, to buffer: UnsafeMutableRawBufferPointer) {
    bytes.withBytes {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + buffer.count)]))
    }
  }

  /// Some of the result's bytes, found by going once through the array below.
  private func part(from start: Int, byteCount: Int) throws -> MemoryBytes {
    try MemoryBytes(count: byteCount) { target in
      let wanted = (start / size)..<((start + byteCount) / size)
      if let memory = leaf.source.bytesInMemory {
        memory.withBytes { scatter($0, from: 0, to: target, wanted) }
        return
      }
      // All of it is read before any of it is handed on, so that a checksum may come with the last piece.
      let piece = min(leaf.byteCount, TransposedSource.smallBytes)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 64)
      defer { buffer.deallocate() }
      var offset = 0
      while offset < leaf.byteCount {
        let count = min(piece, leaf.byteCount - offset)
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        try leaf.source.readPiece(at: offset, into: bytes)
        scatter(UnsafeRawBufferPointer(bytes), from: offset / size, to: target, wanted)
        offset += count
      }
    }
  }

  /// Puts elements, the first of them number `first` of the array below, where they are wanted.
  private func scatter(
    _ bytes: UnsafeRawBufferPointer, from first: Int, to target: UnsafeMutableRawBufferPointer,
    _ wanted: Range<Int>
  ) {
    switch size {
    case 1: scatter(bytes, first, target, wanted, UInt8.self)
    case 2: scatter(bytes, first, target, wanted, UInt16.self)
    case 4: scatter(bytes, first, target, wanted, UInt32.self)
    case 8: scatter(bytes, first, target, wanted, UInt64.self)
    default: scatter(bytes, first, target, wanted, UInt128.self)
    }
  }

  private func scatter<Element: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeRawBufferPointer, _ first: Int, _ target: UnsafeMutableRawBufferPointer,
    _ wanted: Range<Int>, _ type: Element.Type
  ) {
    let width = MemoryLayout<Element>.size
    Box.forEach(of: leaf.shape, from: first, to: first + bytes.count / width) { box in
      // Runs of what lies side by side in the result, so that it is written in order: what is read in between stays
      // in the processor's cache.
      let step = sourceStrides[fastest]
      let run = box.high[fastest] - box.low[fastest]
      var position = box.low
      while true {
        var from = -first
        var place = 0
        for axis in position.indices {
          from += position[axis] * sourceStrides[axis]
          place += position[axis] * strides[axis]
        }
        let low = max(place, wanted.lowerBound)
        let high = min(place + run, wanted.upperBound)
        if low < high {
          var source = (from + (low - place) * step) * width
          for goal in (low - wanted.lowerBound)..<(high - wanted.lowerBound) {
            target.storeBytes(
              of: bytes.loadUnaligned(fromByteOffset: source, as: Element.self), toByteOffset: goal * width,
              as: Element.self)
            source += step * width
          }
        }
        var axis = position.count - 1
        while axis >= 0 {
          if axis != fastest {
            position[axis] += 1
            if position[axis] < box.high[axis] { break }
            position[axis] = box.low[axis]
          }
          axis -= 1
        }
        if axis < 0 { return }
      }
    }
  }
}
