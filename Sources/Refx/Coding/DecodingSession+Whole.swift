extension DecodingSession {
  /// Decodes what is taken whole.
  func whole<T: Decodable>(_ type: T.Type, from node: DecodingNode, at place: Place) throws -> T {
    guard let whole = type as? any TensorRepresentable.Type else {
      return try ownValue(type, from: node, at: place)
    }
    return try self.whole(type, as: whole, from: node, at: place)
  }

  /// Decodes what is taken whole, of a type whose conformance is known.
  func whole<T: Decodable, Whole: TensorRepresentable>(
    _ type: T.Type, as whole: Whole.Type, from node: DecodingNode, at place: Place
  ) throws -> T {
    switch node {
    case .tree(.leaf(let leaf)):
      do {
        return same(try Whole(leaf: leaf), as: T.self)
      } catch let error as RefxError where error.code == .mismatch {
        try reportUnfit(leaf, for: type, error, at: place)
      } catch let error as RefxError {
        throw error.atPath(place.path)
      }
    case .tree: try report(.structure, at: place, expected: wanted(type), found: node.summary)
    case .missing: try report(.missing, at: place, expected: wanted(type))
    case .known: break
    }
    guard let placeholder = placeholder(for: whole) as? T else { throw NoPlaceholder(path: place.path) }
    return placeholder
  }

  private func reportUnfit(_ leaf: Leaf, for type: Any.Type, _ error: RefxError, at place: Place) throws {
    let wantedDType =
      (type as? any TensorElement.Type)?.dtype ?? (type as? any ElementArray.Type)?.elementDType
    if let wantedDType, wantedDType == leaf.dtype {
      try report(.shape, at: place, expected: wanted(type), found: leaf.summary)
    } else if let wantedDType {
      try report(.dtype, at: place, expected: "\(wantedDType)", found: "\(leaf.dtype)")
    } else {
      try report(
        .type, at: place, expected: error.expected ?? wanted(type), found: error.found ?? leaf.summary)
    }
  }

  func text(from node: DecodingNode, at place: Place) throws -> String {
    switch try plain(node, at: place) {
    case .tree(.static(.string(let text))): return text
    case .missing: try report(.missing, at: place, expected: "a string")
    case .tree(let tree):
      try report(.structure, at: place, expected: "a string", found: DecodingNode.tree(tree).summary)
    case .known: break
    }
    return ""
  }

  /// A number, straight from memory where it lies there.
  func number<E: TensorElement & TensorRepresentable & Decodable>(
    _ type: E.Type, from node: DecodingNode, at place: @autoclosure () -> Place
  ) throws -> E {
    if case .tree(.leaf(let leaf)) = node, leaf.dtype == E.dtype, leaf.dtype.takesAnyBytes,
      leaf.shape.isEmpty,
      let bytes = leaf.source.bytesInMemory, bytes.byteCount == MemoryLayout<E>.size
    {
      return bytes.withBytes { $0.loadUnaligned(as: E.self) }
    }
    let here = place()
    return try whole(type, from: try plain(node, at: here), at: here)
  }
}

/// Any value of a type that is taken whole: of each dtype, the first empty or single element that it takes.
private func placeholder(for type: any TensorRepresentable.Type) -> Any? {
  for dtype in DType.allCases where dtype.itemSize != nil {
    for shape in [[], [0], [0, 0]] {
      let count = dtype.byteCount(of: shape) ?? 0
      let zeros = MemoryBytes(count: count) { $0.initializeMemory(as: UInt8.self, repeating: 0) }
      if let value = try? type.init(leaf: Leaf(dtype: dtype, shape: shape, source: zeros)) { return value }
    }
  }
  return nil
}
