import Refx
import RefxStore

/// A node with members, as the graph of sharing sees it.
final class SharingBranch {
  let path: Path
  let kind: SharingGraph.Kind
  /// The same for branches that hold the same in the same way.
  var signature = 0
  /// Arrays that are not shared: right here, and in all.
  var leaves = 0
  var bytes = 0
  var allLeaves = 0
  var allBytes = 0
  /// The sites of shared values right here, by the position of the value; without a key that of the root itself.
  var sites: [(key: Key?, value: Int)] = []
  var members: [(key: Key, branch: SharingBranch)] = []
  /// Whether a shared value stands here or below.
  var isSharing = false

  init(_ path: Path, _ kind: SharingGraph.Kind) {
    self.path = path
    self.kind = kind
  }

  /// Whether nothing stands right here.
  var isPassage: Bool { leaves == 0 && sites.isEmpty }

  /// The positions of the members that are alike, put together, in order of the first.
  var memberKinds: [[Int]] {
    var places: [Int: Int] = [:]
    var kinds: [[Int]] = []
    for (position, member) in members.enumerated() {
      if let known = places[member.branch.signature] {
        kinds[known].append(position)
      } else {
        places[member.branch.signature] = kinds.count
        kinds.append([position])
      }
    }
    return kinds
  }
}

/// One walk over a tree that finds its shared values, and which of its branches are alike.
struct SharingScan {
  private let shared: Set<Int>
  private let sizes: SiteSizes
  private var positions: [Int: Int] = [:]
  private var signatures: [Signature: Int] = [:]
  private(set) var values: [(value: SharingGraph.Value, inside: SharingBranch?)] = []

  /// - Parameter shared: the indexes of the Refs that count; others are looked through.
  init(shared: Set<Int>, in tree: Tree<Leaf>) {
    self.shared = shared
    sizes = SiteSizes(of: tree)
  }

  /// What a node is, told by numbers of what it holds: nodes that are alike have one signature.
  private enum Signature: Hashable {
    case array(dtype: String, shape: [Int])
    /// The site of a shared value.
    case site(Int)
    /// A later sight of a Ref that is looked through, and what has no elements.
    case word(String)
    case branch(SharingGraph.Kind, keys: [Key], members: [Int])
  }

  /// What stands at one node.
  private enum Item {
    case array(byteCount: Int)
    case site(value: Int)
    case other
    case branch(SharingBranch)
  }

  private mutating func number(_ signature: Signature) -> Int {
    if let known = signatures[signature] { return known }
    signatures[signature] = signatures.count
    return signatures.count - 1
  }

  mutating func root(_ tree: Tree<Leaf>) -> SharingBranch {
    let (item, signature) = item(tree, at: .root)
    switch item {
    case .branch(let branch): return branch
    case .array(let byteCount):
      let branch = SharingBranch(.root, .leaf)
      (branch.leaves, branch.bytes, branch.allLeaves, branch.allBytes) = (1, byteCount, 1, byteCount)
      branch.signature = signature
      return branch
    case .site(let value):
      // A Ref at the root whose other sites lie within itself.
      let branch = SharingBranch(.root, .ref)
      branch.sites = [(nil, value)]
      branch.isSharing = true
      return branch
    case .other: return SharingBranch(.root, .leaf)
    }
  }

  private mutating func item(_ tree: Tree<Leaf>, at path: Path) -> (Item, signature: Int) {
    switch tree {
    case .leaf(let leaf):
      let dtype = leaf.source.unsupported?.typeName ?? leaf.dtype.name
      return (.array(byteCount: leaf.byteCount), number(.array(dtype: dtype, shape: leaf.shape)))
    case .none: return (.other, number(.word("none")))
    case .nothing: return (.other, number(.word("nothing")))
    case .hole: return (.other, number(.word("hole")))
    case .static(let value): return (.other, number(.word(value.typeName)))
    case .dictionary(let branches):
      return branch(.dictionary, branches.keys, branches.members, at: path)
    case .list(let members): return branch(.list, members.indices.map { Key($0) }, members, at: path)
    case .tuple(let members): return branch(.tuple, members.indices.map { Key($0) }, members, at: path)
    case .index(let index):
      guard let position = positions[index.index] else { return (.other, number(.word("ref"))) }
      values[position].value.sites.append(path)
      return (.site(value: position), number(.site(position)))
    case .value(let value):
      guard shared.contains(value.index) else { return inside(value.value, at: path) }
      let position = values.count
      positions[value.index] = position
      // The place is taken before what lies inside, whose shared values come later.
      values.append((described(value, at: path), nil))
      guard case .branch(let inside) = inside(value.value, at: path).0 else {
        return (.site(value: position), number(.site(position)))
      }
      values[position].inside = inside
      return (.site(value: position), number(.site(position)))
    }
  }

  /// What a Ref holds; a Ref in a Ref stands at "0".
  private mutating func inside(_ tree: Tree<Leaf>, at path: Path) -> (Item, signature: Int) {
    tree.isReference ? branch(.ref, ["0"], [tree], at: path) : item(tree, at: path)
  }

  private mutating func branch(
    _ kind: SharingGraph.Kind, _ keys: [Key], _ members: [Tree<Leaf>], at path: Path
  ) -> (Item, signature: Int) {
    let branch = SharingBranch(path, kind)
    var signatures: [Int] = []
    signatures.reserveCapacity(members.count)
    for (key, member) in zip(keys, members) {
      let (item, signature) = item(member, at: path.appending(key))
      signatures.append(signature)
      switch item {
      case .array(let byteCount):
        branch.leaves += 1
        branch.bytes = branch.bytes.addingSaturated(byteCount)
      case .site(let value):
        branch.sites.append((key, value))
        branch.isSharing = true
      case .branch(let inner):
        branch.members.append((key, inner))
        branch.allLeaves += inner.allLeaves
        branch.allBytes = branch.allBytes.addingSaturated(inner.allBytes)
        branch.isSharing = branch.isSharing || inner.isSharing
      case .other: break
      }
    }
    branch.allLeaves += branch.leaves
    branch.allBytes = branch.allBytes.addingSaturated(branch.bytes)
    branch.signature = number(
      .branch(kind, keys: kind == .dictionary ? keys : [], members: signatures))
    return (.branch(branch), branch.signature)
  }

  private func described(_ value: Value<Tree<Leaf>>, at path: Path) -> SharingGraph.Value {
    var dtype: String?
    var shape: [Int]?
    switch value.value {
    case .leaf(let leaf):
      dtype = leaf.source.unsupported?.typeName ?? leaf.dtype.name
      shape = leaf.shape
    case .static(let constant):
      dtype = constant.typeName
      shape = []
    case .nothing, .hole: break
    default: dtype = "tree"
    }
    return SharingGraph.Value(
      index: value.index, collection: value.collection, dtype: dtype, shape: shape,
      leaves: sizes[value.index].leaves, bytes: sizes[value.index].bytes, sites: [path])
  }
}
