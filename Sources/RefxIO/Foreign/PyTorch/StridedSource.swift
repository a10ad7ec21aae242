import Refx
import RefxStore

/// The elements of a tensor as little-endian bytes in C order, wherever its strides say that they lie.
///
/// A tensor that lies in one piece is read as it is. Of others, what is asked for is put together from runs, or
/// from stretches of the storage where that takes fewer reads; memory is bounded by ``ElementBlock``'s stretches.
final class StridedSource: LeafSource {
  private let region: any FileRegion
  /// Where in the region the first element stands.
  private let start: Int
  private let dtype: DType
  private let shape: [Int]
  private let strides: [Int]
  private let isBigEndian: Bool
  private let isContiguous: Bool
  /// Whether the tensor is all of the region, whose checksum then comes with the last piece.
  private let isWhole: Bool
  private let size: Int
  let byteCount: Int

  /// - Parameters:
  ///   - strides: in elements, none of them negative; every element lies in the region.
  init(
    _ region: any FileRegion, start: Int, dtype: DType, shape: [Int], strides: [Int], isBigEndian: Bool
  ) {
    self.region = region
    self.start = start
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.isBigEndian = isBigEndian
    size = dtype.itemSize ?? 1
    byteCount = dtype.byteCount(of: shape) ?? 0
    isContiguous = byteCount == 0 || StridedSource.isContiguous(shape, strides)
    isWhole = isContiguous && start == 0 && byteCount == region.byteCount
  }

  private static func isContiguous(_ shape: [Int], _ strides: [Int]) -> Bool {
    var expected = 1
    for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
      if stride != expected { return false }
      expected *= extent
    }
    return true
  }

  /// What of the file stands for it: all, or as many bytes as it has elements, those that are repeated once.
  var storedByteCount: Int? {
    if isWhole { return region.storedByteCount }
    if byteCount == 0 { return 0 }
    let distinct = zip(shape, strides).reduce(size) { $0 * ($1.1 == 0 && $1.0 > 1 ? 1 : $1.0) }
    return min(distinct, region.storedByteCount)
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(at: offset, into: buffer, streamed: isWhole && buffer.count == byteCount)
  }

  private func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer, streamed: Bool) throws {
    if buffer.isEmpty {
      // So that a checksum is compared where there is nothing to read.
      if isWhole, byteCount == 0 { try region.readStreamed(at: 0, into: buffer) }
      return
    }
    if !isContiguous {
      try buffer.readWholeElements(ofSize: size, at: offset) { offset, buffer in
        try readElements(from: offset / size, into: buffer)
        if isBigEndian { buffer.swapWords(ofSize: dtype.wordSize) }
      }
    } else if isBigEndian {
      try buffer.readWholeElements(ofSize: size, at: offset) { offset, buffer in
        try region.read(at: start + offset, into: buffer, streamed: streamed)
        buffer.swapWords(ofSize: dtype.wordSize)
      }
    } else {
      try region.read(at: start + offset, into: buffer, streamed: streamed)
    }
    // A Swift Bool of another byte is undefined, so none gets out.
    if dtype == .bool, buffer.contains(where: { $0 > 1 }) {
      throw RefxError.pickleBool().inFile(region.name)
    }
  }

  private func readElements(from first: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let scratch = ByteBuffer()
    var logical = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { logical[axis] = logical[axis + 1] * shape[axis + 1] }
    try Box.forEach(of: shape, from: first, to: first + buffer.count / size) { box in
      var source = 0
      var target = -first
      var axes: [ElementBlock.Axis] = []
      for axis in shape.indices {
        source += box.low[axis] * strides[axis]
        target += box.low[axis] * logical[axis]
        let extent = box.high[axis] - box.low[axis]
        if extent > 1 {
          axes.append(ElementBlock.Axis(extent: extent, source: strides[axis], target: logical[axis]))
        }
      }
      let block = ElementBlock(axes, source: source, target: target)
      try block.read(region, from: start, size: size, into: buffer, scratch)
    }
  }
}

extension StridedSource: StreamedSource {
  func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(at: offset, into: buffer, streamed: isWhole)
  }
}
