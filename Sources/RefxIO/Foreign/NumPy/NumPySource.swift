import Refx
import RefxStore

/// The numbers of an array, as little-endian bytes in C order, whatever the file has.
final class NumPySource: LeafSource {
  private let region: any FileRegion
  private let start: Int
  private let dtype: DType
  private let isBigEndian: Bool
  /// The shape of an array whose first index varies fastest in the file; nil where the last one does.
  private let fortranShape: [Int]?
  let byteCount: Int

  init(_ header: NumPyHeader, dtype: DType, isBigEndian: Bool, in region: any FileRegion) {
    self.region = region
    self.dtype = dtype
    self.isBigEndian = isBigEndian
    start = header.dataStart
    byteCount = region.byteCount - header.dataStart
    // With one index, or none that counts, both orders are one.
    fortranShape =
      header.isFortranOrder && header.shape.filter { $0 != 1 }.count > 1 ? header.shape : nil
  }

  var storedByteCount: Int? { region.storedByteCount - (region.storedByteCount < byteCount ? 0 : start) }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(at: offset, into: buffer, streamed: buffer.count == byteCount)
  }

  private func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer, streamed: Bool) throws {
    if buffer.isEmpty {
      // So that a checksum is compared where there is nothing to read.
      if byteCount == 0 { try region.readStreamed(at: start, into: buffer) }
      return
    }
    let size = dtype.itemSize ?? 1
    if let fortranShape {
      try buffer.readWholeElements(ofSize: size, at: offset) { offset, buffer in
        try readTransposed(fortranShape, at: offset / size, into: buffer, size)
        if isBigEndian { buffer.swapWords(ofSize: dtype.wordSize) }
      }
    } else if isBigEndian {
      try buffer.readWholeElements(ofSize: size, at: offset) { offset, buffer in
        try readInOrder(at: offset, into: buffer, streamed: streamed)
        buffer.swapWords(ofSize: dtype.wordSize)
      }
    } else {
      try readInOrder(at: offset, into: buffer, streamed: streamed)
    }
    // A Swift Bool of another byte is undefined, so none gets out.
    if let wrong = dtype.firstOtherAfterWidening(buffer) {
      let error =
        dtype == .bool
        ? RefxError.numpyDamaged("booleans that are 0 or 1", found: "\(buffer[wrong])", at: start + offset)
        : RefxError.elementOfAnotherByte(dtype, at: start + offset + wrong)
      throw error.inFile(region.name)
    }
  }

  private func readInOrder(
    at offset: Int, into buffer: UnsafeMutableRawBufferPointer, streamed: Bool
  ) throws {
    if streamed {
      try region.readStreamed(at: start + offset, into: buffer)
    } else {
      try region.read(at: start + offset, into: buffer)
    }
  }

  // MARK: The first index fastest

  /// Reads the elements from `first` on, run by run along the first axis, which lie in one piece in the file.
  private func readTransposed(
    _ shape: [Int], at first: Int, into buffer: UnsafeMutableRawBufferPointer, _ size: Int
  ) throws {
    var fileStrides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropFirst() { fileStrides[axis] = fileStrides[axis - 1] * shape[axis - 1] }
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
    let run = ByteBuffer()
    try Box.forEach(of: shape, from: first, to: first + buffer.count / size) { box in
      var place = box.low
      let length = box.high[0] - box.low[0]
      while true {
        let source = zip(place, fileStrides).reduce(0) { $0 + $1.0 * $1.1 }
        let target = zip(place, strides).reduce(0) { $0 + $1.0 * $1.1 } - first
        let bytes = run.room(for: length * size)
        try region.read(at: start + source * size, into: bytes)
        for element in 0..<length {
          (buffer.baseAddress! + (target + element * strides[0]) * size)
            .copyMemory(from: bytes.baseAddress! + element * size, byteCount: size)
        }
        var axis = shape.count - 1
        while axis > 0, place[axis] + 1 == box.high[axis] {
          place[axis] = box.low[axis]
          axis -= 1
        }
        if axis <= 0 { return }
        place[axis] += 1
      }
    }
  }
}

extension NumPySource: StreamedSource {
  func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(at: offset, into: buffer, streamed: true)
  }
}
