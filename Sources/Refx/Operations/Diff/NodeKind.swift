extension ValueTable<Leaf> {
  /// What stands somewhere, in words.
  func words(for tree: Tree<Leaf>) -> String {
    switch open(tree) {
    case .leaf(let leaf): "\(leaf.dtype.name) \(leaf.shape)"
    case .static(let value): value.description
    case let inside: NodeKind(inside).rawValue
    }
  }
}

/// What kind of node stands somewhere, in words.
enum NodeKind: String {
  case leaf = "array"
  case dictionary, list, tuple, none, nothing, hole
  case `static` = "static value"
  case reference = "ref"

  init(_ tree: Tree<Leaf>) {
    self =
      switch tree {
      case .leaf: .leaf
      case .dictionary: .dictionary
      case .list: .list
      case .tuple: .tuple
      case .none: .none
      case .nothing: .nothing
      case .hole: .hole
      case .static: .static
      case .value, .index: .reference
      }
  }
}

extension Tree {
  /// How many arrays stand here and below, each where it is first seen.
  var arrayCount: Int {
    switch self {
    case .leaf, .index: 1
    case .dictionary(let branches): branches.members.reduce(0) { $0 + $1.arrayCount }
    case .list(let members), .tuple(let members): members.reduce(0) { $0 + $1.arrayCount }
    case .value(let value): value.value.arrayCount
    default: 0
    }
  }
}
