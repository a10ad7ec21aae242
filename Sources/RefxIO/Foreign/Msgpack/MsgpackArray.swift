import Refx
import RefxStore

/// The bytes of an array where they lie in the file, little-endian and in C order as NumPy packs them; those of int4
/// as this library has them.
final class MsgpackArray: LeafSource {
  private let file: InputFile
  private let place: Int
  private let dtype: DType
  let byteCount: Int

  init(_ file: InputFile, at place: Int, dtype: DType, byteCount: Int) {
    self.file = file
    self.place = place
    self.dtype = dtype
    self.byteCount = byteCount
  }

  var storedByteCount: Int? { byteCount }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    try file.read(at: place + offset, into: buffer)
    // A Swift Bool of another byte is undefined, so none gets out.
    if let wrong = dtype.firstOtherAfterWidening(buffer) {
      throw RefxError.elementOfAnotherByte(dtype, at: place + offset + wrong).inFile(file.name)
    }
  }
}
