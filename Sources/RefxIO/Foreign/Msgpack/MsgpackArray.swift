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

/// What cannot be represented.
private final class UnsupportedMsgpack: LeafSource {
  let unsupported: UnsupportedLeaf?
  let byteCount = 0

  init(_ reason: UnsupportedLeaf) {
    unsupported = reason
  }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if let unsupported { throw RefxError.unsupportedLeaf(unsupported) }
  }
}

extension Leaf {
  static func msgpackUnsupported(_ typeName: String, _ reason: String, _ shape: [Int] = []) -> Leaf {
    Leaf(
      dtype: .unsupported, shape: shape,
      source: UnsupportedMsgpack(UnsupportedLeaf(typeName: typeName, reason: reason)))
  }
}
