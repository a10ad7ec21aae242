/// The shape of a tree without what stands at its leaves: node kinds, keys, static values, the origin's own
/// Nothings. A value: it can be compared, hashed (the key of a cache, say) and sent, and puts leaves back
/// into the tree they were taken from. From refx: the `treedef` that comes with leaves.
public struct Structure: Hashable, Sendable {
  /// What stands at a place that held a leaf.
  enum Kind: Hashable, Sendable {
    case leaf
    /// The tree's own Nothing, or a hole, which was taken out as a leaf.
    case nothing, hole
  }

  struct Slot: Hashable, Sendable {
    /// The leaf's position among the leaves.
    let position: Int
    let kind: Kind
  }

  let shape: Tree<Slot>
  /// The number of leaves that were taken out, own Nothings among them where they were.
  public let leafCount: Int
}

extension Structure {
  /// The paths of the leaves, in order. Linear.
  public var paths: [Path] {
    var all: [Path] = []
    all.reserveCapacity(leafCount)
    forEachSlot { path, _ in
      all.append(Path(path))
      return true
    }
    return all
  }

  /// The path of one leaf. Linear: for messages; see ``paths`` for all.
  func path(of position: Int) -> Path {
    var found = Path.root
    forEachSlot { path, slot in
      if slot.position == position { found = Path(path) }
      return slot.position < position
    }
    return found
  }

  /// The position of the leaf at `path`; nil where there is none.
  func position(at path: Path) -> Int? {
    if case .leaf(let slot) = shape[path] { slot.position } else { nil }
  }

  /// Visits the places of leaves in order, until `body` returns false.
  func forEachSlot(_ body: ([Key], Slot) -> Bool) {
    var path: [Key] = []
    _ = Structure.visit(shape, &path, body)
  }

  /// - Returns: false where `body` said that it has seen enough.
  private static func visit(_ tree: Tree<Slot>, _ path: inout [Key], _ body: ([Key], Slot) -> Bool) -> Bool {
    switch tree {
    case .leaf(let slot): return body(path, slot)
    case .dictionary(let branches):
      for (key, member) in zip(branches.keys, branches.members) {
        path.append(key)
        let goesOn = visit(member, &path, body)
        path.removeLast()
        if !goesOn { return false }
      }
    case .list(let members), .tuple(let members):
      for (position, member) in members.enumerated() {
        path.append(Key(position))
        let goesOn = visit(member, &path, body)
        path.removeLast()
        if !goesOn { return false }
      }
    case .value(let value):
      guard value.value.isReference else { return visit(value.value, &path, body) }
      path.append("0")
      defer { path.removeLast() }
      return visit(value.value, &path, body)
    case .none, .nothing, .hole, .static, .index: break
    }
    return true
  }
}

extension Structure: CustomStringConvertible {
  /// The shape as one line: `{"a": [*, *], "b": *}`, a leaf as `*`.
  public var description: String { visible(Structure.text(of: shape)) }

  private static func text(of tree: Tree<Slot>) -> String {
    switch tree {
    case .leaf(let slot): slot.kind == .leaf ? "*" : slot.kind == .nothing ? "Nothing" : "hole"
    case .dictionary(let branches):
      "{" + zip(branches.keys, branches.members).map { "\"\($0)\": \(text(of: $1))" }.joined(separator: ", ")
        + "}"
    case .list(let members): "[" + members.map(text).joined(separator: ", ") + "]"
    case .tuple(let members): "(" + members.map(text).joined(separator: ", ") + ")"
    case .none: "None"
    case .nothing: "Nothing"
    case .hole: "hole"
    case .static(let value): "\(value)"
    case .value(let value): "Value(\(value.index): \(text(of: value.value)))"
    case .index(let index): "Index(\(index.index))"
    }
  }
}
