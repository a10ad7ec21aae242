import Refx
import RefxStore

/// Tensors, by the functions that torch names for making them again.
extension TorchObjects {
  /// - Returns: nil where the arguments are not the function's.
  mutating func tensor(_ name: PythonName, _ parts: [PickleValue], at place: Int) throws -> PickleValue? {
    switch name {
    case .tensor where parts.count == 4: return try strided(parts, element: nil, at: place)
    case .tensorV2 where (6...7).contains(parts.count):
      if let listed = try flagged(parts.count == 7 ? parts[6] : .none, shape: parts[2]) { return listed }
      return try strided(parts, element: nil, at: place)
    case .tensorV3 where (7...8).contains(parts.count):
      guard case .element(let element)? = self.name(parts[6]) else { return nil }
      if let listed = try flagged(parts.count == 8 ? parts[7] : .none, shape: parts[2]) { return listed }
      return try strided(parts, element: element, at: place)
    case .parameter where parts.count == 3, .variable where !parts.isEmpty,
      .parameterClass where (1...2).contains(parts.count):
      return isTensor(parts[0]) ? parts[0] : nil
    case .parameterWithState where parts.count == 4:
      noteAttributes(parts[3])
      return isTensor(parts[0]) ? parts[0] : nil
    case .fromType where parts.count == 4:
      let types: [PythonName?] = [.tensorClass, .parameterClass]
      guard types.contains(self.name(parts[1])), let made = try made(again: parts, at: place) else {
        return nil
      }
      noteAttributes(parts[3])
      return made
    case .deviceTensorFromArray where (3...4).contains(parts.count),
      .deviceTensorFromTensor where parts.count == 4:
      return try converted(parts[0], to: parts[1])
    case .metaTensor where parts.count == 4:
      guard let shape = try shape(parts[1]) else { return nil }
      return try add(.listed(.meta, shape: shape))
    case .quantized where parts.count == 7:
      guard case .storage(let part)? = object(parts[0]), let shape = try shape(parts[2]) else { return nil }
      return try add(
        .listed(
          UnsupportedLeaf(
            typeName: part.element.rawValue,
            reason: "its elements are quantised, by a scale and a zero point that no dtype here has"),
          shape: shape))
    case .sparse where parts.count == 2: return try sparse(parts)
    case .nested where parts.count == 4:
      return try add(
        .listed(
          UnsupportedLeaf(typeName: "nested", reason: "it is a row of tensors of different shapes"), shape: []
        ))
    default: return nil
    }
  }

  private func isTensor(_ value: PickleValue) -> Bool {
    switch object(value) {
    case .tensor, .listed, .array, .refused: true
    default: false
    }
  }

  private mutating func noteAttributes(_ state: PickleValue) {
    switch state {
    case .none: break
    case .dictionary(let row), .tuple(let row), .list(let row): if !heap.rows[row].isEmpty { attributed += 1 }
    default: attributed += 1
    }
  }

  /// A tensor that carries attributes is made by the function that made it without them.
  private mutating func made(again parts: [PickleValue], at place: Int) throws -> PickleValue? {
    guard let function = name(parts[0]), case .tuple(let row) = parts[2], function != .fromType else {
      return nil
    }
    let arguments = heap.rows[row]
    if arguments.contains(.foreign) { return .foreign }
    return try tensor(function, arguments, at: place)
  }

  private func shape(_ value: PickleValue) throws -> [Int]? {
    guard let shape = heap.integers(value), shape.allSatisfy({ $0 >= 0 }) else { return nil }
    try heap.budget.check(rank: shape.count)
    return shape
  }

  /// What a tensor is listed as whose elements are to be conjugated or negated when they are looked at.
  private mutating func flagged(_ metadata: PickleValue, shape: PickleValue) throws -> PickleValue? {
    let flags = ["conj": "conjugated", "neg": "negated"]
    for flag in flags.keys.sorted() {
      guard heap.member(flag, of: metadata) == .boolean(true), let shape = try self.shape(shape) else {
        continue
      }
      let how = flags[flag] ?? flag
      return try add(
        .listed(
          UnsupportedLeaf(
            typeName: flag, reason: "its elements are \(how) when they are looked at, which is not done"),
          shape: shape))
    }
    return nil
  }

