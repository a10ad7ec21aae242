import Refx
import RefxStore

/// What one site of each Ref would take if nothing were shared: all arrays inside, once for each of their sites
/// there, however deep shared values lie in each other.
///
/// Every node is looked at once; sums that an Int does not hold are the largest Int.
struct SiteSizes {
  struct Size: Sendable {
    var leaves = 0
    var bytes = 0

    fileprivate mutating func add(_ other: Size) {
      leaves = leaves.addingSaturated(other.leaves)
      bytes = bytes.addingSaturated(other.bytes)
    }
  }

  private var sizes: [Int: Size] = [:]

  init(of tree: Tree<Leaf>) {
    _ = size(tree)
  }

  subscript(index: Int) -> Size { sizes[index] ?? Size() }

  private mutating func size(_ tree: Tree<Leaf>) -> Size {
    switch tree {
    case .leaf(let leaf): return Size(leaves: 1, bytes: leaf.byteCount)
    case .dictionary(let branches): return size(of: branches.members)
    case .list(let members), .tuple(let members): return size(of: members)
    case .value(let value):
      let inside = size(value.value)
      sizes[value.index] = inside
      return inside
    // A Ref inside itself, whose copies would not end, counts nothing there.
    case .index(let index): return self[index.index]
    case .none, .nothing, .hole, .static: return Size()
    }
  }

  private mutating func size(of members: [Tree<Leaf>]) -> Size {
    var sum = Size()
    for member in members { sum.add(size(member)) }
    return sum
  }
}
