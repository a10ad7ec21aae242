import Refx

/// Where two trees first differ, in structure, sharing, collections, or a byte of payload; nil where they are
/// the same. Indexes may be numbered differently as long as the same sites share.
public func firstDifference(_ a: Tree<Leaf>, _ b: Tree<Leaf>) throws -> String? {
  var comparison = TreeComparison()
  return try comparison.difference(a, b, at: .root)
}

private struct TreeComparison {
  private var counterparts: [Int: Int] = [:]
  private var origins: [Int: Int] = [:]

  mutating func difference(_ a: Tree<Leaf>, _ b: Tree<Leaf>, at path: Path) throws -> String? {
    func differ(_ what: String) -> String { "at \"\(path.text)\": \(what)" }
    switch (a, b) {
    case (.leaf(let x), .leaf(let y)): return try leafDifference(x, y).map(differ)
    case (.dictionary(let x), .dictionary(let y)):
      guard x.keys == y.keys else {
        return differ("keys \(x.keys.map(\.string)) and \(y.keys.map(\.string))")
      }
      for (position, key) in x.keys.enumerated() {
        if let found = try difference(x.members[position], y.members[position], at: path.appending(key)) {
          return found
        }
      }
      return nil
    case (.list(let x), .list(let y)), (.tuple(let x), .tuple(let y)):
      guard x.count == y.count else { return differ("\(x.count) members and \(y.count)") }
      for position in x.indices {
        if let found = try difference(x[position], y[position], at: path.appending(Key(position))) {
          return found
        }
      }
      return nil
    case (.none, .none), (.nothing, .nothing), (.hole, .hole): return nil
    case (.static(let x), .static(let y)): return x == y ? nil : differ("static values \(x) and \(y)")
    case (.value(let x), .value(let y)):
      guard x.collection == y.collection else {
        return differ(
          "collections \(x.collection.map { "\($0)" } ?? "none") and \(y.collection.map { "\($0)" } ?? "none")"
        )
      }
      guard counterparts[x.index] == nil, origins[y.index] == nil else {
        return differ("a value comes twice")
      }
      counterparts[x.index] = y.index
      origins[y.index] = x.index
      return try difference(x.value, y.value, at: path)
    case (.index(let x), .index(let y)):
      guard x.collection == y.collection else { return differ("an index has another collection") }
      guard counterparts[x.index] == y.index else { return differ("indexes \(x.index) and \(y.index)") }
      return nil
    default: return differ("\(name(a)) and \(name(b))")
    }
  }

  private func leafDifference(_ x: Leaf, _ y: Leaf) throws -> String? {
    guard x.dtype == y.dtype else { return "dtypes \(x.dtype) and \(y.dtype)" }
    guard x.shape == y.shape else { return "shapes \(x.shape) and \(y.shape)" }
    guard x.byteCount == y.byteCount else { return "\(x.byteCount) bytes and \(y.byteCount)" }
    let one = try x.allBytes()
    let other = try y.allBytes()
    if one == other { return nil }
    let place = zip(one, other).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
    return "byte \(place) of \(x.dtype) \(x.shape): \(one[place]) and \(other[place])"
  }

  private func name(_ tree: Tree<Leaf>) -> String {
    switch tree {
    case .leaf: "a leaf"
    case .dictionary: "a dictionary"
    case .list: "a list"
    case .tuple: "a tuple"
    case .none: "none"
    case .nothing: "nothing"
    case .hole: "a hole"
    case .static(let value): "the static value \(value)"
    case .value(let value): "the value of #\(value.index)"
    case .index(let index): "the index #\(index.index)"
    }
  }
}