  // MARK: Elements in a storage

  private mutating func strided(_ parts: [PickleValue], element: TorchElement?, at place: Int) throws
    -> PickleValue?
  {
    guard case .storage(let part)? = object(parts[0]), case .integer(let offset) = parts[1],
      let shape = try shape(parts[2]), let strides = heap.integers(parts[3]), strides.count == shape.count
    else { return nil }
    let element = element ?? part.element
    if storages[part.storage].isMeta { return try add(.listed(.meta, shape: shape)) }
    guard element.dtype != nil else {
      return try add(
        .listed(
          UnsupportedLeaf(
            typeName: element.rawValue, reason: "elements of that type stand for no dtype of this library"),
          shape: shape))
    }
    guard let count = DType.elementCount(of: shape), offset >= 0, strides.allSatisfy({ $0 >= 0 }),
      let start = TorchObjects.byteStart(of: Int(offset), shape, strides, count, element, in: part)
    else {
      // Said where it stands in the tree, with its path.
      return try add(
        .refused(
          RefxError.torchOutside(
            shape: shape, strides: strides, offset: offset, byteCount: part.byteCount, at: place)))
    }
    let view = TorchView(
      storage: part.storage, element: element, byteStart: start, shape: shape,
      strides: count == 0 ? shape.map { _ in 0 } : zip(shape, strides).map { $0 == 1 ? 0 : $1 })
    return try add(.tensor(try number(of: view)))
  }

  /// Where the first element stands in the whole storage.
  ///
  /// - Returns: nil where some element lies outside of the part.
  private static func byteStart(
    of offset: Int, _ shape: [Int], _ strides: [Int], _ count: Int, _ element: TorchElement,
    in part: StoragePart
  ) -> Int? {
    var end = offset
    if count > 0 {
      for (extent, stride) in zip(shape, strides) {
        let (reach, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
        let (sum, overflowed) = end.addingReportingOverflow(reach)
        if overflow || overflowed { return nil }
        end = sum
      }
      let available = part.byteCount / element.itemSize
      guard end < available else { return nil }
    }
    let (bytes, overflow) = offset.multipliedReportingOverflow(by: element.itemSize)
    let (start, overflowed) = part.byteStart.addingReportingOverflow(bytes)
    return overflow || overflowed ? nil : start
  }

  // MARK: Other makers

  /// A tensor of another device, which was written as one of this one, or as an array.
  private mutating func converted(_ value: PickleValue, to type: PickleValue) throws -> PickleValue? {
    guard case .element(let element)? = name(type) else { return nil }
    let dtype: DType?
    let shape: [Int]
    switch object(value) {
    case .tensor(let view)?: (dtype, shape) = (views[view].element.dtype, views[view].shape)
    case .array(let array)?: (dtype, shape) = (array.type.dtype, array.shape)
    case .listed?, .refused?: return value
    default: return nil
    }
    if let dtype, dtype == element.dtype { return value }
    return try add(
      .listed(
        UnsupportedLeaf(
          typeName: element.rawValue,
          reason: "its elements were written as \(dtype?.name ?? "those of another type")"),
        shape: shape))
  }

  private mutating func sparse(_ parts: [PickleValue]) throws -> PickleValue? {
    guard let data = heap.members(parts[1]), data.count >= 3 else { return nil }
    let size = data.dropFirst(2).first { heap.integers($0) != nil }
    var kind = "sparse"
    if let layout = heap.text(parts[0]) {
      kind = layout
    } else if case .constant(let layout)? = name(parts[0]) {
      kind = layout
    }
    if kind.utf8.starts(with: "torch.".utf8) { kind.removeFirst(6) }
    return try add(
      .listed(
        UnsupportedLeaf(
          typeName: kind, reason: "it lists its elements other than zero, and leaves here are dense"),
        shape: try size.flatMap { try shape($0) } ?? []))
  }
}

extension UnsupportedLeaf {
  static let meta = UnsupportedLeaf(typeName: "meta", reason: "it is a tensor without content")
}
