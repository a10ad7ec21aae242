import Refx
import RefxStore

/// The bytes of one tensor of a safetensors file: raw, little-endian, in C order, so a leaf's bytes as they are.
final class SafetensorsSource: LeafSource {
  private let file: InputFile
  private let start: Int
  let byteCount: Int
  let unsupported: UnsupportedLeaf?
  private let isBool: Bool

  init(_ tensor: SafetensorsHeader.Tensor, in file: InputFile, dataStart: Int) {
    self.file = file
    start = dataStart + tensor.range.lowerBound
    byteCount = tensor.range.count
    switch tensor.dtype {
    case .known(let dtype):
      isBool = dtype == .bool
      unsupported = nil
    case .foreign(let name, let bits):
      isBool = false
      unsupported = UnsupportedLeaf(
        typeName: name, reason: "elements of \(bits) bits stand for no dtype of this library")
    }
  }

  var storedByteCount: Int? { byteCount }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    if let unsupported { throw RefxError.unsupportedLeaf(unsupported).inFile(file.name) }
    try file.read(at: start + offset, into: buffer)
    // A Swift Bool of another byte is undefined, so none gets out.
    if isBool, let wrong = buffer.firstIndex(where: { $0 > 1 }) {
      throw RefxError.boolOfAnotherByte(at: start + offset + wrong).inFile(file.name)
    }
  }
}
