/// A tree with live Refs at its leaves: what partition, update and refx's refusals are about. Not Sendable.
public typealias RefTree = Tree<RefLeaf>

/// What stands at a leaf of a ``RefTree``: a live Ref, or a plain value.
public enum RefLeaf {
  case ref(AnyRef)
  case leaf(Leaf)
}
