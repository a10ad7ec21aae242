/// A row of numbers where a model asks for them one by one: what a ``NumberRow`` became.
struct NumberRowReader {
  let dtype: DType
  let count: Int
  private let bytes: MemoryBytes

  /// Reads the payload of `leaf`; nil where it is no row of numbers.
  init?(_ leaf: Leaf) throws {
    guard leaf.shape.count == 1, leaf.dtype.itemSize != nil, leaf.source.unsupported == nil else {
      return nil
    }
    dtype = leaf.dtype
    count = leaf.shape[0]
    // Bytes of a boolean that are neither 0 nor 1 are no values of Bool.
    bytes = leaf.dtype == .bool ? MemoryBytes(sharing: try [Bool](leaf: leaf)) : try leaf.tensor().bytes
    if let wrong = bytes.withBytes(leaf.dtype.firstOtherByte(in:)) {
      throw RefxError.elementOfAnotherByte(leaf.dtype, at: wrong)
    }
  }

  /// The number at `position`, which is one of the row's.
  ///
  /// - Precondition: `E` is the native type of ``dtype``.
  func number<E: TensorElement>(at position: Int, as type: E.Type) -> E {
    precondition(E.dtype == dtype && position >= 0 && position < count)
    return bytes.withBytes {
      $0.loadUnaligned(fromByteOffset: position * MemoryLayout<E>.size, as: E.self)
    }
  }
}
