import Refx

extension Tree where Element == Leaf {
  /// What stands here, in words.
  public var inWords: String {
    switch self {
    case .leaf(let leaf): "an array of \(leaf.dtype.name) \(leaf.shape)"
    case .dictionary(let branches): "a dictionary of \(branches.count)"
    case .list(let members): "a list of \(members.count)"
    case .tuple(let members): "a tuple of \(members.count)"
    case .none: "none"
    case .nothing: "nothing"
    case .hole: "a hole"
    case .static(let value): "the static value \(value)"
    case .value, .index: "a ref"
    }
  }
}
