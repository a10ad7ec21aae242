import Refx
import RefxStore

/// The type of the elements of an array of NumPy, as a pickle has it.
struct PickledArrayType {
  /// Its name without the order of bytes, such as `f4`.
  let name: String
  var isBigEndian = false
  /// Whether an element has fields or is an array itself.
  var isCompound = false

  /// The same type here; nil where there is none.
  var dtype: DType? {
    if isCompound { return nil }
    switch name {
    case "b1": return .bool
    case "i1": return .int8
    case "i2": return .int16
    case "i4": return .int32
    case "i8": return .int64
    case "u1": return .uint8
    case "u2": return .uint16
    case "u4": return .uint32
    case "u8": return .uint64
    case "f2": return .float16
    case "f4": return .float32
    case "f8": return .float64
    case "c8": return .complex64
    case "c16": return .complex128
    default: return nil
    }
  }

  /// The type after its state was met: a version, the order of bytes, and what makes it compound.
  func ordered(by state: [PickleValue], _ heap: PickleHeap) -> PickledArrayType? {
    guard state.count >= 5, let order = heap.text(state[1]) else { return nil }
    var type = self
    switch order {
    case "<", "|", "=": type.isBigEndian = false
    case ">": type.isBigEndian = true
    default: return nil
    }
    type.isCompound = state[2] != .none || state[3] != .none
    return type
  }
}

/// An array or a scalar of NumPy, whose elements stand in the pickle.
struct PickledArray {
  let type: PickledArrayType
  let shape: [Int]
  let isFortranOrder: Bool
  /// Whether it is a number rather than an array, so that to meet it twice means nothing.
  let isScalar: Bool
  /// Its bytes, among those of the heap.
  let blob: Int
}

extension TorchObjects {
  mutating func arrayType(_ parts: [PickleValue]) throws -> PickleValue? {
    guard let name = parts.first.flatMap({ heap.text($0) }), name.utf8.count <= 32 else { return nil }
    return try add(.arrayType(PickledArrayType(name: name)))
  }

  /// The state of an array: a version, shape, type, whether the first index varies fastest, and the elements.
  mutating func array(_ state: PickleValue) throws -> TorchObject? {
    guard let parts = heap.members(state), parts.count == 5, case .boolean(let isFortranOrder) = parts[3]
    else {
      return nil
    }
    return try array(shape: parts[1], type: parts[2], elements: parts[4], isFortranOrder: isFortranOrder)
  }

  mutating func arrayScalar(_ parts: [PickleValue]) throws -> PickleValue? {
    guard parts.count == 2 else { return nil }
    let shape = PickleValue.tuple(try heap.addRow())
    guard
      let scalar = try array(
        shape: shape, type: parts[0], elements: parts[1], isFortranOrder: false, isScalar: true)
    else { return nil }
    return try add(scalar)
  }

  mutating func arrayFromBuffer(_ parts: [PickleValue]) throws -> PickleValue? {
    guard parts.count == 4, let order = heap.text(parts[3]), ["C", "F"].contains(order),
      let array = try array(shape: parts[2], type: parts[1], elements: parts[0], isFortranOrder: order == "F")
    else { return nil }
    return try add(array)
  }

  private mutating func array(
    shape: PickleValue, type: PickleValue, elements: PickleValue, isFortranOrder: Bool, isScalar: Bool = false
  ) throws -> TorchObject? {
    guard case .arrayType(let type)? = object(type), let shape = heap.integers(shape),
      let count = DType.elementCount(of: shape)
    else { return nil }
    try heap.budget.check(rank: shape.count)
    guard let dtype = type.dtype else {
      return .listed(
        UnsupportedLeaf(
          typeName: type.name, reason: "elements of that type of NumPy stand for no dtype of this library"),
        shape: shape)
    }
    let blob: Int
    switch elements {
    case .bytes(let bytes): blob = bytes
    // Bytes of Python 2 that might be a text.
    case .text(let text): blob = try heap.add(Array(heap.texts[text].utf8))
    default: return nil
    }
    guard count.multipliedReportingOverflow(by: dtype.itemSize ?? 1) == (heap.blobs[blob].count, false) else {
      return nil
    }
    return .array(
      PickledArray(type: type, shape: shape, isFortranOrder: isFortranOrder, isScalar: isScalar, blob: blob))
  }
}
