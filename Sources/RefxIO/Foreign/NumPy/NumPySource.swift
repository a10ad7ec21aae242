import Refx
import RefxStore

/// The numbers of an array in the order in which they lie in the file, as little-endian bytes.
final class NumPySource: LeafSource {
  private let region: any FileRegion
  private let start: Int
  private let dtype: DType
  private let isBigEndian: Bool
  let byteCount: Int

  init(_ header: NumPyHeader, dtype: DType, isBigEndian: Bool, in region: any FileRegion) {
    self.region = region
    self.dtype = dtype
    self.isBigEndian = isBigEndian
    start = header.dataStart
    byteCount = region.byteCount - header.dataStart
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
    if isBigEndian {
      try buffer.readWholeElements(ofSize: dtype.wordSize, at: offset) { offset, buffer in
        try region.read(at: start + offset, into: buffer, streamed: streamed)
        buffer.swapWords(ofSize: dtype.wordSize)
      }
    } else {
      try region.read(at: start + offset, into: buffer, streamed: streamed)
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
}

extension NumPySource: StreamedSource {
  func readStreamed(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(at: offset, into: buffer, streamed: true)
  }
}
