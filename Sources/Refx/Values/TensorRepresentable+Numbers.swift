// Numbers and arrays of numbers as leaves. They come back only from a leaf of exactly their dtype: nothing is
// converted in silence.

extension TensorRepresentable where Self: TensorElement {
  /// A leaf with the empty shape.
  public func snapshot() -> Leaf { Leaf(self) }

  /// - Throws: ``RefxError`` where the leaf is of another dtype, is not a single element, or cannot be read.
  public init(leaf: Leaf) throws {
    guard leaf.dtype == Self.dtype else { throw RefxError.dtype(of: leaf, expected: Self.dtype) }
    guard leaf.shape.isEmpty else { throw RefxError.shape(of: leaf, expected: "a single element, shape []") }
    self = try leaf.readElements(as: Self.self)[0]
  }
}

extension Bool: TensorRepresentable {}
extension Int8: TensorRepresentable {}
extension Int16: TensorRepresentable {}
extension Int32: TensorRepresentable {}
extension Int64: TensorRepresentable {}
extension Int: TensorRepresentable {}
extension UInt8: TensorRepresentable {}
extension UInt16: TensorRepresentable {}
extension UInt32: TensorRepresentable {}
extension UInt64: TensorRepresentable {}
extension UInt: TensorRepresentable {}
#if !(os(macOS) && arch(x86_64))
  extension Float16: TensorRepresentable {}
#endif
extension BFloat16: TensorRepresentable {}
extension Float: TensorRepresentable {}
extension Double: TensorRepresentable {}
extension Complex: TensorRepresentable where Part: ComplexPart {}
extension Float8E4M3FN: TensorRepresentable {}
extension Float8E5M2: TensorRepresentable {}
extension Int4: TensorRepresentable {}
extension UInt4: TensorRepresentable {}

extension Array: TensorRepresentable where Element: TensorElement {
  /// A row. Shares the array's storage: whoever changes the array afterwards changes a copy.
  public func snapshot() -> Leaf { Leaf(self) }

  /// The elements of a row, copied once.
  ///
  /// - Throws: ``RefxError`` where the leaf is of another dtype, is not a row, or cannot be read.
  public init(leaf: Leaf) throws {
    guard leaf.dtype == Element.dtype else { throw RefxError.dtype(of: leaf, expected: Element.dtype) }
    guard leaf.shape.count == 1 else { throw RefxError.shape(of: leaf, expected: "a row, shape [n]") }
    self = try leaf.readElements(as: Element.self)
  }
}

extension Leaf {
  /// A row of elements. Shares the array's storage.
  public init<E: TensorElement>(_ elements: [E]) {
    self.init(dtype: E.dtype, shape: [elements.count], source: MemoryBytes(sharing: elements))
  }

  /// All elements in C order, read straight into the array.
  fileprivate func readElements<E: TensorElement>(as type: E.Type) throws -> [E] {
    let size = byteCount
    guard dtype.byteCount(of: shape) == size else {
      throw RefxError.byteCount(of: self, expected: dtype.byteCount(of: shape) ?? 0)
    }
    return try [E](unsafeUninitializedCapacity: count) { buffer, filled in
      let bytes = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: size)
      try source.read(at: 0, into: bytes)
      // Any byte but 0 and 1 is no value of Bool; files hold such.
      if E.self == Bool.self {
        for position in bytes.indices where bytes[position] > 1 { bytes[position] = 1 }
      } else if let wrong = dtype.firstOtherByte(in: UnsafeRawBufferPointer(bytes)) {
        throw RefxError.elementOfAnotherByte(dtype, at: wrong)
      }
      filled = count
    }
  }
}
