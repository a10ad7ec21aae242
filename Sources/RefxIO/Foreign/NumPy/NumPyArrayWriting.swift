import Refx
import RefxStore

/// A leaf as NumPy's format has it: what stands before the elements, and their bytes.
struct NumPyArrayWriting {
  let header: [UInt8]
  /// The elements' bytes as they stand in the file.
  let payload: Leaf
  /// What the leaf is, where the header does not say it.
  let type: FlatType?

  /// The most dimensions that NumPy reads.
  static let mostDimensions = 64

  /// - Parameter mayDescribe: whether text that NumPy's type cannot hold may be written as a text leaf's bytes,
  ///   which ``type`` then says.
  /// - Throws: ``RefxError`` where the format cannot hold the leaf, or, for text, it cannot be read.
  init(_ leaf: Leaf, mayDescribe: Bool) throws {
    if let reason = leaf.source.unsupported { throw RefxError.unsupportedLeaf(reason) }
    guard leaf.shape.count <= NumPyArrayWriting.mostDimensions else {
      throw RefxError.numpyRankTooLarge(leaf.shape.count, limit: NumPyArrayWriting.mostDimensions)
    }
    if let name = leaf.dtype.numPyName {
      header = NumPyArrayWriting.header(name, leaf.shape)
      payload = leaf
      type = leaf.dtype.hasNumPyType ? nil : .numbers(leaf.dtype)
      return
    }
    let texts = try NumPyCharacters(of: leaf)
    if mayDescribe && !texts.isPractical {
      header = NumPyArrayWriting.header(DType.uint8.numPyName ?? "", [leaf.byteCount])
      payload = Leaf(dtype: .uint8, shape: [leaf.byteCount], source: leaf.source)
      type = .texts(shape: leaf.shape)
      return
    }
    if texts.hasTextThatEndsInNUL { throw RefxError.numpyTextEndsInNUL() }
    guard texts.width <= NumPyCharacters.mostCharacters else {
      throw RefxError.numpyTextTooLong(texts.width, limit: NumPyCharacters.mostCharacters)
    }
    header = NumPyArrayWriting.header("<U\(texts.width)", leaf.shape)
    payload = Leaf(dtype: .uint8, shape: [texts.byteCount], source: texts)
    type = nil
  }

  /// One text as an array without dimensions.
  ///
  /// - Throws: ``RefxError`` where it is too long.
  init(text: String) throws {
    var bytes: [UInt8] = []
    TextElements.append(text.utf8, to: &bytes)
    try self.init(
      Leaf(dtype: .string, shape: [], source: MemoryBytes(sharing: bytes)), mayDescribe: false)
  }

  var byteCount: Int { header.count.addingSaturated(payload.byteCount) }

  /// Magic, version, and a Python dictionary padded with spaces so that the elements begin at a multiple of 64.
  private static func header(_ type: String, _ shape: [Int]) -> [UInt8] {
    let extents = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(extents)), }".utf8)
    let before = NumPyHeader.magic.count + 4
    text += [UInt8](repeating: 0x20, count: (64 - (before + text.count + 1) % 64) % 64) + [0x0A]
    // 64 dimensions of 20 digits take less than 65,536 bytes.
    return NumPyHeader.magic + [1, 0, UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + text
  }
}
