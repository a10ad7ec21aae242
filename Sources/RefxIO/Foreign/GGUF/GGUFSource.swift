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
    try buffer.readWholeElements(ofSize: wordBytes, at: offset) { offset, buffer in
      try file.read(at: start + offset, into: buffer)
      buffer.swapWords(ofSize: wordBytes)
    }
  }
}
