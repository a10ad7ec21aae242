import Refx
import RefxStore

/// The bytes of an array where they lie in the file, little-endian and in C order as NumPy packs them.
final class MsgpackArray: LeafSource {
  private let file: InputFile
  private let place: Int
  private let isBool: Bool
  let byteCount: Int

  init(_ file: InputFile, at place: Int, dtype: DType, byteCount: Int) {
    self.file = file
    self.place = place
    isBool = dtype == .bool
    self.byteCount = byteCount
  }

  var storedByteCount: Int? { byteCount }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try file.read(at: place + offset, into: buffer)
    // A Swift Bool of another byte is undefined, so none gets out.
    if isBool, let wrong = buffer.firstIndex(where: { $0 > 1 }) {
      throw RefxError.boolOfAnotherByte(at: place + offset + wrong).inFile(file.name)
    }
  }
}
