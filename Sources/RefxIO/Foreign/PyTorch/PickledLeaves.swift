import Refx
import RefxStore

/// Leaves whose content stands in the pickle itself: numbers, bytes, arrays of NumPy.
struct PickledLeaves {
  private let budget: Budget

  init(_ budget: Budget) {
    self.budget = budget
  }

  /// What a leaf in memory takes beside its bytes.
  private static let leafBytes = 64

  /// - Throws: ``RefxError`` where that is beyond a limit, as all of these do.
  func leaf(_ value: PickleValue, _ heap: PickleHeap) throws -> Leaf {
    try budget.charge(metadataBytes: PickledLeaves.leafBytes)
    switch value {
    case .boolean(let isTrue): return try charged(Leaf(isTrue))
    case .integer(let number): return try charged(Leaf(number))
    case .float(let number): return try charged(Leaf(number))
    case .bytes(let blob): return try charged(Leaf(heap.blobs[blob]))
    case .large(let blob): return try large(heap.blobs[blob])
    default: return .unsupported("object", "it is neither a number nor bytes")
    }
  }

  /// An integer that one number of 64 bits without a sign can hold, or that is listed.
  private func large(_ bytes: [UInt8]) throws -> Leaf {
    var bits: UInt64 = 0
    for (place, byte) in bytes.prefix(8).enumerated() { bits |= UInt64(byte) << UInt64(8 * place) }
    if bytes.dropFirst(8).allSatisfy({ $0 == 0 }) { return try charged(Leaf(bits)) }
    let isNegative = bytes.last ?? 0 >= 0x80
    if isNegative, bits >> 63 == 1, bytes.dropFirst(8).allSatisfy({ $0 == 0xFF }) {
      return try charged(Leaf(Int64(bitPattern: bits)))
    }
    return .unsupported("int", "it is an integer of \(bytes.count) bytes, and none here has more than 8")
  }

  func complex(_ real: Double, _ imaginary: Double) throws -> Leaf {
    try budget.charge(metadataBytes: PickledLeaves.leafBytes)
    return try charged(Leaf(Complex(real, imaginary)))
  }

  func leaf(_ array: PickledArray, _ heap: PickleHeap) throws -> Leaf {
    guard let dtype = array.type.dtype else { return .unsupported(array.type.name, "it has no dtype here") }
    try budget.charge(metadataBytes: PickledLeaves.leafBytes)
    let shape = array.shape
    var strides = [Int](repeating: 1, count: shape.count)
    if array.isFortranOrder {
      for axis in shape.indices.dropFirst() { strides[axis] = strides[axis - 1] &* shape[axis - 1] }
    } else {
      for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] &* shape[axis + 1] }
    }
    let memory = InputFile(MemoryBytes(sharing: heap.blobs[array.blob]), name: "")
    return try charged(
      Leaf(
        dtype: dtype, shape: shape,
        source: StridedSource(
          memory, start: 0, dtype: dtype, shape: shape, strides: strides, isBigEndian: array.type.isBigEndian)
      ))
  }

  private func charged(_ leaf: Leaf) throws -> Leaf {
    try budget.charge(bytes: leaf.byteCount)
    return leaf
  }
}
