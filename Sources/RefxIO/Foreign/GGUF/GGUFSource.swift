import Refx
import RefxStore

/// The bytes of one tensor of a GGUF file: numbers, which are little-endian whatever the file has, or blocks as they
/// are.
final class GGUFSource: LeafSource {
  private let file: InputFile
  private let start: Int
  /// The bytes of a number that is turned about; 1 where nothing is.
  private let wordBytes: Int
  let byteCount: Int

  init(_ file: InputFile, start: Int, byteCount: Int, swappedWordBytes: Int) {
    self.file = file
    self.start = start
    self.byteCount = byteCount
    wordBytes = swappedWordBytes
  }

  var storedByteCount: Int? { byteCount }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if wordBytes == 1 { return try file.read(at: start + offset, into: buffer) }
    if offset % wordBytes != 0 || buffer.count % wordBytes != 0 { return try readAround(offset, buffer) }
    try file.read(at: start + offset, into: buffer)
    switch wordBytes {
    case 2: swap(buffer, UInt16.self)
    case 4: swap(buffer, UInt32.self)
    default: swap(buffer, UInt64.self)
    }
  }

  /// A range that cuts numbers is read with what surrounds it.
  private func readAround(_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws {
    let first = offset / wordBytes * wordBytes
    let end = (offset + buffer.count + wordBytes - 1) / wordBytes * wordBytes
    let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: end - first, alignment: 16)
    defer { whole.deallocate() }
    try read(at: first, into: whole)
    buffer.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: whole[(offset - first)..<(offset - first + buffer.count)]))
  }

  private func swap<Word: FixedWidthInteger & BitwiseCopyable>(
    _ buffer: UnsafeMutableRawBufferPointer, _ type: Word.Type
  ) {
    for place in stride(from: 0, to: buffer.count, by: MemoryLayout<Word>.size) {
      let word = buffer.loadUnaligned(fromByteOffset: place, as: Word.self)
      buffer.storeBytes(of: word.byteSwapped, toByteOffset: place, as: Word.self)
    }
  }
}

/// A tensor of a type that is not known here.
final class UnknownTensor: LeafSource {
  let unsupported: UnsupportedLeaf?
  let byteCount = 0

  init(_ type: GGUFType) {
    unsupported = UnsupportedLeaf(
      typeName: type.name, reason: "it is not known how many bytes its elements take, or what they mean")
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if let unsupported { throw RefxError.unsupportedLeaf(unsupported) }
  }
}
