/// Elements of one dtype in a shape, in memory: little-endian, in C order.
///
/// A tensor is a value. Copying it shares the bytes; writing to it copies them first where they are shared.
public struct Tensor: Sendable {
  /// The type of the elements.
  public let dtype: DType
  /// The extents, outermost first; empty for a single element.
  public let shape: [Int]
  private var storage: MemoryBytes

  /// Views `bytes` as a tensor. Copies nothing.
  ///
  /// - Precondition: the dtype has elements of fixed size and the bytes are as many as the shape needs.
  public init(dtype: DType, shape: [Int], bytes: MemoryBytes) {
    precondition(
      dtype.byteCount(of: shape) == bytes.byteCount
        || (dtype == .string && DType.elementCount(of: shape) != nil),
      "a tensor of \(dtype.name) \(shape) does not have \(bytes.byteCount) bytes")
    self.dtype = dtype
    self.shape = shape
    self.storage = bytes
  }

  /// The elements in C order, copied.
  ///
  /// - Precondition: there are as many elements as the shape needs.
  public init<E: TensorElement>(_ elements: [E], shape: [Int]) {
    let bytes = MemoryBytes(count: elements.count * MemoryLayout<E>.stride) { buffer in
      elements.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    self.init(dtype: E.dtype, shape: shape, bytes: bytes)
  }

  /// A row of elements, copied.
  public init<E: TensorElement>(_ elements: [E]) {
    self.init(elements, shape: [elements.count])
  }

  /// A single element, with the empty shape.
  public init<E: TensorElement>(_ element: E) {
    let bytes = MemoryBytes(count: MemoryLayout<E>.size) { buffer in
      withUnsafeBytes(of: element) { buffer.copyMemory(from: $0) }
    }
    self.init(dtype: E.dtype, shape: [], bytes: bytes)
  }

  /// The number of elements.
  public var count: Int { DType.elementCount(of: shape) ?? 0 }

  /// The bytes, shared.
  public var bytes: MemoryBytes { storage }

  /// Looks at the elements as values of `E`, without a copy. The buffer is valid during `body` alone.
  ///
  /// - Precondition: `E` is the native type of ``dtype``.
  public func withElements<E: TensorElement, R>(
    of type: E.Type, _ body: (UnsafeBufferPointer<E>) throws -> R
  ) rethrows -> R {
    precondition(E.dtype == dtype, "elements of \(dtype.name) are not \(E.dtype.name)")
    return try storage.withBytes { try body($0.bindMemory(to: E.self)) }
  }

  /// Changes the elements in place; copies them first where another tensor or leaf shares them.
  ///
  /// - Precondition: `E` is the native type of ``dtype``.
  public mutating func withMutableElements<E: TensorElement, R>(
    of type: E.Type, _ body: (UnsafeMutableBufferPointer<E>) throws -> R
  ) rethrows -> R {
    precondition(E.dtype == dtype, "elements of \(dtype.name) are not \(E.dtype.name)")
    if !isKnownUniquelyReferenced(&storage) || !storage.ownsItsMemory {
      let shared = storage
      storage = MemoryBytes(count: shared.byteCount) { buffer in
        shared.withBytes { buffer.copyMemory(from: $0) }
      }
    }
    let memory = UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(mutating: storage.start), count: storage.byteCount)
    return try body(memory.bindMemory(to: E.self))
  }

  /// The elements as an array, copied.
  ///
  /// - Precondition: `E` is the native type of ``dtype``.
  public func elements<E: TensorElement>(of type: E.Type = E.self) -> [E] {
    withElements(of: E.self) { Array($0) }
  }
}

/// Two tensors are equal when dtype, shape and every byte are.
extension Tensor: Equatable {
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.dtype == b.dtype, a.shape == b.shape, a.storage.byteCount == b.storage.byteCount else {
      return false
    }
    if a.storage === b.storage { return true }
    return a.storage.withBytes { x in b.storage.withBytes { y in firstDifference(x, y) == x.count } }
  }
}

extension Leaf {
  /// The tensor as a leaf. Shares the bytes.
  public init(_ tensor: Tensor) {
    self.init(dtype: tensor.dtype, shape: tensor.shape, source: tensor.bytes)
  }

  /// A single element as a leaf with the empty shape.
  public init<E: TensorElement>(_ element: E) {
    self.init(Tensor(element))
  }

  /// The payload as a tensor: shared where it lies in memory, else read whole.
  ///
  /// - Throws: ``RefxError`` where the payload cannot be read, is damaged, or cannot be represented.
  public func tensor() throws -> Tensor {
    if let reason = source.unsupported { throw RefxError.unsupportedLeaf(reason) }
    let expected = dtype == .string ? byteCount : dtype.byteCount(of: shape)
    guard expected == byteCount else { throw RefxError.byteCount(of: self, expected: expected ?? 0) }
    if let bytes = source.bytesInMemory { return Tensor(dtype: dtype, shape: shape, bytes: bytes) }
    let bytes = try MemoryBytes(count: byteCount) { try source.read(at: 0, into: $0) }
    return Tensor(dtype: dtype, shape: shape, bytes: bytes)
  }
}

/// A type that goes to a leaf whole and comes back from one: how a tensor type of your own joins.
///
/// Array types of native elements, numbers and ``Tensor`` conform already.
public protocol TensorRepresentable {
  /// The dtype and shape now, and the bytes as they are at this moment: a value type shares its storage, a
  /// type with a buffer of its own that may change later copies it, so that a background save is not torn.
  func snapshot() throws -> Leaf

  /// Takes the payload of `leaf`, which may be read from a file here.
  ///
  /// - Throws: ``RefxError`` where the dtype or the shape does not fit, or the payload cannot be read.
  init(leaf: Leaf) throws
}

extension Tensor: TensorRepresentable {
  public func snapshot() -> Leaf { Leaf(self) }

  public init(leaf: Leaf) throws {
    self = try leaf.tensor()
  }
}
