import Refx
import RefxStore

/// Leaves whose content stands in the pickle itself: numbers, bytes, arrays of NumPy.
struct PickledLeaves {
  private let budget: Budget
  /// Where the next numbers stand, and how many bytes of it are given away.
  private var block: ExclusiveMemory?
  private var taken = 0

  init(_ budget: Budget) {
    self.budget = budget
  }

  // What a leaf in memory takes beside its bytes, in blocks of the heap, which are rounded up.
  private static let leafBytes = 192
  private static let numberBytes = 128
  private static let blockBytes = 512

  /// - Throws: ``RefxError`` where that is beyond a limit, as all of these do.
  mutating func leaf(_ value: PickleValue, _ heap: PickleHeap) throws -> Leaf {
    switch value {
    case .boolean(let isTrue): return try number(UInt8(isTrue ? 1 : 0), .bool)
    case .integer(let integer): return try number(UInt64(bitPattern: integer).littleEndian, .int64)
    case .float(let float): return try number(float.bitPattern.littleEndian, .float64)
    default: try budget.charge(metadataBytes: PickledLeaves.leafBytes)
    }
    switch value {
    case .bytes(let blob): return try charged(Leaf(heap.blobs[blob]))
    case .large(let blob): return try large(heap.blobs[blob])
    default: return .unsupported("object", "it is neither a number nor bytes")
    }
  }

  /// A number without dimensions, in memory that it has together with others, since millions may stand in a list.
  private mutating func number<Bits: BitwiseCopyable>(_ bits: Bits, _ dtype: DType) throws -> Leaf {
    try budget.charge(metadataBytes: PickledLeaves.numberBytes)
    let byteCount = MemoryLayout<Bits>.size
    try budget.charge(bytes: byteCount)
    let memory: ExclusiveMemory
    if let block, taken < block.bytes.count {
      memory = block
    } else {
      memory = ExclusiveMemory(
        .allocate(byteCount: PickledLeaves.blockBytes, alignment: 16), release: { $0.deallocate() })
      block = memory
      taken = 0
    }
    let place = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[taken..<(taken + byteCount)])
    place.storeBytes(of: bits, as: Bits.self)
    // Each begins at a multiple of eight.
    taken += 8
    return Leaf(dtype: dtype, shape: [], source: MemoryBytes(taking: place, from: memory))
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
